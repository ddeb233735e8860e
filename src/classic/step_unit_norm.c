/* step_unit_norm.c — each sample divided by its norm; one of zeros stays.
 *
 * y = x / ‖x‖, so dx = (dy − (dy · y) g) / ‖x‖ with g the gradient of the norm: y for l2, sign(x)
 * for l1, and for max the sign at the place of the largest magnitude (the first of equals). Where
 * x = 0 the gradient is that of y = x, as scikit-learn's Normalizer leaves such a row. */
#include "classic/step.h"

#include <math.h>

static bool learn(const Samples *samples, Learnt *out, Progress *progress, Error *err) {
    (void)samples;
    (void)progress;
    (void)err;
    out->out = out->in;
    return true;
}

static size_t largest_at(const float *x, size_t n) {
    size_t at = 0;
    for (size_t j = 1; j < n; j++)
        if (fabsf(x[j]) > fabsf(x[at]))
            at = j;
    return at;
}

static double norm_of(const float *x, size_t n, int norm) {
    double sum = 0;
    if (norm == UNIT_MAX)
        return fabsf(x[largest_at(x, n)]);
    for (size_t j = 0; j < n; j++)
        sum += norm == UNIT_L1 ? fabs((double)x[j]) : (double)x[j] * x[j];
    return norm == UNIT_L1 ? sum : sqrt(sum);
}

static bool forward(const Learnt *learnt, const Batch *x, float *y, Error *err) {
    (void)err;
    for (size_t i = 0; i < x->n; i++) {
        const float *row = x->x + i * learnt->in;
        double norm = norm_of(row, learnt->in, learnt->by.norm);
        for (size_t j = 0; j < learnt->in; j++)
            y[i * learnt->in + j] = (float)(row[j] / (norm > 0 ? norm : 1));
    }
    return true;
}

static double sign(double x) {
    return (x > 0) - (x < 0);
}

static void pull_row(const float *x, const float *dy, const Learnt *learnt, float *dx) {
    size_t n = learnt->in, top = largest_at(x, n);
    double norm = norm_of(x, n, learnt->by.norm), along = 0;
    double by = norm > 0 ? norm : 1;
    for (size_t j = 0; norm > 0 && j < n; j++)
        along += dy[j] * (x[j] / by);
    for (size_t j = 0; j < n; j++) {
        double slope = learnt->by.norm == UNIT_L2   ? x[j] / by
                       : learnt->by.norm == UNIT_L1 ? sign(x[j])
                                                    : (j == top) * sign(x[j]);
        dx[j] = (float)((dy[j] - along * slope) / by);
    }
}

static bool pull(const Learnt *learnt, const Batch *x, const float *dy, float *dx, Error *err) {
    (void)err;
    for (size_t i = 0; i < x->n; i++)
        pull_row(x->x + i * learnt->in, dy + i * learnt->in, learnt, dx + i * learnt->in);
    return true;
}

static const char *const norms[] = { "l1", "l2", "max", NULL };
static const Field fields[] = {
    { "norm", FIELD_WORD, offsetof(StepParams, norm), .words = norms,
      .meaning = "which norm becomes 1" },
    { .name = NULL },
};
static const StepParams initial = { .norm = UNIT_L2 };

const StepKind step_unit_norm = {
    .name = "unit_norm",
    .summary = "Divides each sample by its norm (scikit-learn's Normalizer); one of zeros stays.",
    .example = "print(classic.unit_norm { norm = \"l1\" }.norm)",
    .fields = { fields, &initial },
    .learn = learn,
    .forward = forward,
    .pull = pull,
};
