#include "attack/attacked.h"

#include "attack/stand_in.h"
#include "core/fail.h"

#include <stdlib.h>

static Model *ask(const Model *model, const char *where, Error *err) {
    const StandIn *self = (const StandIn *)model;
    if (self->of->rejects == model->rejects && labels_equal(&self->of->classes, &model->classes))
        return self->of;
    error_set(err, ERROR_ARGUMENT, "%s: the %s was fitted to other classes while it was attacked",
              where, model->kind->name);
    return NULL;
}

static bool attacked_scores(Model *model, const Batch *batch, double *scores, Error *err) {
    Model *of = ask(model, batch->where, err);
    return of && model_scores(of, batch, scores, err);
}

static bool attacked_gradient(Model *model, const Batch *batch, const GradientRequest *request,
                              Error *err) {
    Model *of = ask(model, batch->where, err);
    return of && model_gradient(of, batch, request, err);
}

static bool attacked_ascent(Model *model, const Batch *batch, const Ascent *ascent, Error *err) {
    Model *of = ask(model, batch->where, err);
    return of && model_ascent(of, batch, ascent, err);
}

/* ---- There and back in two calls ------------------------------------------------------------- */

static bool attacked_forward(ModelPass *pass, double *scores, Error *err) {
    Model *of = ask(pass->model, pass->batch.where, err);
    ModelPass *inner = of ? malloc(sizeof *inner) : NULL;
    if (!inner)
        return of && error_memory(err, pass->batch.where, sizeof *inner);
    *inner = *pass;
    inner->model = of;
    inner->kept = NULL;
    pass->kept = inner;
    return model_forward(inner, scores, err);
}

static bool attacked_backward(ModelPass *pass, const double *w, float *gradient, Error *err) {
    return ask(pass->model, pass->batch.where, err) && model_backward(pass->kept, w, gradient, err);
}

static void attacked_forget(ModelPass *pass) {
    model_pass_clear(pass->kept);
    free(pass->kept);
}

Model *attacked_new(Model *of, Error *err) {
    const ModelKind kind = { .scores = attacked_scores,
                             .one_pass = true,
                             .gradient = attacked_gradient,
                             .forward = attacked_forward,
                             .backward = attacked_backward,
                             .forget = attacked_forget,
                             .ascent = attacked_ascent };
    return stand_in_new(sizeof(StandIn), of, &kind, err);
}
