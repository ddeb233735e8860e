#include "core/array_linalg.h"

#include "core/array.h"
#include "core/array_math.h"
#include "core/array_shape.h"
#include "core/array_stream.h"
#include "core/blas.h"
#include "core/fail.h"

#include <stdlib.h>
#include <string.h>

/* How BLAS reads a matrix: stored rows `leading` apart, perhaps transposed. */
typedef struct Matrix {
    const char *data;
    bool transposed;
    size_t leading;
} Matrix;

/* False if neither stride of rows × cols is 1 (or a stride does not suit). */
static bool as_blas(const Array *a, size_t rows, size_t cols, Matrix *m) {
    ptrdiff_t down = a->stride[a->ndim - 2], right = a->stride[a->ndim - 1];
    size_t least_row = cols ? cols : 1, least_col = rows ? rows : 1;
    *m = (Matrix){ .data = a->data, .leading = least_row };
    if ((right == 1 || cols == 1) && (rows == 1 || down >= (ptrdiff_t)least_row)) {
        m->leading = rows == 1 ? least_row : (size_t)down;
        return true;
    }
    if ((down == 1 || rows == 1) && (cols == 1 || right >= (ptrdiff_t)least_col)) {
        m->transposed = true;
        m->leading = cols == 1 ? least_col : (size_t)right;
        return true;
    }
    return false;
}

/* a as an array of `dtype` (…, rows, cols) that BLAS can read; a 1-d array gets its second axis. */
static Array *operand(const char *where, const Array *a, int new_axis, DType dtype, Error *err) {
    Matrix unused;
    Array *wide = a->ndim == 1 ? array_expand_dims(where, a, new_axis, err) : array_share(a, err);
    if (!wide || (wide->dtype == dtype &&
                  as_blas(wide, wide->shape[wide->ndim - 2], wide->shape[wide->ndim - 1], &unused)))
        return wide;
    Array *out = array_contiguous(where, wide, dtype, err);
    array_free(wide);
    return out;
}

/* One product of the last two axes of a, b into out (contiguous). */
static void multiply(const Array *a, const Array *b, Array *out) {
    size_t m = a->shape[a->ndim - 2], k = a->shape[a->ndim - 1], n = b->shape[b->ndim - 1];
    Matrix x, y;
    as_blas(a, m, k, &x);
    as_blas(b, k, n, &y);
    if (out->dtype == DTYPE_F32)
        blas_sgemm(x.transposed, y.transposed, m, n, k, 1, (const float *)x.data, x.leading,
                   (const float *)y.data, y.leading, 0, out->data, n ? n : 1);
    else
        blas_dgemm(x.transposed, y.transposed, m, n, k, 1, (const double *)x.data, x.leading,
                   (const double *)y.data, y.leading, 0, out->data, n ? n : 1);
}

/* The matrix of a at a flat index of the leading axes `shape` (ndim of them), as a header without a
 * count of its own. */
static Array matrix_at(const Array *a, int ndim, const size_t *shape, size_t index) {
    Array m = *a;
    ptrdiff_t offset = 0;
    int lead = a->ndim - 2;
    for (int d = 1; d <= ndim; d++) {
        size_t i = index % shape[ndim - d];
        index /= shape[ndim - d];
        if (d <= lead && a->shape[lead - d] != 1)
            offset += (ptrdiff_t)i * a->stride[lead - d];
    }
    m.data = (char *)a->data + offset * (ptrdiff_t)dtype_size(a->dtype);
    return m;
}

/* The leading axes' common shape, then m and n. */
static bool product_shape(const char *where, const Array *a, const Array *b, int *lead,
                          size_t shape[ARRAY_MAX_DIMS], Error *err) {
    Array x = *a, y = *b;
    x.ndim -= 2;
    y.ndim -= 2;
    if (!stream_broadcast(where, &x, &y, lead, shape, err))
        return false;
    shape[*lead] = a->shape[a->ndim - 2];
    shape[*lead + 1] = b->shape[b->ndim - 1];
    return true;
}

static Array *matrix_product(const char *where, const Array *a, const Array *b, Error *err) {
    size_t shape[ARRAY_MAX_DIMS], products = 1;
    int lead;
    if (!product_shape(where, a, b, &lead, shape, err))
        return NULL;
    Array *out = array_new(where, a->dtype, lead + 2, shape, err);
    for (int d = 0; d < lead; d++)
        products *= shape[d];
    for (size_t i = 0; out && i < products && a->shape[a->ndim - 1] > 0; i++) {
        Array x = matrix_at(a, lead, shape, i), y = matrix_at(b, lead, shape, i);
        Array target = *out;
        target.data =
            (char *)out->data + i * shape[lead] * shape[lead + 1] * dtype_size(out->dtype);
        multiply(&x, &y, &target);
    }
    return out;
}

/* The result without the axes that 1-d inputs brought, in the type it should have. */
static Array *trim(const char *where, Array *product, bool drop_row, bool drop_column, DType dtype,
                   Error *err) {
    ptrdiff_t shape[ARRAY_MAX_DIMS];
    int ndim = 0;
    if (!product)
        return NULL;
    for (int d = 0; d < product->ndim; d++) {
        int from_end = product->ndim - d;
        if (!(drop_row && from_end == 2) && !(drop_column && from_end == 1))
            shape[ndim++] = (ptrdiff_t)product->shape[d];
    }
    Array *view = array_reshape(where, product, ndim, shape, err);
    Array *out = view ? array_contiguous(where, view, dtype, err) : NULL;
    array_free(view);
    array_free(product);
    return out;
}

Array *array_matmul(const char *where, const Array *a, const Array *b, Error *err) {
    char first[128], second[128];
    size_t inner_a = a->ndim ? a->shape[a->ndim - 1] : 0;
    size_t inner_b = b->ndim ? b->shape[b->ndim == 1 ? 0 : b->ndim - 2] : 0;
    if (a->ndim == 0 || b->ndim == 0 || inner_a != inner_b) {
        error_set(err, ERROR_ARGUMENT, "%s: %s and %s: inner sizes differ", where,
                  array_shape_text(a->ndim, a->shape, first),
                  array_shape_text(b->ndim, b->shape, second));
        return NULL;
    }
    DType result = dtype_promote(a->dtype, b->dtype);
    DType compute = result == DTYPE_I32 ? DTYPE_F64 : result;
    Array *x = operand(where, a, 0, compute, err);
    Array *y = x ? operand(where, b, 1, compute, err) : NULL;
    Array *product = y ? matrix_product(where, x, y, err) : NULL;
    array_free(x);
    array_free(y);
    return trim(where, product, a->ndim == 1, b->ndim == 1, result, err);
}

bool array_dot(const char *where, const Array *a, const Array *b, double *value, Error *err) {
    char first[128], second[128];
    if (a->ndim != 1 || b->ndim != 1 || a->shape[0] != b->shape[0])
        return error_set(err, ERROR_ARGUMENT, "%s: %s and %s: expected two 1-d arrays of one size",
                         where, array_shape_text(a->ndim, a->shape, first),
                         array_shape_text(b->ndim, b->shape, second));
    Stream x = stream_of(a, 1, a->shape), y = stream_of(b, 1, b->shape);
    StreamScratch in_x, in_y;
    double sum = 0;
    in_x.filled = in_y.filled = 0;
    for (size_t done = 0; done < a->shape[0]; done += STREAM_RUN) {
        size_t n = a->shape[0] - done < STREAM_RUN ? a->shape[0] - done : STREAM_RUN;
        const double *p = stream_read(&x, DTYPE_F64, done, n, &in_x);
        const double *q = stream_read(&y, DTYPE_F64, done, n, &in_y);
        for (size_t i = 0; i < n; i++)
            sum += p[i] * q[i];
    }
    *value = sum;
    return true;
}

Array *array_outer(const char *where, const Array *a, const Array *b, Error *err) {
    Array *column = array_reshape(where, a, 2, (ptrdiff_t[]){ (ptrdiff_t)array_size(a), 1 }, err);
    Array *row =
        column ? array_reshape(where, b, 1, &(ptrdiff_t){ (ptrdiff_t)array_size(b) }, err) : NULL;
    Array *out = row ? array_binary("mul", column, row, err) : NULL;
    array_free(column);
    array_free(row);
    return out;
}
