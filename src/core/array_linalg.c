#include "core/array_linalg.h"

#include "core/array.h"
#include "core/array_math.h"
#include "core/array_shape.h"
#include "core/array_stream.h"
#include "core/array_transfer.h"
#include "core/blas.h"
#include "core/fail.h"
#include "core/progress.h"

#include <stdlib.h>
#include <string.h>

/* False if neither stride of rows × cols is 1 (or a stride does not suit). */
static bool as_blas(const Array *a, size_t rows, size_t cols, BlasFactor *m) {
    ptrdiff_t down = a->stride[a->ndim - 2], right = a->stride[a->ndim - 1];
    size_t least_row = cols ? cols : 1, least_col = rows ? rows : 1;
    *m = (BlasFactor){ .data = a->data, .leading = least_row };
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

typedef struct Product {
    const Array *a, *b;
    DType compute, result;
} Product;

/* a as an array (…, rows, cols) that BLAS can read; a 1-d array gets its second axis. */
static Array *operand(const Product *p, const Array *a, int new_axis, Error *err) {
    BlasFactor unused;
    Array *wide = a->ndim == 1 ? array_expand_dims(a, new_axis, err) : array_view(a, err);
    if (!wide || (wide->dtype == p->compute &&
                  as_blas(wide, wide->shape[wide->ndim - 2], wide->shape[wide->ndim - 1], &unused)))
        return wide;
    Array *out = array_contiguous("matmul", wide, p->compute, err);
    array_free(wide);
    return out;
}

/* One product of the last two axes of a, b into contiguous memory; false where it gave up. */
static bool multiply(const Array *a, const Array *b, void *out) {
    size_t m = a->shape[a->ndim - 2], k = a->shape[a->ndim - 1], n = b->shape[b->ndim - 1];
    BlasFactor factor[2];
    as_blas(a, m, k, &factor[0]);
    as_blas(b, k, n, &factor[1]);
    return blas_product(a->dtype, (BlasSizes){ m, n, k }, factor, out);
}

/* The matrix of a at a flat index of the leading axes of `shape`, as a header without a count of
 * its own. */
static Array matrix_at(const Array *a, const Sizes *shape, size_t index) {
    Array m = *a;
    ptrdiff_t offset = 0;
    int lead = a->ndim - 2, ndim = shape->ndim - 2;
    for (int d = 1; d <= ndim; d++) {
        size_t i = index % shape->size[ndim - d];
        index /= shape->size[ndim - d];
        if (d <= lead && a->shape[lead - d] != 1)
            offset += (ptrdiff_t)i * a->stride[lead - d];
    }
    m.data = (char *)a->data + offset * (ptrdiff_t)dtype_size(a->dtype);
    return m;
}

/* The leading axes' common shape, then m and n. */
static bool product_shape(const Array *const pair[2], Sizes *shape, Error *err) {
    Array x = *pair[0], y = *pair[1];
    x.ndim -= 2;
    y.ndim -= 2;
    *shape = array_sizes(&x);
    if (!sizes_broadcast("matmul", shape, &y, err))
        return false;
    shape->size[shape->ndim++] = x.shape[x.ndim];
    shape->size[shape->ndim++] = y.shape[y.ndim + 1];
    return true;
}

static Array *matrix_product(const Array *a, const Array *b, Error *err) {
    Sizes shape;
    if (!product_shape((const Array *[]){ a, b }, &shape, err))
        return NULL;
    Array *out = array_new("matmul", a->dtype, &shape, err);
    size_t inner = a->shape[a->ndim - 1];
    size_t each = shape.size[shape.ndim - 2] * shape.size[shape.ndim - 1];
    size_t products = each ? sizes_product(&shape) / each : 0;
    double started = progress_clock();
    bool whole = true;
    for (size_t i = 0; whole && out && i < products && inner > 0; i++) {
        Array x = matrix_at(a, &shape, i), y = matrix_at(b, &shape, i);
        whole = multiply(&x, &y, (char *)out->data + i * each * dtype_size(out->dtype)) &&
                !progress_gives_up(started);
    }
    if (whole)
        return out;
    array_free(out);
    error_interrupted(err, "matmul");
    return NULL;
}

/* The result without the axes that 1-d inputs brought, in the type it should have. */
static Array *trim(const Product *p, Array *product, Error *err) {
    Array view = *product;
    Sizes shape = { .ndim = 0 };
    for (int d = 0; d < product->ndim; d++) {
        int from_end = product->ndim - d;
        if (!(p->a->ndim == 1 && from_end == 2) && !(p->b->ndim == 1 && from_end == 1))
            shape.size[shape.ndim++] = product->shape[d];
    }
    array_set_shape(&view, &shape);
    Array *out = array_contiguous("matmul", &view, p->result, err);
    array_free(product);
    return out;
}

Array *array_matmul(const Array *a, const Array *b, Error *err) {
    char first[128], second[128];
    size_t inner_a = a->ndim ? a->shape[a->ndim - 1] : 0;
    size_t inner_b = b->ndim ? b->shape[b->ndim == 1 ? 0 : b->ndim - 2] : 0;
    if (a->ndim == 0 || b->ndim == 0 || inner_a != inner_b) {
        error_set(err, ERROR_ARGUMENT, "matmul: %s and %s: inner sizes differ",
                  array_shape_text(a->ndim, a->shape, first),
                  array_shape_text(b->ndim, b->shape, second));
        return NULL;
    }
    Product p = { .a = a, .b = b };
    p.result = array_common_dtype((const Array *[]){ a, b }, 2);
    p.compute = p.result == DTYPE_I32 ? DTYPE_F64 : p.result;
    Array *x = operand(&p, a, 0, err);
    Array *y = x ? operand(&p, b, 1, err) : NULL;
    Array *product = y ? matrix_product(x, y, err) : NULL;
    array_free(x);
    array_free(y);
    return product ? trim(&p, product, err) : NULL;
}

/* *sum = Σ x·y of two contiguous 1-d arrays of one type. */
static bool dot(const Array *a, const Array *b, double *sum, Error *err) {
    double started = progress_clock();
    Sizes shape = array_sizes(a);
    Stream x = stream_of(a, &shape), y = stream_of(b, &shape);
    StreamScratch in_x, in_y;
    *sum = 0;
    in_x.filled = in_y.filled = 0;
    for (size_t first = 0; first < a->shape[0]; first += STREAM_RUN) {
        Run run = run_at(first, a->shape[0]);
        if (progress_gives_up_at(first, started))
            return error_interrupted(err, "dot");
        const double *p = stream_read(&x, DTYPE_F64, run, &in_x);
        const double *q = stream_read(&y, DTYPE_F64, run, &in_y);
        for (size_t i = 0; i < run.n; i++)
            *sum += p[i] * q[i];
    }
    return true;
}

bool array_dot(const Array *a, const Array *b, double *value, Error *err) {
    char first[128], second[128];
    if (a->ndim != 1 || b->ndim != 1 || a->shape[0] != b->shape[0])
        return error_set(err, ERROR_ARGUMENT, "dot: %s and %s: expected two 1-d arrays of one size",
                         array_shape_text(a->ndim, a->shape, first),
                         array_shape_text(b->ndim, b->shape, second));
    DType dtype = array_common_dtype((const Array *[]){ a, b }, 2);
    Array *x = array_contiguous("dot", a, dtype, err);
    Array *y = x ? array_contiguous("dot", b, dtype, err) : NULL;
    bool ok = y && dot(x, y, value, err);
    array_free(x);
    array_free(y);
    if (ok && dtype == DTYPE_I32 && !dtype_holds(dtype, *value))
        return dtype_refuse("dot", dtype, *value, err);
    return ok;
}

/* ---- linear ---------------------------------------------------------------------------------- */

static bool check_linear(const Array *x, const Array *weight, const Array *bias, Error *err) {
    char first[128], second[128];
    array_shape_text(weight->ndim, weight->shape, second);
    if (x->ndim == 0 || weight->ndim != 2 || x->shape[x->ndim - 1] != weight->shape[1])
        return error_set(err, ERROR_ARGUMENT,
                         "linear: x %s and weight %s: expected (…, in) and (out, in)",
                         array_shape_text(x->ndim, x->shape, first), second);
    if (bias && (bias->ndim != 1 || bias->shape[0] != weight->shape[0]))
        return error_set(err, ERROR_ARGUMENT, "linear: bias %s and weight %s: expected (%zu,)",
                         array_shape_text(bias->ndim, bias->shape, first), second,
                         weight->shape[0]);
    return true;
}

static void add_bias(const Array *bias, Array *y) {
    size_t width = bias->shape[0], rows = width ? array_size(y) / width : 0;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < width; j++)
            if (y->dtype == DTYPE_F32)
                array_f32(y)[i * width + j] += array_f32(bias)[j];
            else
                array_f64(y)[i * width + j] += array_f64(bias)[j];
}

/* The product of contiguous factors of one type, as a new array. */
static Array *times_transposed(const Array *x, const Array *weight, Error *err) {
    Sizes shape = array_sizes(x);
    size_t in = weight->shape[1], out = weight->shape[0];
    shape.size[shape.ndim - 1] = out;
    Array *y = array_new("linear", x->dtype, &shape, err);
    const BlasFactor factor[2] = { { x->data, false, in }, { weight->data, true, in } };
    if (!y || in == 0 ||
        blas_product(x->dtype, (BlasSizes){ array_size(x) / in, out, in }, factor, y->data))
        return y;
    array_free(y);
    error_interrupted(err, "linear");
    return NULL;
}

Array *array_linear(const Array *x, const Array *weight, const Array *bias, Error *err) {
    if (!check_linear(x, weight, bias, err))
        return NULL;
    DType dtype = array_common_dtype((const Array *[]){ x, weight, bias ? bias : x }, 3);
    dtype = result_dtype(RESULT_FLOAT, dtype);
    Array *rows = array_contiguous("linear", x, dtype, err);
    Array *matrix = rows ? array_contiguous("linear", weight, dtype, err) : NULL;
    Array *start = matrix && bias ? array_contiguous("linear", bias, dtype, err) : NULL;
    Array *y = matrix && (start || !bias) ? times_transposed(rows, matrix, err) : NULL;
    if (y && start)
        add_bias(start, y);
    array_free(start);
    array_free(matrix);
    array_free(rows);
    return y;
}

Array *array_outer(const Array *a, const Array *b, Error *err) {
    Array *column = array_reshape("outer", a, &(Sizes){ 2, { array_size(a), 1 } }, err);
    Array *row = column ? array_reshape("outer", b, &(Sizes){ 1, { array_size(b) } }, err) : NULL;
    Array *out = NULL;
    if (row) { /* a table's numbers are still a table's */
        column->origin = a->origin;
        row->origin = b->origin;
        out = array_binary("mul", column, row, err);
        if (!out)
            error_prefix(err, "outer");
    }
    array_free(column);
    array_free(row);
    return out;
}
