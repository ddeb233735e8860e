#include "core/array_create.h"

#include "core/array.h"
#include "core/array_transfer.h"
#include "core/fail.h"
#include "core/labels.h"
#include "core/progress.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

bool array_fill(const char *where, Array *a, double value, Error *err) {
    Array scalar = { .dtype = DTYPE_F64, .data = &value };
    return array_assign(where, &scalar, a, err);
}

bool array_scale(const char *where, Array *a, double factor, Error *err) {
    float *x = array_f32(a);
    size_t n = array_size(a);
    if (!array_writable(where, a, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        double value = x[i] * factor;
        if (!dtype_holds(DTYPE_F32, value))
            return dtype_refuse(where, DTYPE_F32, value, err);
        x[i] = (float)value;
    }
    return true;
}

void array_fill_diagonal(Array *a, ptrdiff_t k) {
    assert(a->ndim == 2);
    for (size_t i = 0; i < a->shape[0]; i++) {
        ptrdiff_t j = (ptrdiff_t)i + k;
        if (j >= 0 && j < (ptrdiff_t)a->shape[1])
            array_put(a, (size_t[]){ i, (size_t)j }, 1);
    }
}

/* Diagonal k of a matrix as a header on the stack. */
static Array diagonal_of(const Array *matrix, ptrdiff_t k) {
    Array line = *matrix;
    ptrdiff_t rows = (ptrdiff_t)matrix->shape[0] + (k < 0 ? k : 0);
    ptrdiff_t cols = (ptrdiff_t)matrix->shape[1] - (k > 0 ? k : 0);
    ptrdiff_t n = rows < cols ? rows : cols;
    ptrdiff_t first = k < 0 ? -k * matrix->stride[0] : k * matrix->stride[1];
    line.ndim = 1;
    line.shape[0] = n > 0 ? (size_t)n : 0;
    line.stride[0] = matrix->stride[0] + matrix->stride[1];
    if (n > 0)
        line.data = (char *)matrix->data + first * (ptrdiff_t)dtype_size(matrix->dtype);
    return line;
}

Array *array_diag_matrix(const Array *vector, const size_t size[2], ptrdiff_t k, Error *err) {
    Array *out = array_new2("diag", vector->dtype, size[0], size[1], err);
    if (!out)
        return NULL;
    Array line = diagonal_of(out, k);
    if (array_assign("diag", vector, &line, err))
        return out;
    array_free(out);
    return NULL;
}

Array *array_diag(const Array *a, ptrdiff_t k, Error *err) {
    char text[128];
    if (a->ndim == 1) {
        size_t n = a->shape[0] + (size_t)(k < 0 ? -k : k);
        return array_diag_matrix(a, (size_t[]){ n, n }, k, err);
    }
    if (a->ndim == 2) {
        Array line = diagonal_of(a, k);
        return array_copy("diag", &line, err);
    }
    error_set(err, ERROR_ARGUMENT, "diag: expected a vector or a matrix, got shape %s",
              array_shape_text(a->ndim, a->shape, text));
    return NULL;
}

/* ---- onehot ---------------------------------------------------------------------------------- */

/* The column of every class of the set, by the order in which they are told. */
static bool find_columns(const Array *classes, const Labels *set, size_t *column, Error *err) {
    size_t count = array_length(classes);
    if (set->count != count)
        return error_set(
            err, ERROR_ARGUMENT,
            "onehot: classes: expected labels that differ, got %zu with only %zu of them", count,
            set->count);
    for (size_t c = 0; c < count; c++)
        column[labels_find(set, array_i32(classes)[c])] = c;
    return true;
}

static bool set_ones(const Array *labels, const Labels *set, const size_t *column, Array *out,
                     Error *err) {
    size_t width = set->count, n = array_size(labels);
    for (size_t i = 0; i < n; i++) {
        int32_t label = array_i32(labels)[i];
        ptrdiff_t place = labels_find(set, label);
        if (place < 0)
            return error_set(err, ERROR_ARGUMENT,
                             "onehot: labels: %d at position %zu is none of the %zu classes%s",
                             (int)label, i + 1, width,
                             width && label - INT64_C(1) == set->label[width - 1] &&
                                     set->label[0] == 0
                                 ? " (a number of classes n stands for the labels 0 to n - 1)"
                                 : "");
        size_t at = i * width + column[place];
        if (out->dtype == DTYPE_F64)
            array_f64(out)[at] = 1;
        else if (out->dtype == DTYPE_F32)
            array_f32(out)[at] = 1;
        else if (out->dtype == DTYPE_U8)
            array_u8(out)[at] = 1;
        else
            array_i32(out)[at] = 1;
    }
    return true;
}

Array *array_onehot(const Array *labels, const Array *classes, DType dtype, Error *err) {
    Labels set;
    if (!labels_from("onehot", array_i32(classes), array_length(classes), &set, err))
        return NULL;
    Sizes shape = array_sizes(labels);
    shape.size[shape.ndim < ARRAY_MAX_DIMS ? shape.ndim : 0] = set.count;
    shape.ndim++;
    size_t *column = malloc((set.count + 1) * sizeof *column);
    Array *out = NULL;
    if (!column)
        error_memory(err, "onehot", (set.count + 1) * sizeof *column);
    else if (find_columns(classes, &set, column, err))
        out = array_new("onehot", dtype, &shape, err);
    bool ok = out && set_ones(labels, &set, column, out, err);
    free(column);
    labels_clear(&set);
    if (ok)
        return out;
    array_free(out);
    return NULL;
}

/* ---- Ranges ---------------------------------------------------------------------------------- */

/* start + i·step for every element of a (1-d), which is freed where one does not fit. */
static Array *ramp(const char *where, Array *a, const Range *range, Error *err) {
    double started = progress_clock();
    for (size_t i = 0; a && i < a->shape[0]; i++) {
        double value = range->start + (double)i * range->step;
        bool ok = progress_gives_up_at(i, started) ? error_interrupted(err, where)
                  : array_put(a, &i, value)        ? true
                                                   : dtype_refuse(where, a->dtype, value, err);
        if (!ok) {
            array_free(a);
            return NULL;
        }
    }
    return a;
}

Array *array_arange(DType dtype, const Range *range, Error *err) {
    double count = ceil((range->stop - range->start) / range->step);
    if (!isfinite(count) || count > 1e15) {
        error_set(err, ERROR_ARGUMENT, "arange: from %g to %g by %g is not a finite range",
                  range->start, range->stop, range->step);
        return NULL;
    }
    Array *a = array_new1("arange", dtype, count > 0 ? (size_t)count : 0, err);
    return ramp("arange", a, range, err);
}

Array *array_linspace(DType dtype, const Range *range, size_t n, Error *err) {
    Range even = *range;
    even.step = n > 1 ? (range->stop - range->start) / (double)(n - 1) : 0;
    Array *a = ramp("linspace", array_new1("linspace", dtype, n, err), &even, err);
    /* The end is met exactly, whatever n·step rounds to. */
    if (a && n > 1 && !array_put(a, &(size_t){ n - 1 }, range->stop)) {
        dtype_refuse("linspace", dtype, range->stop, err);
        array_free(a);
        return NULL;
    }
    return a;
}

typedef struct Uniform {
    double low, high;
    Rng *rng;
} Uniform;

/* Elements first … last − 1. */
static void fill_uniform(Array *a, size_t first, size_t last, const Uniform *what) {
    double low = what->low, high = what->high, width = high - low;
    Rng *rng = what->rng;
    /* The sum may round up to `high`, which must not occur: then the number before it is taken. */
    float top = (float)high, below = nextafterf(top, (float)low);
    switch (a->dtype) {
    case DTYPE_F32:
        for (size_t i = first; i < last; i++) {
            float x = (float)(low + width * ((double)(rng_next(rng) >> 40) * 0x1p-24));
            array_f32(a)[i] = x == top ? below : x;
        }
        break;
    case DTYPE_F64:
        for (size_t i = first; i < last; i++) {
            double x = low + width * rng_uniform(rng);
            array_f64(a)[i] = x == high ? nextafter(high, low) : x;
        }
        break;
    case DTYPE_I32:
        assert(width >= 1);
        for (size_t i = first; i < last; i++)
            array_i32(a)[i] = (int32_t)(low + (double)rng_below(rng, (uint64_t)width));
        break;
    case DTYPE_U8:
        assert(!"random bytes are not drawn");
        break;
    }
}

bool array_fill_uniform(Array *a, double low, double high, Rng *rng) {
    const Uniform what = { low, high, rng };
    size_t n = array_size(a), last;
    double started = progress_clock();
    for (size_t first = 0; first < n; first = last) {
        last = n - first < PROGRESS_STRETCH ? n : first + PROGRESS_STRETCH;
        if (progress_gives_up(started))
            return false;
        fill_uniform(a, first, last, &what);
    }
    return true;
}

bool array_fill_normal(Array *a, double mean, double deviation, Rng *rng) {
    size_t n = array_size(a);
    double started = progress_clock();
    for (size_t i = 0; i < n; i++) {
        if (progress_gives_up_at(i, started))
            return false;
        double x = mean + deviation * rng_normal(rng);
        if (a->dtype == DTYPE_F64)
            array_f64(a)[i] = x;
        else
            array_f32(a)[i] = (float)x;
    }
    return true;
}

/* False: an interrupt made it give up. */
static bool draw_order(size_t n, Rng *rng, size_t *order) {
    double started = progress_clock();
    for (size_t i = 0; i < n; i++) {
        if (progress_gives_up_at(i, started))
            return false;
        order[i] = i;
    }
    for (size_t last = n, first; last > 0; last = first) {
        first = last > PROGRESS_STRETCH ? last - PROGRESS_STRETCH : 0;
        if (progress_gives_up(started))
            return false;
        rng_permute(rng, first, last, order);
    }
    return true;
}

Array *array_permutation(size_t n, int32_t origin, Rng *rng, Error *err) {
    if (n > INT32_MAX) {
        error_set(err, ERROR_ARGUMENT, "randperm: %zu is more than int32 can name", n);
        return NULL;
    }
    Array *a = array_new1("randperm", DTYPE_I32, n, err);
    size_t *order = a ? malloc((n ? n : 1) * sizeof *order) : NULL;
    if (!order) {
        if (a)
            error_memory(err, "randperm", n * sizeof *order);
        array_free(a);
        return NULL;
    }
    bool drawn = draw_order(n, rng, order);
    for (size_t i = 0; drawn && i < n; i++)
        array_i32(a)[i] = (int32_t)order[i] + origin;
    free(order);
    if (drawn)
        return a;
    array_free(a);
    error_interrupted(err, "randperm");
    return NULL;
}
