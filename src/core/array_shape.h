/* array_shape.h — other shapes for the same elements: views, with a copy only where reshape has no
 * other way. Of a mask all are masks. Axes are 0-based; every function returns a new header. */
#ifndef PERIGEE_CORE_ARRAY_SHAPE_H
#define PERIGEE_CORE_ARRAY_SHAPE_H

#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The same elements in row-major order under another shape; one size may be SIZE_REST and is
 * worked out. A view wherever the layout allows one. */
#define SIZE_REST SIZE_MAX
Array *array_reshape(const char *where, const Array *a, const Sizes *shape, Error *err);

/* Axis d of the result is axis axes[d] of a; NULL reverses them. */
Array *array_transpose(const char *where, const Array *a, const int *axes, Error *err);

/* Without the axis, whose size must be 1; axis −1: without all such axes. */
Array *array_squeeze(const Array *a, int axis, Error *err);

/* With a new axis of size 1 in front of axis `axis` (0 … ndim). */
Array *array_expand_dims(const Array *a, int axis, Error *err);

/* As if repeated to this shape, by strides of 0: to be read, not written. */
Array *array_broadcast_to(const char *where, const Array *a, const Sizes *shape, Error *err);

/* Along one axis: the elements first, first + step, … (`count` of them), all within the axis;
 * `drop` (count 1) makes the axis disappear. */
typedef struct Slice {
    size_t first, count;
    ptrdiff_t step;
    bool drop;
} Slice;

/* first, first + step, … to last, both included, of an axis with n elements. They count from 1, or
 * from −1 at the end; what lies outside is left out. The step is not 0. */
Slice slice_between(int64_t first, int64_t last, int64_t step, size_t n);

/* The 0-based place of a 1-based index, or of a negative one from the end, among n; −1: outside. */
ptrdiff_t place_of(int64_t index, size_t n);

/* One Slice for every axis. */
Array *array_slice(const Array *a, const Slice *slices, Error *err);

/* Row i, without the first axis. */
Array *array_row(const Array *a, size_t i, Error *err);

#endif
