#include "core/array_softmax.h"

#include "core/array.h"
#include "core/array_transfer.h"
#include "core/fail.h"
#include "core/parallel.h"
#include "core/vecmath.h"

#include <math.h>

enum { PIECE = 1 << 14 }; /* elements, about, that a worker takes at a time */
enum { PART = 256 };      /* of a line, taken to exp together */

/* An array as outer × n × inner, the middle being the axis; everything in double. */
typedef struct Axis {
    size_t outer, n, inner;
    const double *dy; /* of a pull alone */
    double *y;        /* x, which becomes y; of a pull y, which becomes dx */
} Axis;

static Axis axis_of(const Array *a, int axis) {
    Axis r = { .outer = 1, .n = a->shape[axis], .inner = 1, .y = array_f64(a) };
    for (int d = 0; d < axis; d++)
        r.outer *= a->shape[d];
    for (int d = axis + 1; d < a->ndim; d++)
        r.inner *= a->shape[d];
    return r;
}

/* Where line l starts in y or dy. */
static size_t line_start(const Axis *r, size_t l) {
    return l / r->inner * r->n * r->inner + l % r->inner;
}

static double largest_of(const double *y, size_t n, size_t step) {
    double largest = -INFINITY;
    for (size_t i = 0; i < n; i++)
        largest = y[i * step] > largest ? y[i * step] : largest;
    return largest;
}

/* y[n] at distances `step`; contiguous ones are taken to exp together. */
static void softmax_line(double *y, size_t n, size_t step) {
    double largest = largest_of(y, n, step), sum = 0;
    for (size_t i = 0; i < n; i++)
        y[i * step] -= largest;
    if (step == 1)
        vec_exp(y, y, n);
    for (size_t i = 0; i < n; i++) {
        if (step != 1)
            vec_exp(y + i * step, y + i * step, 1);
        sum += y[i * step];
    }
    for (size_t i = 0; i < n; i++)
        y[i * step] /= sum;
}

static void softmax_lines(void *context, size_t first, size_t last, int worker) {
    const Axis *r = context;
    (void)worker;
    for (size_t l = first; l < last; l++)
        softmax_line(r->y + line_start(r, l), r->n, r->inner);
}

/* The largest one's share of the sum, 1, is left to log1p: where it leads by far the others' would
 * be lost beside it. */
static void log_softmax_line(double *y, size_t n, size_t step) {
    double largest = largest_of(y, n, step), others = 0, part[PART];
    bool met = false;
    for (size_t first = 0; first < n; first += PART) {
        size_t count = n - first < PART ? n - first : PART;
        for (size_t i = 0; i < count; i++)
            part[i] = y[(first + i) * step] -= largest;
        vec_exp(part, part, count);
        for (size_t i = 0; i < count; i++) {
            bool is_largest = !met && y[(first + i) * step] == 0;
            others += is_largest ? 0 : part[i];
            met = met || is_largest;
        }
    }
    double size = log1p(others);
    for (size_t i = 0; i < n; i++)
        y[i * step] -= size;
}

static void log_softmax_lines(void *context, size_t first, size_t last, int worker) {
    const Axis *r = context;
    (void)worker;
    for (size_t l = first; l < last; l++)
        log_softmax_line(r->y + line_start(r, l), r->n, r->inner);
}

static void pull_lines(void *context, size_t first, size_t last, int worker) {
    const Axis *r = context;
    (void)worker;
    for (size_t l = first; l < last; l++) {
        size_t start = line_start(r, l), step = r->inner;
        double *y = r->y + start, sum = 0;
        const double *dy = r->dy + start;
        for (size_t i = 0; i < r->n; i++)
            sum += y[i * step] * dy[i * step];
        for (size_t i = 0; i < r->n; i++)
            y[i * step] *= dy[i * step] - sum;
    }
}

/* The shares of their logarithms. Returns the place of the largest. */
static size_t shares_of(double *y, size_t n, size_t step) {
    double part[PART];
    size_t largest = 0;
    for (size_t first = 0; first < n; first += PART) {
        size_t count = n - first < PART ? n - first : PART;
        for (size_t i = 0; i < count; i++)
            part[i] = y[(first + i) * step];
        vec_exp(part, part, count);
        for (size_t i = 0; i < count; i++)
            y[(first + i) * step] = part[i];
    }
    for (size_t i = 1; i < n; i++)
        largest = y[i * step] > y[largest * step] ? i : largest;
    return largest;
}

/* dy_i (1 − p_i) − p_i Σ_{k≠i} dy_k, where 1 − p of the largest is the sum of the others' shares:
 * as a difference it would be 0 long before they are. */
static void log_pull_line(const double *dy, double *y, size_t n, size_t step) {
    size_t largest = shares_of(y, n, step);
    double others = 0, sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += dy[i * step];
        others += i == largest ? 0 : y[i * step];
    }
    for (size_t i = 0; i < n; i++) {
        double share = y[i * step], rest = i == largest ? others : 1 - share;
        y[i * step] = dy[i * step] * rest - share * (sum - dy[i * step]);
    }
}

static void log_pull_lines(void *context, size_t first, size_t last, int worker) {
    const Axis *r = context;
    (void)worker;
    for (size_t l = first; l < last; l++)
        log_pull_line(r->dy + line_start(r, l), r->y + line_start(r, l), r->n, r->inner);
}

static bool each_line(Axis *r, ParallelBody *body, Error *err) {
    size_t lines = r->n ? r->outer * r->inner : 0;
    return parallel_try(lines, parallel_piece(PIECE, r->n), body, r) ||
           error_interrupted(err, "softmax");
}

/* A copy in double, that is written. */
static Array *doubles(const Array *a, Error *err) {
    return a->dtype == DTYPE_F64 ? array_copy("softmax", a, err)
                                 : array_contiguous("softmax", a, DTYPE_F64, err);
}

static Array *finished(Array *values, bool ok, DType dtype, Error *err) {
    Array *out = ok ? array_from_doubles("softmax", values, dtype, err) : NULL;
    array_free(values);
    return out;
}

/* Each line of a copy of x by the body. */
static Array *there(ParallelBody *body, const Array *x, int axis, Error *err) {
    Array *y = doubles(x, err);
    if (!y)
        return NULL;
    Axis r = axis_of(y, axis);
    return finished(y, each_line(&r, body, err), result_dtype(RESULT_FLOAT, x->dtype), err);
}

Array *array_softmax(const Array *x, int axis, Error *err) {
    return there(softmax_lines, x, axis, err);
}

Array *array_log_softmax(const Array *x, int axis, Error *err) {
    return there(log_softmax_lines, x, axis, err);
}

/* The same of y, with dy beside it. */
typedef struct Back {
    ParallelBody *body;
    const Array *y, *dy;
    int axis;
} Back;

static Array *back(Back way, Error *err) {
    Array *dx = doubles(way.y, err);
    Array *slope = dx ? array_contiguous("softmax", way.dy, DTYPE_F64, err) : NULL;
    bool ok = slope != NULL;
    if (ok) {
        Axis r = axis_of(dx, way.axis);
        r.dy = array_f64(slope);
        ok = each_line(&r, way.body, err);
    }
    array_free(slope);
    return finished(dx, ok, way.y->dtype, err);
}

Array *array_softmax_pull(const Array *y, const Array *dy, int axis, Error *err) {
    return back((Back){ pull_lines, y, dy, axis }, err);
}

Array *array_log_softmax_pull(const Array *y, const Array *dy, int axis, Error *err) {
    return back((Back){ log_pull_lines, y, dy, axis }, err);
}
