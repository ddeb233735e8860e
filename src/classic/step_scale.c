/* step_scale.c — y = (x − shift) · scale by features: what minmax and standard learn. */
#include "classic/step.h"
#include "core/array_values.h"
#include "core/fail.h"

#include <math.h>

static bool scale_forward(const Learnt *learnt, const Batch *x, float *y, Error *err) {
    const double *shift = array_f64(learnt->number[0]), *scale = array_f64(learnt->number[1]);
    (void)err;
    for (size_t i = 0; i < x->n; i++)
        for (size_t j = 0; j < learnt->in; j++) {
            size_t at = i * learnt->in + j;
            y[at] = (float)(((double)x->x[at] - shift[j]) * scale[j]);
        }
    return true;
}

static bool scale_pull(const Learnt *learnt, const Batch *x, const float *dy, float *dx,
                       Error *err) {
    const double *scale = array_f64(learnt->number[1]);
    (void)err;
    for (size_t i = 0; i < x->n; i++)
        for (size_t j = 0; j < learnt->in; j++)
            dx[i * learnt->in + j] = (float)(dy[i * learnt->in + j] * scale[j]);
    return true;
}

static bool make_numbers(Learnt *out, Error *err) {
    out->out = out->in;
    out->number[0] = array_new1("fit", DTYPE_F64, out->in, err);
    out->number[1] = out->number[0] ? array_new1("fit", DTYPE_F64, out->in, err) : NULL;
    return out->number[1] != NULL;
}

/* ---- minmax ---------------------------------------------------------------------------------- */

static void find_range(const Samples *samples, double *low, double *high) {
    for (size_t i = 0; i < samples->n; i++)
        for (size_t j = 0; j < samples->features; j++) {
            double x = samples->x[i * samples->features + j];
            low[j] = i == 0 ? x : fmin(low[j], x);
            high[j] = i == 0 ? x : fmax(high[j], x);
        }
}

/* A feature that is the same in all samples is only moved. Least and largest become shift and
 * scale where they stand. */
static bool learn_minmax(const Samples *samples, Learnt *out, Progress *progress, Error *err) {
    const StepParams *params = &out->by;
    (void)progress;
    if (!(params->low < params->high))
        return error_set(err, ERROR_ARGUMENT,
                         "fit: minmax: low: expected a number below high, %g, got %g", params->high,
                         params->low);
    if (!make_numbers(out, err))
        return false;
    double *low = array_f64(out->number[0]), *high = array_f64(out->number[1]);
    find_range(samples, low, high);
    for (size_t j = 0; j < out->in; j++) {
        double range = high[j] > low[j] ? high[j] - low[j] : 1;
        double scale = (params->high - params->low) / range;
        low[j] -= params->low / scale;
        high[j] = scale;
    }
    return true;
}

static const Field minmax_fields[] = {
    { "low", FIELD_NUMBER, offsetof(StepParams, low), .meaning = "what a feature's least becomes" },
    { "high", FIELD_NUMBER, offsetof(StepParams, high),
      .meaning = "what its largest becomes; above low" },
    { .name = NULL },
};
static const StepParams minmax_initial = { .low = 0, .high = 1 };

const StepKind step_minmax = {
    .name = "minmax",
    .summary = "Scales each feature so that its least and its largest value among the samples "
               "become low and high (scikit-learn's MinMaxScaler, which does not clip either).",
    .example = "print(classic.minmax { low = -1, high = 1 }.low)",
    .fields = { minmax_fields, &minmax_initial },
    .number = { "shift", "scale" },
    .learn = learn_minmax,
    .forward = scale_forward,
    .pull = scale_pull,
};

/* ---- standard -------------------------------------------------------------------------------- */

/* Means, and variances about them. */
static void find_moments(const Samples *samples, double *mean, double *variance) {
    size_t n = samples->n, d = samples->features;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++)
            mean[j] += samples->x[i * d + j];
    for (size_t j = 0; j < d; j++)
        mean[j] /= (double)n;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) {
            double off = samples->x[i * d + j] - mean[j];
            variance[j] += off * off;
        }
    for (size_t j = 0; j < d; j++)
        variance[j] /= (double)n;
}

/* A feature without variance, but for rounding, is not divided. */
static bool learn_standard(const Samples *samples, Learnt *out, Progress *progress, Error *err) {
    const StepParams *params = &out->by;
    (void)progress;
    if (!make_numbers(out, err))
        return false;
    double *shift = array_f64(out->number[0]), *scale = array_f64(out->number[1]);
    find_moments(samples, shift, scale);
    for (size_t j = 0; j < out->in; j++) {
        double rounding = 10 * 0x1p-52 * fabs(shift[j]);
        bool constant = !(scale[j] > rounding * rounding);
        scale[j] = params->std && !constant ? 1 / sqrt(scale[j]) : 1;
        shift[j] = params->mean ? shift[j] : 0;
    }
    return true;
}

static const Field standard_fields[] = {
    { "mean", FIELD_BOOLEAN, offsetof(StepParams, mean),
      .meaning = "whether the mean is taken off" },
    { "std", FIELD_BOOLEAN, offsetof(StepParams, std),
      .meaning = "whether it is divided by the standard deviation" },
    { .name = NULL },
};
static const StepParams standard_initial = { .mean = true, .std = true };

const StepKind step_standard = {
    .name = "standard",
    .summary = "Takes each feature's mean off and divides it by its standard deviation "
               "(scikit-learn's StandardScaler: over n, and a constant feature is not divided).",
    .example = "print(classic.standard { mean = false }.std)",
    .fields = { standard_fields, &standard_initial },
    .number = { "shift", "scale" },
    .learn = learn_standard,
    .forward = scale_forward,
    .pull = scale_pull,
};
