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

#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum DType { DTYPE_F32, DTYPE_F64, DTYPE_I32 } DType;

enum { ARRAY_MAX_DIMS = 8 };

typedef struct Buffer Buffer;

typedef struct Array {
    DType dtype;
    int ndim; /* 0 is a scalar with one element */
    size_t shape[ARRAY_MAX_DIMS];
    ptrdiff_t stride[ARRAY_MAX_DIMS]; /* in elements */
    void *data;                       /* the element at index (0, …, 0) */
    Buffer *buffer;
} Array;

/* "f32", "f64", "i32"; bytes of one element. */
const char *dtype_name(DType dtype);
size_t dtype_size(DType dtype);

/* A new zeroed, contiguous array, its data 64-byte aligned. Fails on a size that overflows or that
 * memory does not hold. `where` names the user's function in the message. */
Array *array_new(const char *where, DType dtype, int ndim, const size_t *shape, Error *err);

/* The same without the zeros, for a caller that writes every element. */
Array *array_uninitialised(const char *where, DType dtype, int ndim, const size_t *shape,
                           Error *err);

/* The common cases of array_new: 1-d and 2-d. */
Array *array_new1(const char *where, DType dtype, size_t n, Error *err);
Array *array_new2(const char *where, DType dtype, size_t rows, size_t cols, Error *err);

/* Another header over `parent`'s buffer. `data` must point into it; NULL only on lack of memory. */
Array *array_view(const Array *parent, int ndim, const size_t *shape, const ptrdiff_t *stride,
                  void *data, Error *err);

/* A second header equal to a (what a retained reference is here). */
Array *array_share(const Array *a, Error *err);

/* Rows first … first+count−1 of the first axis as a view (0-based). */
Array *array_rows(const Array *a, size_t first, size_t count, Error *err);

/* Free this header, and the buffer with its last header. NULL is fine. */
void array_free(Array *a);

/* Number of elements; bytes of the elements; product of shape[1 …] (the width of a row). */
size_t array_size(const Array *a);
size_t array_bytes(const Array *a);
size_t array_row_size(const Array *a);

bool array_is_contiguous(const Array *a);
bool array_is_sole(const Array *a); /* no other header shares the buffer */
bool array_same_shape(const Array *a, const Array *b);

/* a as a contiguous array of `dtype`: a shared header if it is one already, else a converted copy.
 * float → int32 truncates towards zero, and refuses what does not fit (NaN, Inf, |x| ≥ 2³¹). */
Array *array_contiguous(const char *where, const Array *a, DType dtype, Error *err);

/* A contiguous copy of the same type, never shared. */
Array *array_copy(const char *where, const Array *a, Error *err);

/* Copy `values`, broadcast and converted as array_contiguous does, into every element of `out`
 * (which may share memory with them). On failure out is unchanged. */
bool array_assign(const char *where, const Array *values, Array *out, Error *err);

/* Row-major pointers of a contiguous array; asserts the type. */
float *array_f32(const Array *a);
double *array_f64(const Array *a);
int32_t *array_i32(const Array *a);

/* One element as a double, by its 0-based index of a->ndim numbers; and writing one (converted to
 * the array's type as array_contiguous does; false if it does not fit). */
double array_get(const Array *a, const size_t *index);
bool array_put(const char *where, Array *a, const size_t *index, double value, Error *err);

/* "(60000, 784)" into text, for messages; returns text. */
char *array_shape_text(int ndim, const size_t *shape, char text[128]);

#endif
