#include "svm/kernel.h"

#include "core/blas.h"
#include "core/simd.h"
#include "core/vecmath.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- The table ------------------------------------------------------------------------------- */

static void linear_values(const Kernel *kernel, const double *base, double *value, size_t n) {
    (void)kernel;
    if (value != base)
        memcpy(value, base, n * sizeof *value);
}

static void linear_slopes(const Kernel *kernel, const double *base, double *slope, size_t n) {
    (void)kernel, (void)base;
    for (size_t i = 0; i < n; i++)
        slope[i] = 1;
}

SIMD_CLONES
static void scale(double *values, double factor, size_t n) {
    for (size_t i = 0; i < n; i++)
        values[i] *= factor;
}

static void rbf_values(const Kernel *kernel, const double *base, double *value, size_t n) {
    linear_values(kernel, base, value, n);
    scale(value, -kernel->gamma, n);
    vec_exp(value, value, n);
}

static void rbf_slopes(const Kernel *kernel, const double *base, double *slope, size_t n) {
    rbf_values(kernel, base, slope, n);
    scale(slope, -kernel->gamma, n);
}

/* out = factor · (gamma·base + coef0)^exponent */
SIMD_CLONES
static void powers(const Kernel *kernel, const double *base, int exponent, double factor,
                   double *out, size_t n) {
    for (size_t i = 0; i < n; i++) {
        double t = kernel->gamma * base[i] + kernel->coef0, power = factor;
        for (int e = 0; e < exponent; e++)
            power *= t;
        out[i] = power;
    }
}

static void poly_values(const Kernel *kernel, const double *base, double *value, size_t n) {
    powers(kernel, base, kernel->degree, 1, value, n);
}

static void poly_slopes(const Kernel *kernel, const double *base, double *slope, size_t n) {
    powers(kernel, base, kernel->degree - 1, kernel->degree * kernel->gamma, slope, n);
}

typedef struct KernelOps {
    bool distance, gamma, degree;
    void (*values)(const Kernel *kernel, const double *base, double *value, size_t n);
    void (*slopes)(const Kernel *kernel, const double *base, double *slope, size_t n);
} KernelOps;

static const KernelOps table[] = {
    [KERNEL_LINEAR] = { false, false, false, linear_values, linear_slopes },
    [KERNEL_RBF] = { true, true, false, rbf_values, rbf_slopes },
    [KERNEL_POLY] = { false, true, true, poly_values, poly_slopes },
};

const char *const kernel_names[] = { "linear", "rbf", "poly", NULL };

int kernel_find(const char *name) {
    for (int i = 0; kernel_names[i]; i++)
        if (strcmp(name, kernel_names[i]) == 0)
            return i;
    return -1;
}

bool kernel_uses_distance(const Kernel *kernel) {
    return table[kernel->kind].distance;
}

bool kernel_has_gamma(const Kernel *kernel) {
    return table[kernel->kind].gamma;
}

bool kernel_has_degree(const Kernel *kernel) {
    return table[kernel->kind].degree;
}

bool kernel_check(const char *where, const Kernel *kernel, Error *err) {
    const char *name = kernel_names[kernel->kind];
    if (kernel_has_gamma(kernel) && !(kernel->gamma > 0 && isfinite(kernel->gamma)))
        return error_set(err, ERROR_ARGUMENT, "%s: gamma of the %s kernel must be above 0, not %g",
                         where, name, kernel->gamma);
    if (kernel_has_degree(kernel) && !(kernel->degree >= 1 && kernel->degree <= 32))
        return error_set(err, ERROR_ARGUMENT,
                         "%s: degree of the %s kernel must be from 1 to 32, not %d", where, name,
                         kernel->degree);
    if (kernel_has_degree(kernel) && !isfinite(kernel->coef0))
        return error_set(err, ERROR_ARGUMENT, "%s: coef0 of the %s kernel must be finite, not %g",
                         where, name, kernel->coef0);
    return true;
}

void kernel_values(const Kernel *kernel, const double *base, double *value, size_t n) {
    table[kernel->kind].values(kernel, base, value, n);
}

void kernel_slopes(const Kernel *kernel, const double *base, double *slope, size_t n) {
    table[kernel->kind].slopes(kernel, base, slope, n);
}

/* ---- Bases of pairs -------------------------------------------------------------------------- */

/* Eight partial sums, because the compiler may not reorder the additions of one. */
SIMD_CLONES
static double squared_norm(const float *x, size_t n) {
    double part[8] = { 0 }, sum = 0;
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t lane = 0; lane < 8; lane++)
            part[lane] += (double)x[i + lane] * x[i + lane];
    for (; i < n; i++)
        sum += (double)x[i] * x[i];
    for (size_t lane = 0; lane < 8; lane++)
        sum += part[lane];
    return sum;
}

bool kernel_rows_init(KernelRows *rows, const char *where, const float *x, size_t n,
                      size_t features, Error *err) {
    bool narrow = features <= KERNEL_NARROW;
    double *norm = malloc((n + 1) * sizeof *norm);
    double *wide = narrow ? malloc((n * features + 1) * sizeof *wide) : NULL;
    if (!norm || (narrow && !wide)) {
        free(norm);
        free(wide);
        return error_memory(err, where, n * (narrow ? features + 1 : 1) * sizeof *norm);
    }
    for (size_t i = 0; i < n; i++)
        norm[i] = squared_norm(x + i * features, features);
    for (size_t i = 0; narrow && i < n * features; i++)
        wide[i] = x[i];
    *rows = (KernelRows){ x, wide, norm, n, features };
    return true;
}

void kernel_rows_clear(KernelRows *rows) {
    free(rows->norm);
    free(rows->wide);
    *rows = (KernelRows){ 0 };
}

SIMD_CLONES
static void dots_to_double(const float *dots, double *base, size_t n) {
    for (size_t i = 0; i < n; i++)
        base[i] = dots[i];
}

/* Inner products to squared distances, in place. Rounding can take equal rows below 0. */
SIMD_CLONES
static void dots_to_distances(double *base, double norm_a, const double *norm_b, size_t n) {
    for (size_t i = 0; i < n; i++) {
        double distance = norm_a + norm_b[i] - 2 * base[i];
        base[i] = distance < 0 ? 0 : distance;
    }
}

void kernel_base(const Kernel *kernel, const KernelRows *a, const KernelRows *b, KernelTile tile,
                 float *dots, double *base) {
    size_t d = a->features, from_a = tile.row * d, from_b = tile.column * d;
    if (a->wide && b->wide) {
        blas_dgemm(false, true, tile.rows, tile.columns, d, 1, a->wide + from_a, d,
                   b->wide + from_b, d, 0, base, tile.columns);
    } else {
        blas_sgemm(false, true, tile.rows, tile.columns, d, 1, a->x + from_a, d, b->x + from_b, d,
                   0, dots, tile.columns);
    }
    for (size_t i = 0; i < tile.rows; i++) { /* row by row: it stays in the nearest cache */
        double *row = base + i * tile.columns;
        if (!a->wide || !b->wide)
            dots_to_double(dots + i * tile.columns, row, tile.columns);
        if (kernel_uses_distance(kernel))
            dots_to_distances(row, a->norm[tile.row + i], b->norm + tile.column, tile.columns);
    }
}
