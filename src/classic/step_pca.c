/* step_pca.c — principal components: y = M (x − mean).
 *
 * The rows of M are the directions of the largest variance, whitened divided by its root. They are
 * eigenvectors of the covariance, or where there are fewer samples than features those of the
 * centred samples' inner products, turned back. Of each direction the entry of the largest
 * magnitude is positive, as in scikit-learn from 1.5 on (before, samples decided the sign). */
#include "classic/step.h"
#include "core/array.h"
#include "core/array_solve.h"
#include "core/blas.h"
#include "core/fail.h"

#include <math.h>
#include <stdlib.h>

enum { PIECE = 512 };

/* Rows less the mean, in double. */
static void centre(const double *mean, const float *x, size_t rows, size_t d, double *out) {
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < d; j++)
            out[i * d + j] = (double)x[i * d + j] - mean[j];
}

static void find_mean(const Samples *samples, double *mean) {
    for (size_t j = 0; j < samples->features; j++)
        mean[j] = 0;
    for (size_t i = 0; i < samples->n; i++)
        for (size_t j = 0; j < samples->features; j++)
            mean[j] += samples->x[i * samples->features + j];
    for (size_t j = 0; j < samples->features; j++)
        mean[j] /= (double)samples->n;
}

/* ---- Directions ------------------------------------------------------------------------------ */

/* The decomposition of d × d, or n × n where that is smaller. */
typedef struct Scatter {
    const Samples *samples;
    Progress *progress;
    bool stopped;
    const double *mean;
    double *rows; /* the centred samples that are needed at once */
    bool dual;
    Eigh eigh;
} Scatter;

static void fill_covariance(Scatter *of, double *c) {
    size_t n = of->samples->n, d = of->samples->features;
    for (size_t first = 0; first < n && !of->stopped; first += PIECE) {
        size_t rows = n - first < PIECE ? n - first : PIECE;
        centre(of->mean, of->samples->x + first * d, rows, d, of->rows);
        blas_dgemm(true, false, d, d, rows, 1, of->rows, d, of->rows, d, first > 0, c, d);
        of->stopped = !progress_step(of->progress, 0.5 * (double)rows / (double)n, NULL);
    }
}

static bool decompose(Scatter *of, Error *err) {
    size_t n = of->samples->n, d = of->samples->features, size = of->dual ? n : d;
    size_t rows = of->dual || n < PIECE ? n : PIECE;
    Array *c = array_new2("fit", DTYPE_F64, size, size, err);
    of->rows = c ? malloc(rows * d * sizeof(double)) : NULL;
    if (c && !of->rows)
        error_memory(err, "fit", rows * d * sizeof(double));
    bool ok = c && of->rows;
    if (ok && of->dual) {
        centre(of->mean, of->samples->x, n, d, of->rows);
        blas_dgemm(false, true, n, n, d, 1, of->rows, d, of->rows, d, 0, array_f64(c), n);
    } else if (ok) {
        fill_covariance(of, array_f64(c));
    }
    ok = ok && (of->stopped || array_eigh(c, &of->eigh, err));
    array_free(c);
    return ok;
}

static void scatter_clear(Scatter *of) {
    free(of->rows);
    eigh_free(&of->eigh);
}

/* The k-th direction, of length 1 where there is one: of no variance those of the dual are 0. */
static void direction(const Scatter *of, size_t k, double *out) {
    size_t n = of->samples->n, d = of->samples->features, size = of->dual ? n : d;
    const double *v = array_f64(of->eigh.v) + (size - 1 - k);
    double square = 0;
    for (size_t j = 0; j < d; j++)
        out[j] = of->dual ? 0 : v[j * size];
    for (size_t i = 0; of->dual && i < n; i++)
        for (size_t j = 0; j < d; j++)
            out[j] += v[i * size] * of->rows[i * d + j];
    size_t top = 0;
    for (size_t j = 0; j < d; j++) {
        square += out[j] * out[j];
        top = fabs(out[j]) > fabs(out[top]) ? j : top;
    }
    double by = square > 0 ? copysign(1 / sqrt(square), out[top]) : 0;
    for (size_t j = 0; j < d; j++)
        out[j] *= by;
}

/* Variance k, over n − 1. */
static double variance_at(const Scatter *of, size_t k) {
    size_t n = of->samples->n, size = array_length(of->eigh.w);
    double w = array_f64(of->eigh.w)[size - 1 - k];
    return n > 1 ? fmax(w, 0) / (double)(n - 1) : 0;
}

static bool fill(Scatter *of, Learnt *out, Error *err) {
    const StepParams *params = &out->by;
    double *matrix = array_f64(out->number[1]), *variance = array_f64(out->number[2]);
    double least = variance_at(of, 0) * 1e-14 * (double)of->samples->n;
    for (size_t k = 0; k < out->out && !of->stopped; k++) {
        variance[k] = variance_at(of, k);
        direction(of, k, matrix + k * out->in);
        if (params->whiten && !(variance[k] > least))
            return error_set(err, ERROR_ARGUMENT,
                             "fit: pca: component %zu has no variance to whiten; ask for fewer",
                             k + 1);
        for (size_t j = 0; params->whiten && j < out->in; j++)
            matrix[k * out->in + j] /= sqrt(variance[k]);
        of->stopped = !progress_step(of->progress, 0.5 / (double)out->out, NULL);
    }
    return true;
}

static bool make_numbers(Learnt *out, Error *err) {
    out->number[0] = array_new1("fit", DTYPE_F64, out->in, err);
    out->number[1] = out->number[0] ? array_new2("fit", DTYPE_F64, out->out, out->in, err) : NULL;
    out->number[2] = out->number[1] ? array_new1("fit", DTYPE_F64, out->out, err) : NULL;
    return out->number[2] != NULL;
}

static bool learn(const Samples *samples, Learnt *out, Progress *progress, Error *err) {
    size_t n = samples->n, most = n < out->in ? n : out->in;
    out->out = out->by.components > 0 ? out->by.components : most;
    if (out->out > most)
        return error_set(err, ERROR_ARGUMENT,
                         "fit: pca: components: expected at most %zu, of %zu samples with %zu "
                         "features, got %zu",
                         most, n, out->in, out->out);
    if (!make_numbers(out, err))
        return false;
    Scatter scatter = { .samples = samples,
                        .progress = progress,
                        .mean = array_f64(out->number[0]),
                        .dual = n < out->in };
    progress_begin(progress, "principal components", 1);
    find_mean(samples, array_f64(out->number[0]));
    bool ok = decompose(&scatter, err) && (scatter.stopped || fill(&scatter, out, err));
    progress_end(progress);
    scatter_clear(&scatter);
    return ok;
}

/* ---- There and back -------------------------------------------------------------------------- */

/* Products in double of PIECE rows at a time: `wide` has room for in and out numbers of each. */
static bool forward(const Learnt *learnt, const Batch *x, float *y, Error *err) {
    size_t in = learnt->in, out = learnt->out, rows = x->n < PIECE ? x->n : PIECE;
    double *wide = malloc((rows * (in + out) + 1) * sizeof *wide);
    if (!wide)
        return error_memory(err, x->where, rows * (in + out) * sizeof *wide);
    double *made = wide + rows * in;
    for (size_t first = 0; first < x->n; first += rows) {
        size_t n = x->n - first < rows ? x->n - first : rows;
        centre(array_f64(learnt->number[0]), x->x + first * in, n, in, wide);
        blas_dgemm(false, true, n, out, in, 1, wide, in, array_f64(learnt->number[1]), in, 0, made,
                   out);
        for (size_t i = 0; i < n * out; i++)
            y[first * out + i] = (float)made[i];
    }
    free(wide);
    return true;
}

static bool pull(const Learnt *learnt, const Batch *x, const float *dy, float *dx, Error *err) {
    size_t in = learnt->in, out = learnt->out, rows = x->n < PIECE ? x->n : PIECE;
    double *wide = malloc((rows * (in + out) + 1) * sizeof *wide);
    if (!wide)
        return error_memory(err, x->where, rows * (in + out) * sizeof *wide);
    double *made = wide + rows * out;
    for (size_t first = 0; first < x->n; first += rows) {
        size_t n = x->n - first < rows ? x->n - first : rows;
        for (size_t i = 0; i < n * out; i++)
            wide[i] = dy[first * out + i];
        blas_dgemm(false, false, n, in, out, 1, wide, out, array_f64(learnt->number[1]), in, 0,
                   made, in);
        for (size_t i = 0; i < n * in; i++)
            dx[first * in + i] = (float)made[i];
    }
    free(wide);
    return true;
}

static const Field fields[] = {
    { "components", FIELD_SIZE, offsetof(StepParams, components), .low = 0, .high = 1e6,
      .meaning = "how many directions; 0: as many as there are" },
    { "whiten", FIELD_BOOLEAN, offsetof(StepParams, whiten),
      .meaning = "whether each is divided by its standard deviation" },
    { .name = NULL },
};
static const StepParams initial = { .components = 0 };

const StepKind step_pca = {
    .name = "pca",
    .summary = "The samples' coordinates along their directions of largest variance "
               "(scikit-learn's PCA). Of each direction the entry of the largest magnitude is "
               "positive.",
    .example = "print(classic.pca { components = 20, whiten = true }.components)",
    .fields = { fields, &initial },
    .number = { "mean", "matrix", "variance" },
    .form = { NUMBER_IN, NUMBER_OUT_IN, NUMBER_OUT },
    .learn = learn,
    .forward = forward,
    .pull = pull,
};
