/* density_points.h — points in classes, and Gaussian kernels on them.
 *
 * Points and queries are moved by the points' mean, without which the distances would be small
 * differences of large products. */
#ifndef PERIGEE_REJECT_DENSITY_POINTS_H
#define PERIGEE_REJECT_DENSITY_POINTS_H

#include "core/progress.h"
#include "core/types.h"

#include <stddef.h>

typedef struct Points {
    size_t refs, n, width, classes;
    size_t *start;  /* classes + 1: class c has the points start[c] … start[c + 1] − 1 */
    size_t largest; /* of a class: how many */
    float *mean;    /* width */
    float *point;   /* n × width, less the mean */
    double *norm;   /* n: ‖point‖² */
} Points;

/* Of n rows, each with its class; and of ones that are moved and in the order of their classes,
 * count[c] of each. */
typedef struct PointsFrom {
    const float *rows;
    const size_t *column; /* NULL: in order */
    const size_t *count;
    const float *mean; /* of those in order */
    size_t n, width, classes;
} PointsFrom;
Points *points_new(const PointsFrom *from, Error *err);
Points *points_retain(Points *points);
void points_release(Points *points);

/* log Σ exp(−gamma ‖x − s‖²) over each class's points for n rows: sums (n × classes), and if it is
 * not NULL each row's largest kernel. */
typedef struct PointsSums {
    const Points *points;
    const float *x; /* n × width */
    size_t n;
    double gamma;
    double *sums, *largest;
} PointsSums;
bool points_sums(const PointsSums *job, Error *err);

/* slopes[i] = the gradient of w[i] · sums(x[i]), by x[i]. */
typedef struct PointsPull {
    const Points *points;
    const float *x;
    size_t n;
    double gamma;
    const double *w; /* n × classes */
    float *slopes;   /* n × width */
} PointsPull;
bool points_pull(const PointsPull *job, Error *err);

/* The bandwidth of the largest leave-one-out likelihood (density.h). 0 after an interrupt, NaN
 * where it failed. */
double points_bandwidth(const Points *points, Progress *progress, Error *err);

#endif
