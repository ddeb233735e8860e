#include "core/array_create.h"

#include "core/array.h"
#include "core/fail.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

bool array_fill(const char *where, Array *a, double value, Error *err) {
    Array *scalar = array_new(where, DTYPE_F64, 0, NULL, err);
    if (!scalar)
        return false;
    *array_f64(scalar) = value;
    bool ok = array_assign(where, scalar, a, err);
    array_free(scalar);
    return ok;
}

Array *array_eye(const char *where, DType dtype, size_t rows, size_t cols, ptrdiff_t k,
                 Error *err) {
    Array *a = array_new2(where, dtype, rows, cols, err);
    for (size_t i = 0; a && i < rows; i++) {
        ptrdiff_t j = (ptrdiff_t)i + k;
        if (j >= 0 && j < (ptrdiff_t)cols)
            array_put(where, a, (size_t[]){ i, (size_t)j }, 1, NULL);
    }
    return a;
}

/* start + i·step for i < n, as a contiguous array. */
static Array *ramp(const char *where, DType dtype, double start, double step, size_t n,
                   Error *err) {
    Array *a = array_new1(where, dtype, n, err);
    for (size_t i = 0; a && i < n; i++)
        if (!array_put(where, a, &i, start + (double)i * step, err)) {
            array_free(a);
            a = NULL;
        }
    return a;
}

Array *array_arange(const char *where, DType dtype, double start, double stop, double step,
                    Error *err) {
    double count = ceil((stop - start) / step);
    if (!isfinite(count) || count > 1e15) {
        error_set(err, ERROR_ARGUMENT, "%s: from %g to %g by %g is not a finite range", where,
                  start, stop, step);
        return NULL;
    }
    return ramp(where, dtype, start, step, count > 0 ? (size_t)count : 0, err);
}

Array *array_linspace(const char *where, DType dtype, double start, double stop, size_t n,
                      Error *err) {
    double step = n > 1 ? (stop - start) / (double)(n - 1) : 0;
    Array *a = ramp(where, dtype, start, step, n, err);
    /* The end is met exactly, whatever n·step rounds to. */
    if (a && n > 1 && !array_put(where, a, &(size_t){ n - 1 }, stop, err)) {
        array_free(a);
        return NULL;
    }
    return a;
}

void array_fill_uniform(Array *a, double low, double high, Rng *rng) {
    size_t n = array_size(a);
    double width = high - low;
    /* The sum may round up to `high`, which is not to come: the numbers before it instead. */
    float top = (float)high, below = nextafterf(top, (float)low);
    switch (a->dtype) {
    case DTYPE_F32:
        for (size_t i = 0; i < n; i++) {
            float x = (float)(low + width * ((double)(rng_next(rng) >> 40) * 0x1p-24));
            array_f32(a)[i] = x == top ? below : x;
        }
        break;
    case DTYPE_F64:
        for (size_t i = 0; i < n; i++) {
            double x = low + width * rng_uniform(rng);
            array_f64(a)[i] = x == high ? nextafter(high, low) : x;
        }
        break;
    case DTYPE_I32:
        assert(width >= 1);
        for (size_t i = 0; i < n; i++)
            array_i32(a)[i] = (int32_t)(low + (double)rng_below(rng, (uint64_t)width));
        break;
    }
}

void array_fill_normal(Array *a, double mean, double deviation, Rng *rng) {
    size_t n = array_size(a);
    for (size_t i = 0; i < n; i++) {
        double x = mean + deviation * rng_normal(rng);
        if (a->dtype == DTYPE_F64)
            array_f64(a)[i] = x;
        else
            array_f32(a)[i] = (float)x;
    }
}

Array *array_permutation(const char *where, size_t n, int32_t origin, Rng *rng, Error *err) {
    if (n > INT32_MAX) {
        error_set(err, ERROR_ARGUMENT, "%s: %zu is more than int32 can name", where, n);
        return NULL;
    }
    Array *a = array_new1(where, DTYPE_I32, n, err);
    size_t *order = a ? malloc((n ? n : 1) * sizeof *order) : NULL;
    if (!order) {
        if (a)
            error_memory(err, where, n * sizeof *order);
        array_free(a);
        return NULL;
    }
    rng_permutation(rng, n, order);
    for (size_t i = 0; i < n; i++)
        array_i32(a)[i] = (int32_t)order[i] + origin;
    free(order);
    return a;
}
