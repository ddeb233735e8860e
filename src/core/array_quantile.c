#include "core/array_quantile.h"

#include "core/array.h"
#include "core/array_shape.h"
#include "core/array_sort.h"
#include "core/array_transfer.h"
#include "core/fail.h"
#include "core/nan.h"

#include <math.h>

/* The axes in another order, those that disappear last: `outer` rows of n elements. */
typedef struct Split {
    const Quantile *what;
    int axes[ARRAY_MAX_DIMS]; /* axis d of the rearranged array is axis axes[d] */
    bool gone[ARRAY_MAX_DIMS];
    size_t outer, n;
    Sizes shape; /* of a result of one p */
} Split;

static Split split_axes(const Array *a, const Quantile *what) {
    Split s = { .what = what, .outer = 1, .n = 1 };
    bool whole = true;
    int place = 0;
    for (int d = 0; d < a->ndim; d++)
        whole = whole && !what->along[d];
    for (int d = 0; d < a->ndim; d++) {
        s.gone[d] = whole || what->along[d];
        *(s.gone[d] ? &s.n : &s.outer) *= a->shape[d];
        if (!s.gone[d] || what->keepdims)
            s.shape.size[s.shape.ndim++] = s.gone[d] ? 1 : a->shape[d];
    }
    for (int last = 0; last < 2; last++)
        for (int d = 0; d < a->ndim; d++)
            if (s.gone[d] == last)
                s.axes[place++] = d;
    return s;
}

/* a as outer × n, contiguous or not. */
static Array *rows_of(const Array *a, const Split *s, const char *where, Error *err) {
    Array *turned = array_transpose(where, a, a->ndim ? s->axes : NULL, err);
    Array *rows =
        turned ? array_reshape(where, turned, &(Sizes){ 2, { s->outer, s->n } }, err) : NULL;
    array_free(turned);
    return rows;
}

static bool refuse(const Array *a, const Quantile *what, const Split *s, Error *err) {
    char text[128];
    for (size_t k = 0; k < what->count; k++)
        if (!(what->p[k] >= 0 && what->p[k] <= 100))
            return error_set(err, ERROR_ARGUMENT, "%s: p: expected a number from 0 to 100, got %g",
                             what->where, nan_unsigned(what->p[k]));
    return s->n > 0 || error_set(err, ERROR_ARGUMENT, "%s: no elements to choose from in shape %s",
                                 what->where, array_shape_text(a->ndim, a->shape, text));
}

/* Where p lies among n: behind element `below` by a share of the way to the next. */
typedef struct Between {
    size_t below, above;
    double share;
} Between;

static Between between(double p, size_t n) {
    double place = (double)(n - 1) * (p / 100);
    size_t below = (size_t)place;
    return (Between){ below, below + 1 < n ? below + 1 : below, place - (double)below };
}

/* Of equal ones, infinite ones too, the value itself; from the nearer end, which is then exact. */
static double value_between(const double *sorted, Between b) {
    double low = sorted[b.below], high = sorted[b.above], step = high - low;
    if (low == high || b.share == 0)
        return low;
    return b.share < 0.5 ? low + step * b.share : high - step * (1 - b.share);
}

/* The p's are the first axis, or none. */
static Array *shaped(Array *values, const Split *s, const Quantile *what, Error *err) {
    Sizes shape = { .ndim = what->several, .size = { what->count } };
    if (shape.ndim + s->shape.ndim > ARRAY_MAX_DIMS) {
        error_set(err, ERROR_ARGUMENT, "%s: more than the %d dimensions of an array", what->where,
                  ARRAY_MAX_DIMS);
        return NULL;
    }
    for (int d = 0; d < s->shape.ndim; d++)
        shape.size[shape.ndim++] = s->shape.size[d];
    return array_reshape(what->where, values, &shape, err);
}

/* Values of sorted rows, count × outer. NaN is sorted to the end. */
static Array *values_of(const Array *sorted, const Split *s, const Quantile *what, Error *err) {
    Array *values = array_new2(what->where, DTYPE_F64, what->count, s->outer, err);
    for (size_t k = 0; values && k < what->count; k++)
        for (size_t o = 0; o < s->outer; o++) {
            const double *row = array_f64(sorted) + o * s->n;
            array_f64(values)[k * s->outer + o] =
                isnan(row[s->n - 1]) ? (double)NAN : value_between(row, between(what->p[k], s->n));
        }
    return values;
}

Array *array_quantile(const Array *a, const Quantile *what, Error *err) {
    Split s = split_axes(a, what);
    if (!refuse(a, what, &s, err))
        return NULL;
    Array *rows = rows_of(a, &s, what->where, err);
    Array *order = rows ? array_sort(rows, &(SortOrder){ .axis = 1 }, err) : NULL;
    Array *sorted = order ? array_contiguous(what->where, order, DTYPE_F64, err) : NULL;
    Array *values = sorted ? values_of(sorted, &s, what, err) : NULL;
    Array *wide = values ? shaped(values, &s, what, err) : NULL;
    Array *out = NULL;
    if (wide)
        out = array_from_doubles(what->where, wide, result_dtype(RESULT_FLOAT, a->dtype), err);
    array_free(wide);
    array_free(values);
    array_free(sorted);
    array_free(order);
    array_free(rows);
    return out;
}

/* ---- Its gradient ---------------------------------------------------------------------------- */

/* dx[outer][order[·]] += shares of dy[count][outer]. */
static void add_shares(const Split *s, const Array *order, const double *dy, double *dx) {
    for (size_t k = 0; k < s->what->count; k++) {
        Between b = between(s->what->p[k], s->n);
        for (size_t o = 0; o < s->outer; o++) {
            const int32_t *place = array_i32(order) + o * s->n;
            double slope = dy[k * s->outer + o];
            dx[o * s->n + (size_t)place[b.below]] += slope * (1 - b.share);
            dx[o * s->n + (size_t)place[b.above]] += slope * b.share;
        }
    }
}

/* outer × n back to the order of a's axes. */
static Array *turn_back(const Array *rows, const Array *a, const Split *s, Error *err) {
    Sizes shape = { .ndim = a->ndim };
    int back[ARRAY_MAX_DIMS];
    for (int d = 0; d < a->ndim; d++) {
        shape.size[d] = a->shape[s->axes[d]];
        back[s->axes[d]] = d;
    }
    Array *wide = array_reshape("percentile", rows, &shape, err);
    Array *turned = wide ? array_transpose("percentile", wide, a->ndim ? back : NULL, err) : NULL;
    Array *out = turned ? array_from_doubles("percentile", turned, a->dtype, err) : NULL;
    array_free(turned);
    array_free(wide);
    return out;
}

Array *array_quantile_pull(const Array *a, const Array *dy, const Quantile *what, Error *err) {
    Split s = split_axes(a, what);
    Array *rows = rows_of(a, &s, what->where, err);
    Array *order = rows ? array_argsort(rows, &(SortOrder){ .axis = 1 }, err) : NULL;
    Array *slope = order ? array_contiguous(what->where, dy, DTYPE_F64, err) : NULL;
    Array *dx = slope ? array_new2(what->where, DTYPE_F64, s.outer, s.n, err) : NULL;
    Array *out = NULL;
    if (dx) {
        add_shares(&s, order, array_f64(slope), array_f64(dx));
        out = turn_back(dx, a, &s, err);
    }
    array_free(dx);
    array_free(slope);
    array_free(order);
    array_free(rows);
    return out;
}
