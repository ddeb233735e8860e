/* neighbours.h — the nearest of many points, and a soft form of being near. */
#ifndef PERIGEE_CLASSIC_NEIGHBOURS_H
#define PERIGEE_CLASSIC_NEIGHBOURS_H

#include "core/batch.h"
#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Points with the class of each (0 …), and their squared norms. */
typedef struct Points {
    const float *x; /* n × features */
    const int32_t *class;
    const double *square; /* n */
    double largest_square;
    size_t n, features, classes;
} Points;

/* The squares of their norms; returns the largest. */
double points_squares(const float *x, size_t n, size_t features, double *square);

typedef struct Neighbour {
    double square; /* its squared distance, computed in double */
    size_t at;
} Neighbour;

/* The k ≤ points->n nearest of each row, nearest first; of equal distances the earlier point. */
bool neighbours_find(const Points *points, const Batch *x, size_t k, Neighbour *out, Error *err);

/* gradient (n × features) of Σ_c w_c log (class c's share of Σ_i exp(−‖x − s_i‖² / softness)). */
typedef struct SoftShare {
    const Points *points;
    double softness;
    const double *w; /* n × classes */
    float *gradient;
} SoftShare;
bool soft_share_gradient(const SoftShare *of, const Batch *x, Error *err);

#endif
