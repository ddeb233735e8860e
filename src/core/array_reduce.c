#include "core/array_reduce.h"

#include "core/array.h"
#include "core/array_transfer.h"
#include "core/fail.h"
#include "core/parallel.h"
#include "core/progress.h"
#include "core/simd.h"
#include "core/vecmath.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCK = 1 << 16, /* elements, about, that one partial result covers */
    PIECE = 1 << 14, /* elements, about, that a worker takes at a time */
    WIDTH = 2048,    /* accumulators at once: 16 kB of the L1 cache */
    GROUP = 256,     /* short rows are folded several at a time, up to this many elements */
    LANES = 32,      /* candidates at once for the place of an extreme */
    COLUMNS = 1024
};

/* acc[j] = acc[j] ⊕ f(x[j]). `center` is what is subtracted before, or NULL. */
typedef void Fold(const void *x, const double *center, double *acc, size_t n);

#define FOLD_LOOP(name, T, expression)                                                             \
    SIMD_CLONES static void name(const void *values, const double *center, double *acc,            \
                                 size_t n) {                                                       \
        const T *xs = values;                                                                      \
        (void)center;                                                                              \
        _Pragma("GCC ivdep") for (size_t j = 0; j < n; j++) {                                      \
            double x = (double)xs[j], a = acc[j];                                                  \
            acc[j] = expression;                                                                   \
        }                                                                                          \
    }
#define FOLD(name, expression)                                                                     \
    FOLD_LOOP(name##_f32, float, expression)                                                       \
    FOLD_LOOP(name##_f64, double, expression)                                                      \
    FOLD_LOOP(name##_i32, int32_t, expression)                                                     \
    FOLD_LOOP(name##_u8, uint8_t, expression)
#define FOLDS(name)                                                                                \
    { name##_f32, name##_f64, name##_i32, name##_u8 }

FOLD(sum, a + x)
FOLD(product, a *x)
FOLD(square_sum, a + x * x)
FOLD(abs_sum, a + fabs(x))
FOLD(abs_max, (fabs(x) > a || x != x) ? fabs(x) : a)
FOLD(deviation, a + (x - center[j]) * (x - center[j]))
FOLD(least, (x < a || x != x) ? x : a)
FOLD(greatest, (x > a || x != x) ? x : a)
FOLD(count, a + (x != 0 ? 1.0 : 0.0))

/* Σ exp(x − center), by the vectors' exp: libm's would take most of the time. */
#define EXP_SUM(T, suffix)                                                                         \
    SIMD_CLONES __attribute__((noinline)) static void shift_##suffix(                              \
        const T *x, const double *center, double *shifted, size_t n) {                             \
        for (size_t j = 0; j < n; j++)                                                             \
            shifted[j] = (double)x[j] - center[j];                                                 \
    }                                                                                              \
    static void exp_sum_##suffix(const void *values, const double *center, double *acc,            \
                                 size_t n) {                                                       \
        double e[WIDTH];                                                                           \
        shift_##suffix(values, center, e, n);                                                      \
        vec_exp(e, e, n);                                                                          \
        for (size_t j = 0; j < n; j++)                                                             \
            acc[j] += e[j];                                                                        \
    }

EXP_SUM(float, f32)
EXP_SUM(double, f64)
EXP_SUM(int32_t, i32)
EXP_SUM(uint8_t, u8)

/* How each reduction works: what is folded, from which start, how partial results are put together.
 */
static const struct Method {
    const char *name;
    ResultKind result;
    Fold *fold[DTYPE_COUNT];
    Fold *combine;
    double start;
} methods[] = {
    [REDUCE_SUM] = { "sum", RESULT_SAME, FOLDS(sum), sum_f64, 0 },
    [REDUCE_PROD] = { "prod", RESULT_SAME, FOLDS(product), product_f64, 1 },
    [REDUCE_MEAN] = { "mean", RESULT_FLOAT, FOLDS(sum), sum_f64, 0 },
    [REDUCE_VAR] = { "var", RESULT_FLOAT, FOLDS(deviation), sum_f64, 0 },
    [REDUCE_STD] = { "std", RESULT_FLOAT, FOLDS(deviation), sum_f64, 0 },
    [REDUCE_MIN] = { "min", RESULT_SAME, FOLDS(least), least_f64, INFINITY },
    [REDUCE_MAX] = { "max", RESULT_SAME, FOLDS(greatest), greatest_f64, -INFINITY },
    [REDUCE_ANY] = { "any", RESULT_MASK, FOLDS(count), sum_f64, 0 },
    [REDUCE_ALL] = { "all", RESULT_MASK, FOLDS(count), sum_f64, 0 },
    [REDUCE_COUNT] = { "count_nonzero", RESULT_COUNT, FOLDS(count), sum_f64, 0 },
    [REDUCE_NORM1] = { "norm", RESULT_FLOAT, FOLDS(abs_sum), sum_f64, 0 },
    [REDUCE_NORM2] = { "norm", RESULT_FLOAT, FOLDS(square_sum), sum_f64, 0 },
    [REDUCE_NORM_INF] = { "norm", RESULT_FLOAT, FOLDS(abs_max), greatest_f64, 0 },
    [REDUCE_LOGSUMEXP] = { "logsumexp", RESULT_FLOAT, FOLDS(exp_sum), sum_f64, 0 },
};

/* ---- Folding ------------------------------------------------------------------------------------
 *
 * The array is seen as outer × n × inner, the middle to be reduced:
 *
 *     item = (outer index, block of rows, block of columns)  →  partial[outer][block][column]
 */
typedef struct Folding {
    const char *where;
    const struct Method *method;
    const char *data;
    DType dtype;
    size_t outer, n, inner;
    size_t rows, row_blocks, column_blocks; /* rows of one block */
    const double *center;                   /* outer × inner, or NULL */
    double *partial;
} Folding;

/* A column block of width `columns` of the rows first … last−1 into acc[columns]. */
typedef struct FoldItem {
    const char *start;    /* its first element */
    const double *center; /* of its columns, or NULL */
    size_t rows, columns;
} FoldItem;

static void fill(double *values, size_t n, double value) {
    for (size_t i = 0; i < n; i++)
        values[i] = value;
}

/* Several short rows as one long one; the accumulators' groups are put together at the end. */
static void fold_grouped(const Folding *f, const FoldItem *item, double *acc) {
    double wide[GROUP], center[GROUP];
    size_t columns = item->columns, group = GROUP / columns, width = group * columns, row = 0;
    size_t size = dtype_size(f->dtype);
    Fold *fold = f->method->fold[f->dtype];
    fill(wide, width, f->method->start);
    for (size_t j = 0; item->center && j < width; j++)
        center[j] = item->center[j % columns];
    for (; row + group <= item->rows; row += group)
        fold(item->start + row * columns * size, center, wide, width);
    fold(item->start + row * columns * size, center, wide, (item->rows - row) * columns);
    for (size_t left = group; left > 1;) { /* the upper half onto the lower one */
        size_t upper = left / 2, lower = left - upper;
        f->method->combine(wide + lower * columns, NULL, wide, upper * columns);
        left = lower;
    }
    memcpy(acc, wide, columns * sizeof *acc);
}

static void fold_items(void *context, size_t first, size_t last, int worker) {
    const Folding *f = context;
    size_t size = dtype_size(f->dtype);
    (void)worker;
    for (size_t i = first; i < last; i++) {
        size_t column = i % f->column_blocks * WIDTH, rest = i / f->column_blocks;
        size_t block = rest % f->row_blocks, outer = rest / f->row_blocks;
        size_t row = block * f->rows, left = f->inner - column;
        FoldItem item = { .start = f->data + ((outer * f->n + row) * f->inner + column) * size,
                          .center = f->center ? f->center + outer * f->inner + column : NULL,
                          .rows = f->n - row < f->rows ? f->n - row : f->rows,
                          .columns = left < WIDTH ? left : WIDTH };
        double *acc = f->partial + (outer * f->row_blocks + block) * f->inner + column;
        if (f->inner <= GROUP / 2) {
            fold_grouped(f, &item, acc);
            continue;
        }
        fill(acc, item.columns, f->method->start);
        for (size_t r = 0; r < item.rows; r++)
            f->method->fold[f->dtype](item.start + r * f->inner * size, item.center, acc,
                                      item.columns);
    }
}

/* Fold everything; result[outer × inner] is what the caller finishes. */
static bool fold_all(Folding *f, double *result, Error *err) {
    size_t results = f->outer * f->inner;
    fill(result, results, f->method->start);
    if (f->n == 0 || results == 0)
        return true;
    f->rows = f->inner < BLOCK ? BLOCK / f->inner : 1;
    f->row_blocks = (f->n + f->rows - 1) / f->rows;
    f->column_blocks = (f->inner + WIDTH - 1) / WIDTH;
    f->partial = malloc(results * f->row_blocks * sizeof *f->partial);
    if (!f->partial)
        return error_memory(err, f->where, results * f->row_blocks * sizeof *f->partial);
    size_t items = f->outer * f->row_blocks * f->column_blocks;
    bool whole = true;
    if (f->outer * f->n * f->inner <= BLOCK)
        fold_items(f, 0, items, 0);
    else
        whole = parallel_try(items, parallel_piece(PIECE, f->outer * f->n * f->inner / items),
                             fold_items, f);
    for (size_t o = 0; whole && o < f->outer; o++)
        for (size_t b = 0; b < f->row_blocks; b++)
            f->method->combine(f->partial + (o * f->row_blocks + b) * f->inner, NULL,
                               result + o * f->inner, f->inner);
    free(f->partial);
    return whole || error_interrupted(err, f->where);
}

static void finish(Reduction reduction, const Folding *f, double ddof, double *result) {
    double n = (double)f->n;
    for (size_t i = 0; i < f->outer * f->inner; i++) {
        double x = result[i];
        if (reduction == REDUCE_MEAN)
            x /= n;
        else if (reduction == REDUCE_VAR || reduction == REDUCE_STD)
            x = n > ddof ? x / (n - ddof) : NAN;
        else if (reduction == REDUCE_ANY)
            x = x > 0;
        else if (reduction == REDUCE_ALL)
            x = x == n;
        else if (reduction == REDUCE_LOGSUMEXP)
            x = log(x) + f->center[i];
        else if (reduction == REDUCE_PROD && dtype_is_whole(f->dtype) && isnan(x))
            x = 0; /* a double's infinity times 0; of integers it is 0 */
        result[i] = reduction == REDUCE_STD || reduction == REDUCE_NORM2 ? sqrt(x) : x;
    }
}

/* What is subtracted from every element before it is folded: the mean, or of logsumexp the
 * greatest, unless that is infinite or NaN, which the sum then becomes by itself. */
static bool has_center(Reduction r) {
    return r == REDUCE_VAR || r == REDUCE_STD || r == REDUCE_LOGSUMEXP;
}

static bool find_center(Reduction reduction, Folding *f, double *center, Error *err) {
    Reduction kind = reduction == REDUCE_LOGSUMEXP ? REDUCE_MAX : REDUCE_MEAN;
    f->method = &methods[kind];
    bool ok = fold_all(f, center, err);
    finish(kind, f, 0, center);
    for (size_t i = 0; kind == REDUCE_MAX && i < f->outer * f->inner; i++)
        center[i] = isfinite(center[i]) ? center[i] : 0;
    return ok;
}

/* The reduction of outer × n × inner into result[outer × inner]. */
static bool reduce(const Reduce *what, Folding *f, double *result, Error *err) {
    size_t results = f->outer * f->inner;
    double *center = NULL;
    bool ok = true;
    if (has_center(what->reduction)) {
        center = malloc((results ? results : 1) * sizeof *center);
        if (!center)
            return error_memory(err, f->where, results * sizeof *center);
        ok = find_center(what->reduction, f, center, err);
    }
    f->method = &methods[what->reduction];
    f->center = center;
    ok = ok && fold_all(f, result, err);
    if (ok)
        finish(what->reduction, f, what->ddof, result);
    free(center);
    return ok;
}

/* ---- Axes ------------------------------------------------------------------------------------ */

/* a with the reduced axes moved to the end (where more than one is, or a is not contiguous), as a
 * contiguous array, and its division into outer × n × inner. */
static Array *arrange(const Array *a, const bool *along, Folding *f, Error *err) {
    int reduced = 0, axis = 0, place = 0;
    for (int d = 0; d < a->ndim; d++) {
        reduced += along[d];
        axis = along[d] ? d : axis;
    }
    f->outer = f->n = f->inner = 1;
    if (reduced == a->ndim || (reduced == 1 && array_is_contiguous(a))) {
        for (int d = 0; d < a->ndim; d++) {
            size_t *part = along[d] ? &f->n : d < axis ? &f->outer : &f->inner;
            *part *= a->shape[d];
        }
        return array_contiguous(f->where, a, a->dtype, err);
    }
    Array permuted = *a;
    for (int last = 0; last < 2; last++)
        for (int d = 0; d < a->ndim; d++)
            if (along[d] == last) {
                permuted.shape[place] = a->shape[d];
                permuted.stride[place++] = a->stride[d];
                *(last ? &f->n : &f->outer) *= a->shape[d];
            }
    return array_contiguous(f->where, &permuted, a->dtype, err);
}

static Sizes result_shape(const Array *a, const bool *along, bool keepdims) {
    Sizes shape = { .ndim = 0 };
    for (int d = 0; d < a->ndim; d++)
        if (!along[d] || keepdims)
            shape.size[shape.ndim++] = along[d] ? 1 : a->shape[d];
    return shape;
}

static bool refuse_empty(const char *where, const Array *a, Error *err) {
    char text[128];
    return error_set(err, ERROR_ARGUMENT, "%s: no elements to choose from in shape %s", where,
                     array_shape_text(a->ndim, a->shape, text));
}

/* The results in double, whatever their type will be. */
static Array *reduced_doubles(const Array *a, const Reduce *what, Error *err) {
    bool along[ARRAY_MAX_DIMS], whole = true;
    for (int d = 0; d < a->ndim; d++)
        whole = whole && !what->along[d];
    for (int d = 0; d < a->ndim; d++)
        along[d] = whole || what->along[d];
    Sizes shape = result_shape(a, along, what->keepdims);
    Folding f = { .where = reduction_name(what->reduction), .dtype = a->dtype };
    Array *input = arrange(a, along, &f, err);
    if (!input)
        return NULL;
    f.data = input->data;
    Array *values = array_uninitialised(f.where, DTYPE_F64, &shape, err);
    bool ok = values != NULL;
    if (ok && (what->reduction == REDUCE_MIN || what->reduction == REDUCE_MAX) && f.n == 0)
        ok = refuse_empty(f.where, a, err);
    ok = ok && reduce(what, &f, values->data, err);
    array_free(input);
    if (ok)
        return values;
    array_free(values);
    return NULL;
}

Array *array_reduce(const Array *a, const Reduce *what, Error *err) {
    ResultKind kind = reduction_result(what->reduction);
    Array *values = reduced_doubles(a, what, err);
    Array *out = NULL;
    if (values)
        out = array_from_doubles(reduction_name(what->reduction), values,
                                 result_dtype(kind, a->dtype), err);
    if (out && kind == RESULT_MASK)
        out->origin = ORIGIN_MASK;
    array_free(values);
    return out;
}

bool array_reduce_all(const Array *a, const Reduce *what, double *value, Error *err) {
    Reduce whole = { .reduction = what->reduction, .ddof = what->ddof };
    Array *result = reduced_doubles(a, &whole, err);
    if (!result)
        return false;
    *value = *array_f64(result);
    array_free(result);
    bool integer = a->dtype == DTYPE_I32 && reduction_result(what->reduction) == RESULT_SAME;
    return !integer || dtype_holds(DTYPE_I32, *value) ||
           dtype_refuse(reduction_name(what->reduction), DTYPE_I32, *value, err);
}

const char *reduction_name(Reduction reduction) {
    return methods[reduction].name;
}

ResultKind reduction_result(Reduction reduction) {
    return methods[reduction].result;
}

/* ---- argmin, argmax -------------------------------------------------------------------------- */

typedef struct Extreme {
    const Array *input; /* contiguous */
    Array *places;
    size_t n, inner;
    bool greatest;
    int32_t origin;
} Extreme;

/* x replaces best if it is better, or is the first NaN. Along the last axis first the extreme is
 * found, then its place: both loops are simpler than one that does both. Along another axis a block
 * of columns is walked row by row. */
#define EXTREME(T, suffix)                                                                         \
    SIMD_CLONES static size_t extreme_in_row_##suffix(const T *x, size_t n, bool greatest) {       \
        T lanes[LANES];                                                                            \
        size_t place = 0;                                                                          \
        for (size_t k = 0; k < LANES; k++)                                                         \
            lanes[k] = x[0];                                                                       \
        for (size_t i = 0; i + LANES <= n; i += LANES)                                             \
            for (size_t k = 0; k < LANES; k++) {                                                   \
                T v = x[i + k], best = lanes[k];                                                   \
                bool better = (greatest ? v > best : v < best) | (v != v);                         \
                lanes[k] = better ? v : best;                                                      \
            }                                                                                      \
        T best = x[0];                                                                             \
        for (size_t k = 0; k < LANES; k++)                                                         \
            if (best == best &&                                                                    \
                ((greatest ? lanes[k] > best : lanes[k] < best) || lanes[k] != lanes[k]))          \
                best = lanes[k];                                                                   \
        for (size_t i = n / LANES * LANES; i < n; i++)                                             \
            if (best == best && ((greatest ? x[i] > best : x[i] < best) || x[i] != x[i]))          \
                best = x[i];                                                                       \
        for (int hit = 0; !hit && place + LANES <= n; place += hit ? 0 : LANES)                    \
            for (size_t k = 0; k < LANES; k++)                                                     \
                hit |= best == best ? x[place + k] == best : x[place + k] != x[place + k];         \
        while (best == best ? x[place] != best : x[place] == x[place])                             \
            place++;                                                                               \
        return place;                                                                              \
    }                                                                                              \
    SIMD_CLONES static void extremes_in_columns_##suffix(                                          \
        const T *x, size_t n, size_t step, size_t columns, bool greatest, int32_t *place) {        \
        T best[COLUMNS];                                                                           \
        memcpy(best, x, columns * sizeof *best);                                                   \
        memset(place, 0, columns * sizeof *place);                                                 \
        for (size_t i = 1; i < n; i++) {                                                           \
            const T *row = x + i * step;                                                           \
            for (size_t j = 0; j < columns; j++) {                                                 \
                T v = row[j], b = best[j];                                                         \
                bool better = (b == b) & ((greatest ? v > b : v < b) | (v != v));                  \
                best[j] = better ? v : b;                                                          \
                place[j] = better ? (int32_t)i : place[j];                                         \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    static void extremes_##suffix(const Extreme *e, size_t outer) {                                \
        const T *x = (const T *)e->input->data + outer * e->n * e->inner;                          \
        int32_t *place = (int32_t *)e->places->data + outer * e->inner;                            \
        if (e->inner == 1)                                                                         \
            *place = (int32_t)extreme_in_row_##suffix(x, e->n, e->greatest);                       \
        else                                                                                       \
            for (size_t j = 0; j < e->inner; j += COLUMNS)                                         \
                extremes_in_columns_##suffix(x + j, e->n, e->inner,                                \
                                             e->inner - j < COLUMNS ? e->inner - j : COLUMNS,      \
                                             e->greatest, place + j);                              \
        for (size_t j = 0; j < e->inner; j++)                                                      \
            place[j] += e->origin;                                                                 \
    }

EXTREME(float, f32)
EXTREME(double, f64)
EXTREME(int32_t, i32)
EXTREME(uint8_t, u8)

static void find_extremes(void *context, size_t first, size_t last, int worker) {
    static void (*const find[DTYPE_COUNT])(const Extreme *, size_t) = { extremes_f32, extremes_f64,
                                                                        extremes_i32, extremes_u8 };
    const Extreme *e = context;
    (void)worker;
    for (size_t outer = first; outer < last; outer++)
        find[e->input->dtype](e, outer);
}

Array *array_arg_extreme(const Array *a, const ExtremePlace *what, Error *err) {
    bool along[ARRAY_MAX_DIMS];
    for (int d = 0; d < a->ndim; d++)
        along[d] = what->axis < 0 || d == what->axis;
    Sizes shape = result_shape(a, along, what->keepdims);
    Folding f = { .where = what->greatest ? "argmax" : "argmin", .dtype = a->dtype };
    Array *input = arrange(a, along, &f, err);
    Array *places = input ? array_new(f.where, DTYPE_I32, &shape, err) : NULL;
    Extreme e = { input, places, f.n, f.inner, what->greatest, what->origin };
    bool ok = places != NULL;
    if (ok && f.n == 0)
        ok = refuse_empty(f.where, a, err);
    if (ok && f.outer > 1 && array_size(a) > BLOCK)
        ok = parallel_try(f.outer, parallel_piece(PIECE, f.n * f.inner), find_extremes, &e) ||
             error_interrupted(err, f.where);
    else if (ok)
        find_extremes(&e, 0, f.outer, 0);
    array_free(input);
    if (ok)
        return places;
    array_free(places);
    return NULL;
}

/* ---- cumsum ---------------------------------------------------------------------------------- */

/* x[o][i][·] += x[o][i − 1][·] around the axis; axis −1: over all. */
static bool add_up(Array *sums, int axis, Error *err) {
    double started = progress_clock();
    size_t outer = 1, inner = 1, size = array_size(sums), since = 0; /* the last look */
    for (int d = 0; d < axis; d++)
        outer *= sums->shape[d];
    for (int d = axis + 1; axis >= 0 && d < sums->ndim; d++)
        inner *= sums->shape[d];
    double *x = array_f64(sums);
    size_t step = outer ? size / outer : 0;
    for (size_t o = 0; o < outer; o++, x += step)
        for (size_t i = inner, end; i < step;) {
            end = step - i < PROGRESS_STRETCH ? step : i + PROGRESS_STRETCH;
            since += end - i;
            for (; i < end; i++)
                x[i] += x[i - inner];
            if (since >= PROGRESS_STRETCH && progress_gives_up(started))
                return error_interrupted(err, "cumsum");
            since %= PROGRESS_STRETCH;
        }
    return true;
}

Array *array_cumsum(const Array *a, int axis, Error *err) {
    Array *sums = a->dtype == DTYPE_F64 ? array_copy("cumsum", a, err)
                                        : array_contiguous("cumsum", a, DTYPE_F64, err);
    if (!sums)
        return NULL;
    bool ok = add_up(sums, axis, err);
    if (axis < 0)
        array_set_shape(sums, &(Sizes){ 1, { array_size(sums) } });
    Array *out =
        ok ? array_from_doubles("cumsum", sums, result_dtype(RESULT_SAME, a->dtype), err) : NULL;
    array_free(sums);
    return out;
}
