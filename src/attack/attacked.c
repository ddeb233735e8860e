#include "attack/attacked.h"

#include "core/fail.h"

#include <stdlib.h>

typedef struct Attacked {
    Model base;
    ModelKind kind; /* its own: the other's name, and how long its batches are */
    Model *of;
} Attacked;

static Model *ask(const Model *model, const char *where, Error *err) {
    const Attacked *self = (const Attacked *)model;
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

static void attacked_free(Model *model) {
    Attacked *self = (Attacked *)model;
    model_release(self->of);
    free(self);
}

Model *attacked_new(Model *of, Error *err) {
    const ModelKind *kind = of->kind;
    Attacked *self = calloc(1, sizeof *self);
    if (!self) {
        error_memory(err, kind->name, sizeof *self);
        return NULL;
    }
    self->kind = (ModelKind){ .name = kind->name,
                              .whole_batches = kind->whole_batches,
                              .free = attacked_free,
                              .scores = attacked_scores,
                              .one_pass = true,
                              .gradient = attacked_gradient,
                              .forward = attacked_forward,
                              .backward = attacked_backward,
                              .forget = attacked_forget,
                              .ascent = attacked_ascent };
    model_init(&self->base, &self->kind);
    self->of = model_retain(of);
    self->base.features = of->features;
    self->base.rejects = of->rejects;
    if (labels_copy(kind->name, &of->classes, &self->base.classes, err))
        return &self->base;
    model_release(&self->base);
    return NULL;
}
