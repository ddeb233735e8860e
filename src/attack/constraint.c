#include "attack/constraint.h"

#include "core/fail.h"
#include "core/simd.h"

#include <math.h>

double constraint_lower(const Constraint *constraint, size_t feature) {
    return constraint->lower ? (double)constraint->lower[feature] : constraint->low;
}

double constraint_upper(const Constraint *constraint, size_t feature) {
    return constraint->upper ? (double)constraint->upper[feature] : constraint->high;
}

/* One step of each norm's running value; NaN stays. */
static inline double norm_add(Norm norm, double so_far, double value) {
    double size = fabs(value);
    switch (norm) {
    case NORM_L1:
        return so_far + size;
    case NORM_L2:
        return so_far + size * size;
    default:
        return size > so_far || isnan(size) ? size : so_far;
    }
}

double norm_of(Norm norm, const double *x, size_t n) {
    double sum = 0;
    for (size_t j = 0; j < n; j++)
        sum = norm_add(norm, sum, x[j]);
    return norm == NORM_L2 ? sqrt(sum) : sum;
}

double norm_distance(Norm norm, const float *x, const float *x0, size_t n) {
    double sum = 0;
    for (size_t j = 0; j < n; j++)
        sum = norm_add(norm, sum, (double)x[j] - (double)x0[j]);
    return norm == NORM_L2 ? sqrt(sum) : sum;
}

/* The sums below are what an attack spends its own time on. Each runs over LANES separate sums, so
 * that the compiler can vectorise it without reordering anything. */
enum { LANES = 8 };

static double sum_of(const double lane[LANES]) {
    double sum = 0;
    for (size_t k = 0; k < LANES; k++)
        sum += lane[k];
    return sum;
}

SIMD_CLONES
static double l1_distance(const double *x, const float *x0, size_t n) {
    double lane[LANES] = { 0 };
    size_t j = 0;
    for (; j + LANES <= n; j += LANES)
        for (size_t k = 0; k < LANES; k++)
            lane[k] += fabs(x[j + k] - (double)x0[j + k]);
    for (; j < n; j++)
        lane[0] += fabs(x[j] - (double)x0[j]);
    return sum_of(lane);
}

SIMD_CLONES
static double l2_distance(const double *x, const float *x0, size_t n) {
    double lane[LANES] = { 0 };
    size_t j = 0;
    for (; j + LANES <= n; j += LANES)
        for (size_t k = 0; k < LANES; k++) {
            double delta = x[j + k] - (double)x0[j + k];
            lane[k] += delta * delta;
        }
    for (; j < n; j++)
        lane[0] += (x[j] - (double)x0[j]) * (x[j] - (double)x0[j]);
    return sqrt(sum_of(lane));
}

static double linf_distance(const double *x, const float *x0, size_t n) {
    double largest = 0;
    for (size_t j = 0; j < n; j++) {
        double size = fabs(x[j] - (double)x0[j]);
        largest = size > largest ? size : largest;
    }
    return largest;
}

static double distance_from(Norm norm, const double *x, const float *x0, size_t n) {
    switch (norm) {
    case NORM_L1:
        return l1_distance(x, x0, n);
    case NORM_L2:
        return l2_distance(x, x0, n);
    default:
        return linf_distance(x, x0, n);
    }
}

bool ball_holds(const Constraint *constraint, const float *x0, const double *x) {
    return distance_from(constraint->norm, x, x0, constraint->features) <= constraint->dmax;
}

bool box_holds(const Constraint *constraint, const double *x) {
    for (size_t j = 0; j < constraint->features; j++)
        if (x[j] < constraint_lower(constraint, j) || x[j] > constraint_upper(constraint, j))
            return false;
    return true;
}

/* Sum and number of the sizes above the threshold. */
SIMD_CLONES
static double sum_above(const double *x, const float *x0, size_t n, double threshold,
                        double *count) {
    double lane[LANES] = { 0 }, number[LANES] = { 0 };
    size_t j = 0;
    for (; j + LANES <= n; j += LANES)
        for (size_t k = 0; k < LANES; k++) {
            double size = fabs(x[j + k] - (double)x0[j + k]);
            lane[k] += size > threshold ? size : 0;
            number[k] += size > threshold ? 1 : 0;
        }
    for (; j < n; j++) {
        double size = fabs(x[j] - (double)x0[j]);
        lane[0] += size > threshold ? size : 0;
        number[0] += size > threshold ? 1 : 0;
    }
    *count = sum_of(number);
    return sum_of(lane);
}

/* The amount by which soft thresholding shrinks |x − x0| so that the sum becomes dmax. Features at
 * or below the threshold leave the active set, which raises it, until none leaves. */
static double l1_threshold(const double *x, const float *x0, size_t n, double dmax) {
    double threshold = 0, count = (double)n + 1, before;
    do {
        before = count;
        double sum = sum_above(x, x0, n, threshold, &count);
        if (count > 0)
            threshold = (sum - dmax) / count;
    } while (count > 0 && count < before);
    return threshold;
}

static void l1_project(double dmax, const float *x0, size_t n, double *x) {
    double threshold = l1_threshold(x, x0, n, dmax);
    for (size_t j = 0; j < n; j++) {
        double delta = x[j] - (double)x0[j], size = fabs(delta) - threshold;
        x[j] = size > 0 ? (double)x0[j] + copysign(size, delta) : (double)x0[j];
    }
}

static void l2_project(const Constraint *constraint, double distance, const float *x0, double *x) {
    double scale = fmax(0, constraint->dmax - CONSTRAINT_L2_MARGIN) / distance;
    for (size_t j = 0; j < constraint->features; j++)
        x[j] = (double)x0[j] + scale * (x[j] - (double)x0[j]);
}

static void linf_project(double dmax, const float *x0, size_t n, double *x) {
    for (size_t j = 0; j < n; j++)
        x[j] = fmin(fmax(x[j], (double)x0[j] - dmax), (double)x0[j] + dmax);
}

void ball_project(const Constraint *constraint, const float *x0, double *x) {
    size_t n = constraint->features;
    double dmax = constraint->dmax, distance = distance_from(constraint->norm, x, x0, n);
    if (distance <= dmax)
        return;
    switch (constraint->norm) {
    case NORM_L1:
        l1_project(dmax, x0, n, x);
        return;
    case NORM_L2:
        l2_project(constraint, distance, x0, x);
        return;
    case NORM_LINF:
        linf_project(dmax, x0, n, x);
        return;
    }
}

SIMD_CLONES
static void clamp_all(double low, double high, size_t n, double *x) {
    for (size_t j = 0; j < n; j++) {
        double value = x[j] > low ? x[j] : low;
        x[j] = value < high ? value : high;
    }
}

void box_project(const Constraint *constraint, double *x) {
    if (!constraint->lower && !constraint->upper) {
        clamp_all(constraint->low, constraint->high, constraint->features, x);
        return;
    }
    for (size_t j = 0; j < constraint->features; j++)
        x[j] = fmin(fmax(x[j], constraint_lower(constraint, j)), constraint_upper(constraint, j));
}

/* Where rounding to nearest went away from x0, x is first moved towards it by a little more than
 * half a unit in the last place, but not past it: that rounds to the next number on the way or the
 * one after. */
SIMD_CLONES
static void store_towards(const float *x0, const double *x, size_t n, float *out) {
    const double half_unit = 0x1.02p-24;
    for (size_t j = 0; j < n; j++) {
        double center = (double)x0[j], value = x[j];
        float nearest = (float)value;
        double little = fabs((double)nearest) * half_unit;
        float moved = (float)(value + (center > value ? little : -little));
        float above = moved < x0[j] ? moved : x0[j], below = moved > x0[j] ? moved : x0[j];
        float inside = center > value ? above : below;
        bool away = fabs((double)nearest - center) > fabs(value - center);
        out[j] = away ? inside : nearest;
    }
}

void constraint_store(const Constraint *constraint, const float *x0, const double *x, float *out) {
    store_towards(x0, x, constraint->features, out);
}

bool constraint_check(const Constraint *constraint, const Batch *samples, Error *err) {
    const double tolerance = CONSTRAINT_TOLERANCE;
    const char *where = samples->where;
    size_t d = constraint->features;
    for (size_t j = 0; j < d; j++)
        if (!(constraint_lower(constraint, j) <= constraint_upper(constraint, j)))
            return error_set(
                err, ERROR_ARGUMENT, "%s: bounds of feature %zu: lower %g is not below upper %g",
                where, j + 1, constraint_lower(constraint, j), constraint_upper(constraint, j));
    for (size_t i = 0; i < samples->n; i++)
        for (size_t j = 0; j < d; j++) {
            double value = (double)samples->x[i * d + j], low = constraint_lower(constraint, j),
                   high = constraint_upper(constraint, j);
            if (!(value >= low - tolerance && value <= high + tolerance))
                return error_set(err, ERROR_ARGUMENT,
                                 "%s: sample %zu: feature %zu is %g, outside the bounds %g … %g; "
                                 "scale the data or set lower and upper",
                                 where, i + 1, j + 1, isnan(value) ? (double)NAN : value, low,
                                 high);
        }
    return true;
}
