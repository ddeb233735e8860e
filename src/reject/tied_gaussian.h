/* tied_gaussian.h — Gaussians of one covariance around the classes' means (mahalanobis.h). */
#ifndef PERIGEE_REJECT_TIED_GAUSSIAN_H
#define PERIGEE_REJECT_TIED_GAUSSIAN_H

#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>

/* Three arrays of float64, each shared where Gaussians are copied: W (rank × width), the classes'
 * means (classes × width), and these behind W less the first one (classes × rank). */
typedef struct TiedGaussian {
    Array *whiten, *means, *centres;
} TiedGaussian;

void tied_clear(TiedGaussian *tied);
bool tied_share(const TiedGaussian *tied, TiedGaussian *copy, Error *err);
size_t tied_rank(const TiedGaussian *tied); /* 0 of an empty one */

/* Learnt from n rows, each with its class, of which every one has count[c] > 0. */
typedef struct TiedFrom {
    const double *rows; /* n × width */
    const size_t *column, *count;
    size_t n, width, classes;
    double shrinkage;
} TiedFrom;
bool tied_learn(const TiedFrom *from, TiedGaussian *out, Error *err);

/* With arrays of these shapes that somebody else has; they are shared. */
bool tied_from(const Array *whiten, const Array *means, TiedGaussian *out, Error *err);

/* g (n × rank) = W (f − the first mean) of rows f (n × width), which is overwritten; then −‖g − the
 * centre‖² of each class (n × classes). */
void tied_measure(const TiedGaussian *tied, size_t n, double *f, double *g, double *distances);

/* df (n × width) of weights w (n × classes) of these distances; g is overwritten. */
void tied_pull(const TiedGaussian *tied, size_t n, double *g, const double *w, double *df);

#endif
