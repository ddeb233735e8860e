#include "reject/tied_gaussian.h"

#include "core/array.h"
#include "core/array_solve.h"
#include "core/blas.h"
#include "core/fail.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void tied_clear(TiedGaussian *tied) {
    array_free(tied->whiten);
    array_free(tied->means);
    array_free(tied->centres);
    *tied = (TiedGaussian){ 0 };
}

bool tied_share(const TiedGaussian *tied, TiedGaussian *copy, Error *err) {
    TiedGaussian made = { 0 };
    bool ok = (made.whiten = array_share(tied->whiten, err)) != NULL &&
              (made.means = array_share(tied->means, err)) != NULL &&
              (made.centres = array_share(tied->centres, err)) != NULL;
    if (!ok) {
        tied_clear(&made);
        return false;
    }
    *copy = made;
    return true;
}

size_t tied_rank(const TiedGaussian *tied) {
    return tied->whiten ? array_length(tied->whiten) : 0;
}

/* ---- Learning -------------------------------------------------------------------------------- */

static Array *class_means(const TiedFrom *from, Error *err) {
    Array *means = array_new2("fit", DTYPE_F64, from->classes, from->width, err);
    for (size_t i = 0; means && i < from->n; i++) {
        double *mean = array_f64(means) + from->column[i] * from->width;
        for (size_t j = 0; j < from->width; j++)
            mean[j] += from->rows[i * from->width + j];
    }
    for (size_t c = 0; means && c < from->classes; c++)
        for (size_t j = 0; j < from->width; j++)
            array_f64(means)[c * from->width + j] /= (double)from->count[c];
    return means;
}

/* Σ, shrunk; rows less their class's mean, some at a time. */
static Array *shared_covariance(const TiedFrom *from, const Array *means, Error *err) {
    enum { ROWS = 512 };
    size_t width = from->width;
    Array *covariance = array_new2("fit", DTYPE_F64, width, width, err);
    double *rest = malloc(ROWS * width * sizeof *rest), trace = 0;
    if (!rest)
        error_memory(err, "fit", ROWS * width * sizeof *rest);
    for (size_t first = 0; covariance && rest && first < from->n; first += ROWS) {
        size_t n = from->n - first < ROWS ? from->n - first : ROWS;
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < width; j++)
                rest[i * width + j] = from->rows[(first + i) * width + j] -
                                      array_f64(means)[from->column[first + i] * width + j];
        blas_dgemm(true, false, width, width, n, 1 / (double)from->n, rest, width, rest, width, 1,
                   array_f64(covariance), width);
    }
    if (!rest) {
        array_free(covariance);
        return NULL;
    }
    free(rest);
    for (size_t j = 0; covariance && j < width; j++)
        trace += array_f64(covariance)[j * width + j];
    for (size_t k = 0; covariance && k < width * width; k++)
        array_f64(covariance)[k] =
            (1 - from->shrinkage) * array_f64(covariance)[k] +
            (k % (width + 1) == 0 ? from->shrinkage * trace / (double)width : 0);
    return covariance;
}

/* The eigenvectors of variances that count, each over the square root of its own. */
static Array *whitening(const Eigh *eigh, size_t width, Error *err) {
    const double smallest = 1e-9;
    const double *variance = array_f64(eigh->w), *vector = array_f64(eigh->v);
    double largest = variance[width - 1];
    size_t left_out = 0;
    while (left_out < width && !(largest > 0 && variance[left_out] > smallest * largest))
        left_out++;
    if (left_out == width) {
        error_set(err, ERROR_ARGUMENT,
                  "fit: a layer's outputs do not vary within the classes of these samples");
        return NULL;
    }
    Array *whiten = array_new2("fit", DTYPE_F64, width - left_out, width, err);
    for (size_t k = left_out; whiten && k < width; k++)
        for (size_t j = 0; j < width; j++)
            array_f64(whiten)[(k - left_out) * width + j] =
                vector[j * width + k] / sqrt(variance[k]);
    return whiten;
}

bool tied_from(const Array *whiten, const Array *means, TiedGaussian *out, Error *err) {
    size_t rank = array_length(whiten), width = array_row_size(whiten);
    size_t classes = array_length(means);
    TiedGaussian made = { .centres = array_new2("fit", DTYPE_F64, classes, rank, err) };
    double *apart = malloc(width * sizeof *apart);
    bool ok = made.centres && (apart || error_memory(err, "fit", width * sizeof *apart)) &&
              (made.whiten = array_share(whiten, err)) != NULL &&
              (made.means = array_share(means, err)) != NULL;
    for (size_t c = 0; ok && c < classes; c++) {
        for (size_t j = 0; j < width; j++)
            apart[j] = array_f64(means)[c * width + j] - array_f64(means)[j];
        blas_dgemm(false, true, 1, rank, width, 1, apart, width, array_f64(whiten), width, 0,
                   array_f64(made.centres) + c * rank, rank);
    }
    free(apart);
    if (ok)
        *out = made;
    else
        tied_clear(&made);
    return ok;
}

bool tied_learn(const TiedFrom *from, TiedGaussian *out, Error *err) {
    Eigh eigh = { 0 };
    Array *means = class_means(from, err);
    Array *covariance = means ? shared_covariance(from, means, err) : NULL;
    Array *whiten = covariance && array_eigh(covariance, &eigh, err)
                        ? whitening(&eigh, from->width, err)
                        : NULL;
    bool ok = whiten && tied_from(whiten, means, out, err);
    eigh_free(&eigh);
    array_free(whiten);
    array_free(covariance);
    array_free(means);
    return ok;
}

/* ---- There and back -------------------------------------------------------------------------- */

void tied_measure(const TiedGaussian *tied, size_t n, double *f, double *g, double *distances) {
    size_t rank = tied_rank(tied), width = array_row_size(tied->whiten);
    size_t classes = array_length(tied->means);
    const double *first = array_f64(tied->means), *centre = array_f64(tied->centres);
    for (size_t k = 0; k < n * width; k++)
        f[k] -= first[k % width];
    blas_dgemm(false, true, n, rank, width, 1, f, width, array_f64(tied->whiten), width, 0, g,
               rank);
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < classes; c++) {
            double sum = 0;
            for (size_t k = 0; k < rank; k++) {
                double apart = g[i * rank + k] - centre[c * rank + k];
                sum += apart * apart;
            }
            distances[i * classes + c] = -sum;
        }
}

/* In g the gradient by itself, −2 Σ_c w_c (g − the centre), before it goes back through W. */
void tied_pull(const TiedGaussian *tied, size_t n, double *g, const double *w, double *df) {
    size_t rank = tied_rank(tied), width = array_row_size(tied->whiten);
    size_t classes = array_length(tied->means);
    const double *centre = array_f64(tied->centres);
    for (size_t i = 0; i < n; i++) {
        double all = 0, *row = g + i * rank;
        for (size_t c = 0; c < classes; c++)
            all += w[i * classes + c];
        for (size_t k = 0; k < rank; k++) {
            double towards = 0;
            for (size_t c = 0; c < classes; c++)
                towards += w[i * classes + c] * centre[c * rank + k];
            row[k] = 2 * (towards - all * row[k]);
        }
    }
    blas_dgemm(false, false, n, width, rank, 1, g, rank, array_f64(tied->whiten), width, 0, df,
               width);
}
