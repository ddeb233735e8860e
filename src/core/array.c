#include "core/array.h"

#include "core/array_transfer.h"
#include "core/buffer_pool.h"
#include "core/fail.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct Buffer {
    size_t refs; /* headers that point here; the main thread alone touches it */
    void *bytes;
    size_t capacity; /* of `bytes`, for the pool */
};

const char *dtype_name(DType dtype) {
    static const char *const names[] = { "f32", "f64", "i32" };
    return names[dtype];
}

size_t dtype_size(DType dtype) {
    static const size_t sizes[] = { sizeof(float), sizeof(double), sizeof(int32_t) };
    return sizes[dtype];
}

char *array_shape_text(int ndim, const size_t *shape, char text[128]) {
    size_t used = (size_t)snprintf(text, 128, "(");
    for (int d = 0; d < ndim && used < 120; d++)
        used += (size_t)snprintf(text + used, 128 - used, "%s%zu", d ? ", " : "", shape[d]);
    if (used < 126)
        snprintf(text + used, 128 - used, ndim == 1 ? ",)" : ")");
    return text;
}

size_t array_size(const Array *a) {
    size_t size = 1;
    for (int d = 0; d < a->ndim; d++)
        size *= a->shape[d];
    return size;
}

size_t array_bytes(const Array *a) {
    return array_size(a) * dtype_size(a->dtype);
}

size_t array_length(const Array *a) {
    assert(a->ndim > 0);
    return a->shape[0];
}

size_t array_row_size(const Array *a) {
    size_t size = 1;
    for (int d = 1; d < a->ndim; d++)
        size *= a->shape[d];
    return size;
}

bool array_is_contiguous(const Array *a) {
    ptrdiff_t expected = 1;
    for (int d = a->ndim - 1; d >= 0; d--) {
        if (a->shape[d] != 1 && a->stride[d] != expected)
            return array_size(a) == 0;
        expected *= (ptrdiff_t)a->shape[d];
    }
    return true;
}

bool array_is_sole(const Array *a) {
    return a->buffer->refs == 1;
}

bool array_same_shape(const Array *a, const Array *b) {
    return a->ndim == b->ndim &&
           (a->ndim == 0 || memcmp(a->shape, b->shape, (size_t)a->ndim * sizeof *a->shape) == 0);
}

static void set_row_major(Array *a, int ndim, const size_t *shape) {
    a->ndim = ndim;
    ptrdiff_t step = 1;
    for (int d = ndim - 1; d >= 0; d--) {
        a->shape[d] = shape[d];
        a->stride[d] = step;
        step *= (ptrdiff_t)shape[d];
    }
}

/* The byte count of `shape`; false if it overflows. An empty array's other sizes must not overflow
 * either: strides are their products. */
static bool byte_count(DType dtype, int ndim, const size_t *shape, size_t *bytes) {
    size_t total = dtype_size(dtype);
    bool empty = false;
    for (int d = 0; d < ndim; d++) {
        empty = empty || shape[d] == 0;
        if (__builtin_mul_overflow(total, shape[d] ? shape[d] : 1, &total))
            return false;
    }
    if (total > PTRDIFF_MAX / 2)
        return false;
    *bytes = empty ? 0 : total;
    return true;
}

Array *array_uninitialised(const char *where, DType dtype, int ndim, const size_t *shape,
                           Error *err) {
    char text[128];
    size_t bytes, capacity = 0;
    if (ndim < 0 || ndim > ARRAY_MAX_DIMS) {
        error_set(err, ERROR_ARGUMENT, "%s: %d dimensions; an array has at most %d", where, ndim,
                  ARRAY_MAX_DIMS);
        return NULL;
    }
    if (!byte_count(dtype, ndim, shape, &bytes)) {
        error_set(err, ERROR_ARGUMENT, "%s: an array of shape %s is larger than any memory", where,
                  array_shape_text(ndim, shape, text));
        return NULL;
    }
    Array *a = calloc(1, sizeof *a);
    Buffer *buffer = calloc(1, sizeof *buffer);
    void *data = pool_take(bytes, &capacity);
    if (!a || !buffer || !data) {
        free(a);
        free(buffer);
        pool_give(data, capacity);
        error_memory(err, where, bytes);
        return NULL;
    }
    *buffer = (Buffer){ .refs = 1, .bytes = data, .capacity = capacity };
    a->dtype = dtype;
    a->data = data;
    a->buffer = buffer;
    set_row_major(a, ndim, shape);
    return a;
}

Array *array_new(const char *where, DType dtype, int ndim, const size_t *shape, Error *err) {
    Array *a = array_uninitialised(where, dtype, ndim, shape, err);
    if (a)
        memset(a->data, 0, array_bytes(a));
    return a;
}

Array *array_new1(const char *where, DType dtype, size_t n, Error *err) {
    return array_new(where, dtype, 1, &n, err);
}

Array *array_new2(const char *where, DType dtype, size_t rows, size_t cols, Error *err) {
    return array_new(where, dtype, 2, (size_t[]){ rows, cols }, err);
}

Array *array_view(const Array *parent, int ndim, const size_t *shape, const ptrdiff_t *stride,
                  void *data, Error *err) {
    assert(ndim >= 0 && ndim <= ARRAY_MAX_DIMS);
    Array *a = calloc(1, sizeof *a);
    if (!a) {
        error_memory(err, "view", sizeof *a);
        return NULL;
    }
    a->dtype = parent->dtype;
    a->ndim = ndim;
    for (int d = 0; d < ndim; d++) {
        a->shape[d] = shape[d];
        a->stride[d] = stride[d];
    }
    a->data = data;
    a->buffer = parent->buffer;
    a->buffer->refs++;
    return a;
}

Array *array_share(const Array *a, Error *err) {
    return array_view(a, a->ndim, a->shape, a->stride, a->data, err);
}

Array *array_rows(const Array *a, size_t first, size_t count, Error *err) {
    assert(a->ndim >= 1 && first + count <= a->shape[0]);
    size_t shape[ARRAY_MAX_DIMS];
    memcpy(shape, a->shape, sizeof shape);
    shape[0] = count;
    char *start =
        (char *)a->data + (ptrdiff_t)first * a->stride[0] * (ptrdiff_t)dtype_size(a->dtype);
    return array_view(a, a->ndim, shape, a->stride, count ? start : a->data, err);
}

void array_free(Array *a) {
    if (!a)
        return;
    if (--a->buffer->refs == 0) {
        pool_give(a->buffer->bytes, a->buffer->capacity);
        free(a->buffer);
    }
    free(a);
}

static double read_element(const Array *a, ptrdiff_t offset) {
    switch (a->dtype) {
    case DTYPE_F32:
        return (double)((const float *)a->data)[offset];
    case DTYPE_F64:
        return ((const double *)a->data)[offset];
    case DTYPE_I32:
        return (double)((const int32_t *)a->data)[offset];
    }
    return 0;
}

/* False if value has no counterpart in the array's type (only int32 can refuse). */
static bool write_element(Array *a, ptrdiff_t offset, double value) {
    switch (a->dtype) {
    case DTYPE_F32:
        ((float *)a->data)[offset] = (float)value;
        return true;
    case DTYPE_F64:
        ((double *)a->data)[offset] = value;
        return true;
    case DTYPE_I32:
        if (!(value > -2147483649.0 && value < 2147483648.0))
            return false;
        ((int32_t *)a->data)[offset] = (int32_t)value;
        return true;
    }
    return false;
}

static bool refuse_int32(const char *where, double value, Error *err) {
    return error_set(err, ERROR_ARGUMENT, "%s: %g does not fit into an int32 array", where, value);
}

static Array *converted_copy(const char *where, const Array *a, DType dtype, Error *err) {
    Array *out = array_uninitialised(where, dtype, a->ndim, a->shape, err);
    if (out && !array_transfer(where, a, out, err)) {
        array_free(out);
        return NULL;
    }
    return out;
}

Array *array_contiguous(const char *where, const Array *a, DType dtype, Error *err) {
    if (a->dtype == dtype && array_is_contiguous(a))
        return array_share(a, err);
    return converted_copy(where, a, dtype, err);
}

Array *array_copy(const char *where, const Array *a, Error *err) {
    return converted_copy(where, a, a->dtype, err);
}

float *array_f32(const Array *a) {
    assert(a->dtype == DTYPE_F32 && array_is_contiguous(a));
    return a->data;
}

double *array_f64(const Array *a) {
    assert(a->dtype == DTYPE_F64 && array_is_contiguous(a));
    return a->data;
}

int32_t *array_i32(const Array *a) {
    assert(a->dtype == DTYPE_I32 && array_is_contiguous(a));
    return a->data;
}

static ptrdiff_t offset_of(const Array *a, const size_t *index) {
    ptrdiff_t offset = 0;
    for (int d = 0; d < a->ndim; d++) {
        assert(index[d] < a->shape[d]);
        offset += (ptrdiff_t)index[d] * a->stride[d];
    }
    return offset;
}

double array_get(const Array *a, const size_t *index) {
    return read_element(a, offset_of(a, index));
}

bool array_put(const char *where, Array *a, const size_t *index, double value, Error *err) {
    return write_element(a, offset_of(a, index), value) || refuse_int32(where, value, err);
}
