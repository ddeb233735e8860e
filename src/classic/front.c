#include "classic/front.h"

#include "core/fail.h"

#include <stdlib.h>
#include <string.h>

/* A batch behind f, with room for what is asked there. */
typedef struct Behind {
    Front *self;
    Preprocessed y;
    Batch batch; /* f(x) */
    float *dy;   /* n × y's features; with `back` */
} Behind;

static void behind_clear(Behind *behind) {
    behind->self->calls->forget(&behind->y);
    free(behind->dy);
}

/* To be cleared whatever the answer. */
static bool behind_make(Behind *behind, const Batch *x, bool back, Error *err) {
    Front *self = behind->self;
    if (!self->calls->forward(self->context, x, back, &behind->y, err) ||
        !model_check_inside(&self->base, self->model, self->base.rejects, err))
        return false;
    size_t features = behind->y.features;
    behind->batch = (Batch){ behind->y.y, x->n, features, x->where };
    behind->dy = back ? malloc((x->n * features + 1) * sizeof *behind->dy) : NULL;
    return !back || behind->dy || error_memory(err, x->where, x->n * features * sizeof(float));
}

static bool pull(const Behind *behind, float *dx, Error *err) {
    return behind->self->calls->pull(&behind->y, behind->dy, dx, err);
}

bool front_scores(Model *base, const Batch *batch, double *scores, Error *err) {
    Behind behind = { .self = (Front *)base };
    bool ok = behind_make(&behind, batch, false, err) &&
              model_scores(behind.self->model, &behind.batch, scores, err);
    behind_clear(&behind);
    return ok;
}

bool front_gradient(Model *base, const Batch *batch, const GradientRequest *request, Error *err) {
    Behind behind = { .self = (Front *)base };
    GradientRequest inner = *request;
    bool ok = behind_make(&behind, batch, true, err);
    inner.gradient = behind.dy;
    ok = ok && model_gradient(behind.self->model, &behind.batch, &inner, err) &&
         pull(&behind, request->gradient, err);
    behind_clear(&behind);
    return ok;
}

bool front_ascent(Model *base, const Batch *batch, const Ascent *ascent, Error *err) {
    Behind behind = { .self = (Front *)base };
    Ascent inner = *ascent;
    bool back = ascent->direction != NULL, ok = behind_make(&behind, batch, back, err);
    inner.direction = behind.dy;
    ok = ok && model_ascent(behind.self->model, &behind.batch, &inner, err) &&
         (!back || pull(&behind, ascent->direction, err));
    behind_clear(&behind);
    return ok;
}

/* ---- There and back in two calls ------------------------------------------------------------- */

typedef struct Kept {
    Behind behind;
    ModelPass inner;
} Kept;

static void forget(Kept *kept) {
    model_pass_clear(&kept->inner);
    behind_clear(&kept->behind);
    free(kept);
}

bool front_forward(ModelPass *pass, double *scores, Error *err) {
    Front *self = (Front *)pass->model;
    Kept *kept = calloc(1, sizeof *kept);
    if (!kept)
        return error_memory(err, pass->batch.where, sizeof *kept);
    kept->behind.self = self;
    bool ok = behind_make(&kept->behind, &pass->batch, true, err);
    kept->inner = *pass;
    kept->inner.model = self->model;
    kept->inner.batch = kept->behind.batch;
    kept->inner.kept = NULL;
    ok = ok && model_forward(&kept->inner, scores, err);
    if (ok)
        pass->kept = kept;
    else
        forget(kept);
    return ok;
}

bool front_backward(ModelPass *pass, const double *w, float *gradient, Error *err) {
    Kept *kept = pass->kept;
    return model_backward(&kept->inner, w, kept->behind.dy, err) &&
           pull(&kept->behind, gradient, err);
}

void front_forget(ModelPass *pass) {
    forget(pass->kept);
}

/* ---- As a kind of model ---------------------------------------------------------------------- */

bool front_take_classes(Front *self, Error *err) {
    Labels classes;
    if (!labels_copy(self->base.kind->name, &self->model->classes, &classes, err))
        return false;
    labels_clear(&self->base.classes);
    self->base.classes = classes;
    self->base.rejects = self->model->rejects;
    return true;
}

/* f of all samples, piece by piece, for free(). */
float *front_rows(Front *self, const Samples *samples, size_t *features, Error *err) {
    const Batch all = { samples->x, samples->n, samples->features, "fit" };
    float *rows = NULL;
    bool ok = true;
    for (size_t first = 0; ok && first < all.n; first += MODEL_PIECE) {
        size_t left = all.n - first;
        Batch piece = batch_rows(&all, first, left < MODEL_PIECE ? left : MODEL_PIECE);
        Preprocessed y = { 0 };
        ok = self->calls->forward(self->context, &piece, false, &y, err);
        if (ok && first == 0) {
            *features = y.features;
            rows = malloc((all.n * y.features + 1) * sizeof *rows);
            ok = rows || error_memory(err, "fit", all.n * y.features * sizeof *rows);
        }
        if (ok && y.features != *features)
            ok = error_set(err, ERROR_ARGUMENT,
                           "fit: the function of a %s made %zu features of one sample and %zu of "
                           "another",
                           self->base.kind->name, *features, y.features);
        if (ok)
            memcpy(rows + first * *features, y.y, piece.n * *features * sizeof *rows);
        self->calls->forget(&y);
    }
    if (ok)
        return rows;
    free(rows);
    return NULL;
}

Sizes front_input_shape(const Model *base) {
    const Front *self = (const Front *)base;
    bool kept = base->features == 0 || base->features == self->model->features;
    return kept ? model_input_shape(self->model) : (Sizes){ 0 };
}
