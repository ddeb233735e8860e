/* array_sort.h — sorting along an axis, and the distinct values of an array.
 *
 * Least-significant-digit radix sort over order-preserving integer keys: linear time, and stable,
 * so equal elements keep their order in argsort. NaN comes last, in either direction. */
#ifndef PERIGEE_CORE_ARRAY_SORT_H
#define PERIGEE_CORE_ARRAY_SORT_H

#include "core/types.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct SortOrder {
    int axis;
    bool descending;
    int32_t origin; /* what positions are counted from */
} SortOrder;

/* A sorted copy; of a mask a mask. */
Array *array_sort(const Array *a, const SortOrder *order, Error *err);

/* int32 positions along the axis, in the order of their elements. */
Array *array_argsort(const Array *a, const SortOrder *order, Error *err);

/* The distinct values, ascending, 1-d; with `counts` (may be NULL) how often each comes (int32).
 * All NaNs count as one value. */
Array *array_unique(const Array *a, Array **counts, Error *err);

#endif
