#include "attack/mean_model.h"

#include "attack/stand_in.h"
#include "core/fail.h"

#include <stdlib.h>

typedef struct MeanModel {
    StandIn in;
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
    bool ok = next && model_scores(self->in.of, batch, scores, err);
    for (int call = 2; ok && call <= self->samples; call++) {
        ok = model_scores(self->in.of, batch, next, err);
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
    bool ok = asked.gradient && model_gradient(self->in.of, batch, request, err);
    asked.largest = NULL;
    for (int call = 2; ok && call <= self->samples; call++) {
        ok = model_gradient(self->in.of, batch, &asked, err);
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
    bool ok = direction && model_ascent(self->in.of, batch, ascent, err);
    for (int call = 2; ok && call <= self->samples; call++) {
        ok = model_ascent(self->in.of, batch, &next, err);
        if (ok)
            take_ascent(ascent, &next, batch, call);
    }
    free(next.scores);
    free(direction);
    return ok;
}

/* What it can do is what the other can. */
Model *mean_model_new(Model *of, int samples, Error *err) {
    const ModelKind kind = { .scores = mean_scores,
                             .gradient = of->kind->gradient ? mean_gradient : NULL,
                             .ascent = of->kind->ascent ? mean_ascent : NULL };
    Model *model = stand_in_new(sizeof(MeanModel), of, &kind, err);
    if (model)
        ((MeanModel *)model)->samples = samples;
    return model;
}
