#include "reject/preprocess.h"

#include "core/fail.h"

#include <stdlib.h>
#include <string.h>

struct Preprocess {
    Front front;
};

static void preprocess_free(Model *base) {
    Preprocess *self = (Preprocess *)base;
    model_release(self->front.model);
    self->front.calls->release(self->front.context);
    free(self);
}

static bool preprocess_fit(Model *base, const Samples *samples, Progress *progress, Error *err) {
    Preprocess *self = (Preprocess *)base;
    size_t features = 0;
    float *rows = front_rows(&self->front, samples, &features, err);
    Samples inner = { rows, samples->y, samples->n, features };
    bool ok = rows && model_fit(self->front.model, &inner, progress, err) &&
              front_take_classes(&self->front, err);
    if (ok)
        base->features = samples->features;
    free(rows);
    return ok;
}

/* ---- As part of others ----------------------------------------------------------------------- */

static bool preprocess_part_at(const Model *base, size_t i, ModelPart *part) {
    *part = (ModelPart){ "", ((const Preprocess *)base)->front.model };
    return i == 0;
}

static Model *around(const Preprocess *self, Model *model, Error *err) {
    if (!model)
        return NULL;
    PreprocessParts parts = { model, self->front.calls, self->front.context,
                              self->front.base.features };
    Preprocess *copy = preprocess_new(&parts, err);
    model_release(model);
    return (Model *)copy;
}

static Model *preprocess_clone(const Model *base, Error *err) {
    const Preprocess *self = (const Preprocess *)base;
    return around(self, model_clone(self->front.model, err), err);
}

static Model *preprocess_fitted_copy(const Model *base, Error *err) {
    const Preprocess *self = (const Preprocess *)base;
    const Model *model = self->front.model;
    return model_check_inside(base, model, base->rejects, err)
               ? around(self, model_part_copy(model, err), err)
               : NULL;
}

static bool preprocess_same(const Model *a, const Model *b) {
    const Preprocess *one = (const Preprocess *)a, *other = (const Preprocess *)b;
    return one->front.context == other->front.context &&
           model_is_same(one->front.model, other->front.model);
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
    FRONT_KIND,
    .fit = preprocess_fit,
    .part_at = preprocess_part_at,
    .clone = preprocess_clone,
    .fitted_copy = preprocess_fitted_copy,
    .same = preprocess_same,
    .save = preprocess_save,
};

Preprocess *preprocess_new(const PreprocessParts *parts, Error *err) {
    Preprocess *self = malloc(sizeof *self);
    if (!self) {
        error_memory(err, "reject.preprocess", sizeof *self);
        return NULL;
    }
    self->front = (Front){ .model = model_retain(parts->model),
                           .calls = parts->calls,
                           .context = parts->calls->retain(parts->context) };
    model_init(&self->front.base, &preprocess_kind);
    self->front.base.features = parts->features;
    if (front_take_classes(&self->front, err))
        return self;
    model_release(&self->front.base);
    return NULL;
}

Model *preprocess_model(const Preprocess *self) {
    return self->front.model;
}

void *preprocess_context(const Preprocess *self) {
    return self->front.context;
}
