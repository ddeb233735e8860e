/* array_reduce.h — sums, means, extremes and norms of arrays, whole or along axes.
 *
 * Everything is accumulated in double, in blocks whose borders depend on the shape alone: the same
 * array gives the same bits with any number of threads.
 *
 * Types of the result, by array_types.h: any and all give masks; count, argmin and argmax int32;
 * mean, var, std, the norms and logsumexp leave the integers; the rest keeps the array's type, in
 * which an int32 result must fit. min, max, argmin and argmax find the first NaN if there is one,
 * and refuse to choose among no elements. */
#ifndef PERIGEE_CORE_ARRAY_REDUCE_H
#define PERIGEE_CORE_ARRAY_REDUCE_H

#include "core/array_types.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum Reduction {
    REDUCE_SUM,
    REDUCE_PROD,
    REDUCE_MEAN,
    REDUCE_VAR, /* Σ(x − mean)² / (n − ddof) */
    REDUCE_STD, /* its root */
    REDUCE_MIN,
    REDUCE_MAX,
    REDUCE_ANY, /* 1 if an element is not 0 */
    REDUCE_ALL,
    REDUCE_COUNT,    /* elements that are not 0 */
    REDUCE_NORM1,    /* Σ|x| */
    REDUCE_NORM2,    /* √Σx² */
    REDUCE_NORM_INF, /* max|x| */
    REDUCE_LOGSUMEXP /* log Σ exp(x), without overflow; −inf of no elements */
} Reduction;

typedef struct Reduce {
    Reduction reduction;
    bool along[ARRAY_MAX_DIMS]; /* the axes that disappear; none set: all of them */
    bool keepdims;              /* they stay, with size 1 */
    double ddof;                /* for var and std */
} Reduce;

Array *array_reduce(const Array *a, const Reduce *what, Error *err);

/* The whole array to a number, which is not rounded to float32. */
bool array_reduce_all(const Array *a, const Reduce *what, double *value, Error *err);

/* "sum"; and what a reduction gives. */
const char *reduction_name(Reduction reduction);
ResultKind reduction_result(Reduction reduction);

/* The place of the first least or greatest element: along `axis`, or, with axis −1, in the
 * flattened array. Places are counted from `origin`. */
typedef struct ExtremePlace {
    bool greatest;
    int axis;
    bool keepdims;
    int32_t origin;
} ExtremePlace;
Array *array_arg_extreme(const Array *a, const ExtremePlace *what, Error *err);

/* Running sums along the axis; axis −1: of the flattened array, 1-d. */
Array *array_cumsum(const Array *a, int axis, Error *err);

#endif
