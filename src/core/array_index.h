/* array_index.h — elements chosen by position or mask, and arrays joined. Positions and axes are
 * 0-based; results are copies. */
#ifndef PERIGEE_CORE_ARRAY_INDEX_H
#define PERIGEE_CORE_ARRAY_INDEX_H

#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Positions along an axis, each within it. */
typedef struct Places {
    int axis;
    const size_t *position;
    size_t count;
} Places;

/* The sub-arrays at these positions of the axis, in that order; of a mask a mask. */
Array *array_take(const char *where, const Array *a, const Places *places, Error *err);

/* Write values (broadcast to what array_take would give) to these positions of the axis. */
bool array_put_at(const Array *values, const Places *places, Array *out, Error *err);

/* One position along the axis for each place of the other axes: of a's shape, but for the axis
 * itself, where it may have any size; or without that axis, and the result then has none. */
Array *array_gather(const Array *a, const Array *positions, const Places *places, Error *err);

/* Pull its gradient back: zeros of the shape, with dy added at the positions. dy has what
 * array_gather gave. */
Array *array_gather_pull(const Array *dy, const Sizes *shape, const Places *places, Error *err);

/* The elements of a where the mask, of the same shape, is not 0, as a 1-d array in row-major order;
 * or, with a 1-d mask as long as the axis (axis ≥ 0), the sub-arrays where it is not 0. */
Array *array_compress(const Array *a, const Array *mask, int axis, Error *err);

/* The places of what is not 0, counted from `origin`: int32, 1-d for a 1-d array, else one row of
 * ndim indices each. */
Array *array_nonzero(const Array *a, int32_t origin, Error *err);

/* One after the other along an existing axis; the other sizes must agree. count ≥ 1. Of masks a
 * mask. */
Array *array_concatenate(const Array *const *parts, size_t count, int axis, Error *err);

/* The same along a new axis in front of axis `axis`; all shapes must agree. */
Array *array_stack(const Array *const *parts, size_t count, int axis, Error *err);

#endif
