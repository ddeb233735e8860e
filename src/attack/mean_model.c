#include "attack/mean_model.h"

#include "core/fail.h"

#include <stdlib.h>

typedef struct MeanModel {
    Model base;
    ModelKind kind; /* its own: what it can do is what the other can */
    Model *of;
    int samples;
} MeanModel;

/* ---- Means as they grow: those of equal values are these, infinite ones too ------------------ */

static void take_scores(double *mean, const double *next, size_t n, int call) {
    for (size_t i = 0; i < n; i++)
        if (mean[i] != next[i])
            mean[i] += (next[i] - mean[i]) / call;
}

static void take_slopes(float *mean, const float *next, size_t n, int call) {
    for (size_t i = 0; i < n; i++)
        mean[i] += (next[i] - mean[i]) / (float)call;
}

static void *scratch_of(const Batch *batch, size_t count, size_t size, Error *err) {
    void *scratch = malloc((count + 1) * size);
    if (!scratch)
        error_memory(err, batch->where, count * size);
    return scratch;
}

/* ---- The operations -------------------------------------------------------------------------- */

static bool mean_scores(Model *model, const Batch *batch, double *scores, Error *err) {
    const MeanModel *self = (const MeanModel *)model;
    size_t count = batch->n * model_columns(model);
    double *next = scratch_of(batch, count, sizeof *next, err);
    bool ok = next && model_scores(self->of, batch, scores, err);
    for (int call = 2; ok && call <= self->samples; call++) {
        ok = model_scores(self->of, batch, next, err);
        if (ok)
            take_scores(scores, next, count, call);
    }
    free(next);
    return ok;
}

/* By w alone: see ModelKind.one_pass. */
static bool mean_gradient(Model *model, const Batch *batch, const GradientRequest *request,
                          Error *err) {
    const MeanModel *self = (const MeanModel *)model;
    size_t count = batch->n * batch->features;
    GradientRequest asked = *request;
    asked.gradient = scratch_of(batch, count, sizeof *asked.gradient, err);
    bool ok = asked.gradient && model_gradient(self->of, batch, request, err);
    asked.largest = NULL;
    for (int call = 2; ok && call <= self->samples; call++) {
        ok = model_gradient(self->of, batch, &asked, err);
        if (ok)
            take_slopes(request->gradient, asked.gradient, count, call);
    }
    free(asked.gradient);
    return ok;
}

/* A further ascent on its way into the mean. */
static void take_ascent(const Ascent *mean, const Ascent *next, const Batch *batch, int call) {
    size_t scores = (size_t)(next->height - next->scores);
    take_scores(mean->scores, next->scores, scores, call);
    if (mean->height)
        take_scores(mean->height, next->height, batch->n, call);
    if (mean->direction)
        take_slopes(mean->direction, next->direction, batch->n * batch->features, call);
}

static bool mean_ascent(Model *model, const Batch *batch, const Ascent *ascent, Error *err) {
    const MeanModel *self = (const MeanModel *)model;
    size_t scores = batch->n * model_columns(model), slopes = batch->n * batch->features;
    Ascent next = *ascent;
    next.largest = NULL;
    next.scores = scratch_of(batch, scores + batch->n, sizeof *next.scores, err);
    float *direction = next.scores ? scratch_of(batch, slopes, sizeof *direction, err) : NULL;
    next.height = next.scores ? next.scores + scores : NULL;
    next.direction = ascent->direction ? direction : NULL;
    bool ok = direction && model_ascent(self->of, batch, ascent, err);
    for (int call = 2; ok && call <= self->samples; call++) {
        ok = model_ascent(self->of, batch, &next, err);
        if (ok)
            take_ascent(ascent, &next, batch, call);
    }
    free(next.scores);
    free(direction);
    return ok;
}

static void mean_free(Model *model) {
    MeanModel *self = (MeanModel *)model;
    model_release(self->of);
    free(self);
}

Model *mean_model_new(Model *of, int samples, Error *err) {
    const ModelKind *kind = of->kind;
    MeanModel *self = calloc(1, sizeof *self);
    if (!self) {
        error_memory(err, kind->name, sizeof *self);
        return NULL;
    }
    self->kind = (ModelKind){ .name = kind->name,
                              .whole_batches = kind->whole_batches,
                              .free = mean_free,
                              .scores = mean_scores,
                              .gradient = kind->gradient ? mean_gradient : NULL,
                              .ascent = kind->ascent ? mean_ascent : NULL };
    model_init(&self->base, &self->kind);
    self->of = model_retain(of);
    self->samples = samples;
    self->base.features = of->features;
    self->base.rejects = of->rejects;
    if (labels_copy(kind->name, &of->classes, &self->base.classes, err))
        return &self->base;
    model_release(&self->base);
    return NULL;
}
