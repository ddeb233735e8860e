/* array_quantile.h — percentiles: values between the sorted elements.
 *
 * Percentile p of n sorted elements is at the place (n − 1)·p / 100, counted from 0; between two
 * elements their values are joined by a line, as NumPy does it. A NaN makes it NaN; no elements are
 * refused. int32 gives f64, other types stay. */
#ifndef PERIGEE_CORE_ARRAY_QUANTILE_H
#define PERIGEE_CORE_ARRAY_QUANTILE_H

#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct Quantile {
    const char *where; /* "percentile", "median" */
    const double *p;   /* each 0 … 100 */
    size_t count;
    bool several;               /* the p's are an axis of their own, the first */
    bool along[ARRAY_MAX_DIMS]; /* the axes that disappear; none set: all of them */
    bool keepdims;              /* they stay, with size 1 */
} Quantile;

Array *array_quantile(const Array *a, const Quantile *what, Error *err);

/* Pull its gradient back: each of the two elements that a value lies between gets dy by how near it
 * is. dy has what array_quantile gave. */
Array *array_quantile_pull(const Array *a, const Array *dy, const Quantile *what, Error *err);

#endif
