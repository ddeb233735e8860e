#include "reject/preprocess.h"

#include "core/fail.h"

#include <stdlib.h>
#include <string.h>

struct Preprocess {
    Model base;
    Model *model;
    const PreprocessCalls *calls;
    void *context;
};

static void preprocess_free(Model *base) {
    Preprocess *self = (Preprocess *)base;
    model_release(self->model);
    self->calls->release(self->context);
    free(self);
}

static bool check_classes(const Preprocess *self, Error *err) {
    return (self->model->rejects == self->base.rejects &&
            labels_equal(&self->model->classes, &self->base.classes)) ||
           error_set(err, ERROR_ARGUMENT,
                     "preprocess: the model inside has other classes than when it was taken in; "
                     "call :fit or make the preprocess anew");
}

/* A batch behind f, with room for what is asked there. */
typedef struct Behind {
    Preprocess *self;
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
    Preprocess *self = behind->self;
    if (!self->calls->forward(self->context, x, back, &behind->y, err) || !check_classes(self, err))
        return false;
    size_t features = behind->y.features;
    behind->batch = (Batch){ behind->y.y, x->n, features, x->where };
    behind->dy = back ? malloc((x->n * features + 1) * sizeof *behind->dy) : NULL;
    return !back || behind->dy || error_memory(err, x->where, x->n * features * sizeof(float));
}

static bool pull(const Behind *behind, float *dx, Error *err) {
    return behind->self->calls->pull(&behind->y, behind->dy, dx, err);
}

static bool preprocess_scores(Model *base, const Batch *batch, double *scores, Error *err) {
    Behind behind = { .self = (Preprocess *)base };
    bool ok = behind_make(&behind, batch, false, err) &&
              model_scores(behind.self->model, &behind.batch, scores, err);
    behind_clear(&behind);
    return ok;
}

static bool preprocess_gradient(Model *base, const Batch *batch, const GradientRequest *request,
                                Error *err) {
    Behind behind = { .self = (Preprocess *)base };
    GradientRequest inner = *request;
    bool ok = behind_make(&behind, batch, true, err);
    inner.gradient = behind.dy;
    ok = ok && model_gradient(behind.self->model, &behind.batch, &inner, err) &&
         pull(&behind, request->gradient, err);
    behind_clear(&behind);
    return ok;
}

static bool preprocess_ascent(Model *base, const Batch *batch, const Ascent *ascent, Error *err) {
    Behind behind = { .self = (Preprocess *)base };
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

static bool preprocess_forward(ModelPass *pass, double *scores, Error *err) {
    Preprocess *self = (Preprocess *)pass->model;
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

static bool preprocess_backward(ModelPass *pass, const double *w, float *gradient, Error *err) {
    Kept *kept = pass->kept;
    return model_backward(&kept->inner, w, kept->behind.dy, err) &&
           pull(&kept->behind, gradient, err);
}

static void preprocess_forget(ModelPass *pass) {
    forget(pass->kept);
}

/* ---- Training -------------------------------------------------------------------------------- */

static bool take_classes(Preprocess *self, Error *err) {
    Labels classes;
    if (!labels_copy("preprocess", &self->model->classes, &classes, err))
        return false;
    labels_clear(&self->base.classes);
    self->base.classes = classes;
    self->base.rejects = self->model->rejects;
    return true;
}

/* f of all samples, piece by piece, for free(). */
static float *all_behind(Preprocess *self, const Samples *samples, size_t *features, Error *err) {
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
                           "fit: the function of a preprocess made %zu features of one sample and "
                           "%zu of another",
                           *features, y.features);
        if (ok)
            memcpy(rows + first * *features, y.y, piece.n * *features * sizeof *rows);
        self->calls->forget(&y);
    }
    if (ok)
        return rows;
    free(rows);
    return NULL;
}

static bool preprocess_fit(Model *base, const Samples *samples, Progress *progress, Error *err) {
    Preprocess *self = (Preprocess *)base;
    size_t features = 0;
    float *rows = all_behind(self, samples, &features, err);
    Samples inner = { rows, samples->y, samples->n, features };
    bool ok = rows && model_fit(self->model, &inner, progress, err) && take_classes(self, err);
    if (ok)
        base->features = samples->features;
    free(rows);
    return ok;
}

/* ---- As part of others ----------------------------------------------------------------------- */

static bool preprocess_part_at(const Model *base, size_t i, ModelPart *part) {
    *part = (ModelPart){ "", ((const Preprocess *)base)->model };
    return i == 0;
}

static Model *around(const Preprocess *self, Model *model, Error *err) {
    if (!model)
        return NULL;
    PreprocessParts parts = { model, self->calls, self->context, self->base.features };
    Preprocess *copy = preprocess_new(&parts, err);
    model_release(model);
    return (Model *)copy;
}

static Model *preprocess_clone(const Model *base, Error *err) {
    const Preprocess *self = (const Preprocess *)base;
    return around(self, model_clone(self->model, err), err);
}

static Model *preprocess_fitted_copy(const Model *base, Error *err) {
    const Preprocess *self = (const Preprocess *)base;
    return around(self, model_fitted_copy(self->model, err), err);
}

static bool preprocess_same(const Model *a, const Model *b) {
    const Preprocess *one = (const Preprocess *)a, *other = (const Preprocess *)b;
    return one->context == other->context && model_is_same(one->model, other->model);
}

/* f that keeps the number of features is taken to keep their order. */
static Sizes preprocess_input_shape(const Model *base) {
    const Preprocess *self = (const Preprocess *)base;
    bool kept = base->features == 0 || base->features == self->model->features;
    return kept ? model_input_shape(self->model) : (Sizes){ 0 };
}

static bool preprocess_save(const Model *base, const ModelWriter *to, Error *err) {
    (void)base;
    (void)to;
    return error_set(err, ERROR_ARGUMENT,
                     "a preprocess has a function written in Lua, which no file holds: save its "
                     "model, and put the function in front of it again once that is loaded");
}

const ModelKind preprocess_kind = {
    .name = "preprocess",
    .free = preprocess_free,
    .scores = preprocess_scores,
    .one_pass = true,
    .gradient = preprocess_gradient,
    .forward = preprocess_forward,
    .backward = preprocess_backward,
    .forget = preprocess_forget,
    .ascent = preprocess_ascent,
    .fit = preprocess_fit,
    .part_at = preprocess_part_at,
    .clone = preprocess_clone,
    .fitted_copy = preprocess_fitted_copy,
    .same = preprocess_same,
    .save = preprocess_save,
    .input_shape = preprocess_input_shape,
};

Preprocess *preprocess_new(const PreprocessParts *parts, Error *err) {
    Preprocess *self = malloc(sizeof *self);
    if (!self) {
        error_memory(err, "reject.preprocess", sizeof *self);
        return NULL;
    }
    *self = (Preprocess){ .model = model_retain(parts->model),
                          .calls = parts->calls,
                          .context = parts->calls->retain(parts->context) };
    model_init(&self->base, &preprocess_kind);
    self->base.features = parts->features;
    if (take_classes(self, err))
        return self;
    model_release(&self->base);
    return NULL;
}

Model *preprocess_model(const Preprocess *self) {
    return self->model;
}

void *preprocess_context(const Preprocess *self) {
    return self->context;
}
