#include "core/array.h"

#include "core/buffer_pool.h"
#include "core/fail.h"
#include "core/lender.h"

#include <assert.h>
#include <stdio.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct Buffer {
    size_t refs;      /* headers that point here; the main thread alone touches it */
    uint32_t version; /* how often somebody was about to write */
    bool frozen;      /* nobody is any more */
    void *bytes;
    size_t capacity; /* of `bytes`, for the pool */
    Lender *lender;  /* whose they are; NULL: ours */
};

bool array_check_finite(const char *what, const Array *a, Error *err) {
    size_t n = array_size(a);
    for (size_t i = 0; i < n; i++) {
        double x = a->dtype == DTYPE_F32   ? (double)array_f32(a)[i]
                   : a->dtype == DTYPE_F64 ? array_f64(a)[i]
                                           : 0;
        if (!isfinite(x))
            return error_set(err, ERROR_ARGUMENT, "%s: number %zu is %s", what, i + 1,
                             isnan(x) ? "NaN" : "infinite");
    }
    return true;
}

char *array_shape_text(int ndim, const size_t *shape, char text[128]) {
    size_t used = (size_t)snprintf(text, 128, "(");
    for (int d = 0; d < ndim && used < 120; d++)
        used += (size_t)snprintf(text + used, 128 - used, "%s%zu", d ? ", " : "", shape[d]);
    if (used < 126)
        snprintf(text + used, 128 - used, ndim == 1 ? ",)" : ")");
    return text;
}

size_t shape_words(const Sizes *shape, size_t room, char *text) {
    size_t used = 0;
    text[0] = '\0';
    for (int d = 0; d < shape->ndim && used + 1 < room; d++)
        used += (size_t)snprintf(text + used, room - used, "%s%zu", d ? "x" : "", shape->size[d]);
    return used < room ? used : room - 1;
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

void array_freeze(Array *a) {
    a->read_only = true;
    a->buffer->frozen = true;
}

bool array_is_frozen(const Array *a) {
    return a->read_only && a->buffer->frozen;
}

bool array_same_shape(const Array *a, const Array *b) {
    return a->ndim == b->ndim &&
           (a->ndim == 0 || memcmp(a->shape, b->shape, (size_t)a->ndim * sizeof *a->shape) == 0);
}

bool array_is_plain(const Array *a) {
    return operand_bits(a->dtype, a->origin) & OPERAND_PLAIN;
}

Sizes sizes_of(int ndim, const size_t *size) {
    Sizes shape = { .ndim = ndim };
    for (int d = 0; d < ndim && d < ARRAY_MAX_DIMS; d++)
        shape.size[d] = size[d];
    return shape;
}

Sizes array_sizes(const Array *a) {
    return sizes_of(a->ndim, a->shape);
}

size_t sizes_product(const Sizes *shape) {
    size_t size = 1;
    for (int d = 0; d < shape->ndim; d++)
        size *= shape->size[d];
    return size;
}

static unsigned bits_of(const Array *const *operands, size_t count) {
    unsigned bits = 0;
    for (size_t i = 0; i < count; i++)
        bits |= operand_bits(operands[i]->dtype, operands[i]->origin);
    return bits;
}

DType array_common_dtype(const Array *const *operands, size_t count) {
    return operands_dtype(bits_of(operands, count));
}

DType array_chosen_dtype(const Array *const *operands, size_t count) {
    return chosen_dtype(bits_of(operands, count));
}

bool array_masks(const Array *const *operands, size_t count) {
    return bits_of(operands, count) == OPERAND_MASK;
}

void array_set_shape(Array *a, const Sizes *shape) {
    a->ndim = shape->ndim;
    ptrdiff_t step = 1;
    for (int d = shape->ndim - 1; d >= 0; d--) {
        a->shape[d] = shape->size[d];
        a->stride[d] = step;
        step *= (ptrdiff_t)shape->size[d];
    }
}

/* The byte count of `shape`; false if it overflows. An empty array's other sizes must not overflow
 * either: strides are their products. */
static bool byte_count(DType dtype, const Sizes *shape, size_t *bytes) {
    size_t total = dtype_size(dtype);
    bool empty = false;
    for (int d = 0; d < shape->ndim; d++) {
        empty = empty || shape->size[d] == 0;
        if (__builtin_mul_overflow(total, shape->size[d] ? shape->size[d] : 1, &total))
            return false;
    }
    if (total > PTRDIFF_MAX / 2)
        return false;
    *bytes = empty ? 0 : total;
    return true;
}

static bool check_shape(const char *where, DType dtype, const Sizes *shape, size_t *bytes,
                        Error *err) {
    char text[128];
    if (shape->ndim < 0 || shape->ndim > ARRAY_MAX_DIMS)
        return error_set(err, ERROR_ARGUMENT, "%s: %d dimensions; an array has at most %d", where,
                         shape->ndim, ARRAY_MAX_DIMS);
    return byte_count(dtype, shape, bytes) ||
           error_set(err, ERROR_ARGUMENT, "%s: an array of shape %s is larger than any memory",
                     where, array_shape_text(shape->ndim, shape->size, text));
}

Array *array_uninitialised(const char *where, DType dtype, const Sizes *shape, Error *err) {
    size_t bytes = 0, capacity = 0;
    if (!check_shape(where, dtype, shape, &bytes, err))
        return NULL;
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
    array_set_shape(a, shape);
    return a;
}

/* ---- Lent memory ----------------------------------------------------------------------------- */

struct Lender {
    size_t refs;
    void *bytes;
    size_t size;
    void (*release)(const void *bytes);
};

Lender *lender_new(void *bytes, size_t size, void (*release)(const void *bytes)) {
    Lender *lender = malloc(sizeof *lender);
    if (lender)
        *lender = (Lender){ 1, bytes, size, release };
    return lender;
}

size_t array_buffer_bytes(const Array *a) {
    return a->buffer->lender ? a->buffer->lender->size : a->buffer->capacity;
}

Lender *lender_retain(Lender *lender) {
    lender->refs++;
    return lender;
}

void lender_release(Lender *lender) {
    if (!lender || --lender->refs > 0)
        return;
    lender->release(lender->bytes);
    free(lender);
}

unsigned char *lender_bytes(const Lender *lender) {
    return lender->bytes;
}

size_t lender_size(const Lender *lender) {
    return lender->size;
}

Array *array_lent(Lender *lender, size_t at, DType dtype, const Sizes *shape, Error *err) {
    Array *a = calloc(1, sizeof *a);
    Buffer *buffer = calloc(1, sizeof *buffer);
    if (!a || !buffer) {
        free(a);
        free(buffer);
        error_memory(err, "array", sizeof *a + sizeof *buffer);
        return NULL;
    }
    a->dtype = dtype;
    a->data = lender_bytes(lender) + at;
    a->buffer = buffer;
    array_set_shape(a, shape);
    assert(at + array_bytes(a) <= lender->size);
    *buffer = (Buffer){ .refs = 1, .bytes = a->data, .lender = lender_retain(lender) };
    return a;
}

/* ---- Others ---------------------------------------------------------------------------------- */

Array *array_new(const char *where, DType dtype, const Sizes *shape, Error *err) {
    Array *a = array_uninitialised(where, dtype, shape, err);
    if (a)
        memset(a->data, 0, array_bytes(a));
    return a;
}

Array *array_new1(const char *where, DType dtype, size_t n, Error *err) {
    return array_new(where, dtype, &(Sizes){ 1, { n } }, err);
}

Array *array_new2(const char *where, DType dtype, size_t rows, size_t cols, Error *err) {
    return array_new(where, dtype, &(Sizes){ 2, { rows, cols } }, err);
}

Array *array_view(const Array *layout, Error *err) {
    assert(layout->ndim >= 0 && layout->ndim <= ARRAY_MAX_DIMS);
    Array *a = malloc(sizeof *a);
    if (!a) {
        error_memory(err, "view", sizeof *a);
        return NULL;
    }
    *a = *layout;
    a->trace = (ArrayTrace){ 0 };
    a->version = a->buffer->version;
    a->buffer->refs++;
    if (array_is_plain(a)) /* a part of a table is an array like any other */
        a->origin = ORIGIN_ARRAY;
    return a;
}

Array *array_share(const Array *a, Error *err) {
    return array_view(a, err);
}

Array *array_share_read_only(const Array *a, Error *err) {
    Array *shared = array_view(a, err);
    if (shared)
        shared->read_only = true;
    return shared;
}

Array *array_rows(const Array *a, size_t first, size_t count, Error *err) {
    assert(a->ndim >= 1 && first + count <= a->shape[0]);
    Array rows = *a;
    rows.shape[0] = count;
    if (count)
        rows.data =
            (char *)a->data + (ptrdiff_t)first * a->stride[0] * (ptrdiff_t)dtype_size(a->dtype);
    return array_view(&rows, err);
}

void array_free(Array *a) {
    if (!a)
        return;
    if (--a->buffer->refs == 0) {
        if (!a->buffer->lender)
            pool_give(a->buffer->bytes, a->buffer->capacity);
        lender_release(a->buffer->lender);
        free(a->buffer);
    }
    free(a);
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

uint8_t *array_u8(const Array *a) {
    assert(a->dtype == DTYPE_U8 && array_is_contiguous(a));
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
    ptrdiff_t offset = offset_of(a, index);
    if (a->dtype == DTYPE_F32)
        return (double)((const float *)a->data)[offset];
    if (a->dtype == DTYPE_F64)
        return ((const double *)a->data)[offset];
    if (a->dtype == DTYPE_U8)
        return ((const uint8_t *)a->data)[offset];
    return (double)((const int32_t *)a->data)[offset];
}

bool array_writable(const char *where, const Array *a, Error *err) {
    if (a->read_only)
        return error_set(
            err, ERROR_ARGUMENT,
            "%s: this array is read-only, as it belongs to a dataset, a model, a result or "
            "an attack, or is what a model is asked for: a:copy() can be written, and d:with{ x "
            "=, y = } makes a changed "
            "dataset",
            where);
    if (a->buffer)
        a->buffer->version++;
    return true;
}

bool array_was_written(const Array *a) {
    return a->buffer && a->buffer->version != a->version;
}

bool array_put(Array *a, const size_t *index, double value) {
    assert(!a->read_only);
    ptrdiff_t offset = offset_of(a, index);
    if (!dtype_holds(a->dtype, value))
        return false;
    if (a->dtype == DTYPE_F32)
        ((float *)a->data)[offset] = (float)value;
    else if (a->dtype == DTYPE_F64)
        ((double *)a->data)[offset] = value;
    else if (a->dtype == DTYPE_U8)
        ((uint8_t *)a->data)[offset] = (uint8_t)value;
    else
        ((int32_t *)a->data)[offset] = (int32_t)value;
    return true;
}
