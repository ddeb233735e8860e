/* array.h — n-dimensional arrays: storage, shape, views.
 *
 * An Array is a small header (type, shape, strides) over a reference-counted Buffer. Slices, rows,
 * reshapes and transposes are further headers over the same buffer: they see each other's writes
 * and the buffer lives until its last header is freed. Elements are row-major where an array is
 * contiguous; strides count elements, not bytes, and may be 0 (broadcast) or negative.
 * Headers and buffers belong to the main thread: worker threads get plain pointers.
 * The operations on arrays are in array_math.h, array_reduce.h, array_index.h, array_join.h,
 * array_sort.h, array_create.h and array_linalg.h. */
#ifndef PERIGEE_CORE_ARRAY_H
#define PERIGEE_CORE_ARRAY_H

#include "core/array_values.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Buffer Buffer;

struct Array {
    DType dtype;
    int ndim; /* 0 is a scalar with one element */
    size_t shape[ARRAY_MAX_DIMS];
    ptrdiff_t stride[ARRAY_MAX_DIMS]; /* in elements */
    void *data;                       /* the element at index (0, …, 0) */
    Buffer *buffer;
};

/* "f32", "f64", "i32"; bytes of one element. */
const char *dtype_name(DType dtype);
size_t dtype_size(DType dtype);

/* A new zeroed, contiguous array, its data 64-byte aligned. Fails on a size that overflows or that
 * memory does not hold. `where` names the user's function in the message. */
Array *array_new(const char *where, DType dtype, int ndim, const size_t *shape, Error *err);

/* The same without the zeros, for a caller that writes every element. */
Array *array_uninitialised(const char *where, DType dtype, int ndim, const size_t *shape,
                           Error *err);

/* Another header over `parent`'s buffer. `data` must point into it; NULL only on lack of memory. */
Array *array_view(const Array *parent, int ndim, const size_t *shape, const ptrdiff_t *stride,
                  void *data, Error *err);

bool array_is_contiguous(const Array *a);
bool array_is_sole(const Array *a); /* no other header shares the buffer */
bool array_same_shape(const Array *a, const Array *b);

/* Copy `values`, broadcast and converted as array_contiguous does, into every element of `out`
 * (which may share memory with them). On failure out is unchanged. */
bool array_assign(const char *where, const Array *values, Array *out, Error *err);

/* One element as a double, by its 0-based index of a->ndim numbers; and writing one (converted to
 * the array's type as array_contiguous does; false if it does not fit). */
double array_get(const Array *a, const size_t *index);
bool array_put(const char *where, Array *a, const size_t *index, double value, Error *err);

#endif
