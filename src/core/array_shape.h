/* array_shape.h — other shapes for the same elements: views, with a copy only where reshape has no
 * other way. Of a mask all are masks. Axes are 0-based; every function returns a new header. */
#ifndef PERIGEE_CORE_ARRAY_SHAPE_H
#define PERIGEE_CORE_ARRAY_SHAPE_H

#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>

/* The same elements in row-major order under another shape; one size may be SIZE_REST and is
 * worked out. A view wherever the layout allows one. */
#define SIZE_REST SIZE_MAX
Array *array_reshape(const char *where, const Array *a, const Sizes *shape, Error *err);

/* Axis d of the result is axis axes[d] of a; NULL reverses them. */
Array *array_transpose(const char *where, const Array *a, const int *axes, Error *err);

/* Without the axis, whose size must be 1; axis −1: without all such axes. */
Array *array_squeeze(const char *where, const Array *a, int axis, Error *err);

/* With a new axis of size 1 in front of axis `axis` (0 … ndim). */
Array *array_expand_dims(const char *where, const Array *a, int axis, Error *err);

/* As if repeated to this shape, by strides of 0: to be read, not written. */
Array *array_broadcast_to(const char *where, const Array *a, const Sizes *shape, Error *err);

/* Along one axis: the elements first, first + step, … (`count` of them), all within the axis;
 * `drop` (count 1) makes the axis disappear. */
typedef struct Slice {
    size_t first, count;
    ptrdiff_t step;
    bool drop;
} Slice;

/* One Slice for every axis. */
Array *array_slice(const Array *a, const Slice *slices, Error *err);

#endif
