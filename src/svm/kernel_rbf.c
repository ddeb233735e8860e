/* kernel_rbf.c — exp(−gamma ‖x − s‖²). */
#include "core/simd.h"
#include "core/vecmath.h"
#include "svm/kernel.h"

#include <math.h>
#include <string.h>

SIMD_CLONES
static void scale(double *values, double factor, size_t n) {
    for (size_t i = 0; i < n; i++)
        values[i] *= factor;
}

static void values(const Kernel *kernel, const double *base, double *value, size_t n) {
    if (value != base)
        memcpy(value, base, n * sizeof *value);
    scale(value, -kernel->gamma, n);
    vec_exp(value, value, n);
}

static void slopes(const Kernel *kernel, const double *base, double *slope, size_t n) {
    (void)base;
    scale(slope, -kernel->gamma, n);
}

static double decay(const Kernel *kernel) {
    return kernel->gamma;
}

static const Field fields[] = {
    { "gamma", FIELD_NUMBER, offsetof(Kernel, gamma), .low = 0, .high = INFINITY,
      .open = FIELD_ABOVE_LOW | FIELD_BELOW_HIGH, .meaning = "the inverse square of its width" },
    { .name = NULL },
};
static const Kernel initial = { .gamma = 1 };

const KernelKind kernel_rbf = {
    .name = "rbf",
    .summary = "The radial basis function kernel, exp(−gamma ‖x − s‖²).",
    .example = "print(svm.rbf({ gamma = 0.01 }).gamma, svm.rbf(0.01).gamma)",
    .base = BASE_DISTANCE,
    .fields = { fields, &initial },
    .values = values,
    .slopes = slopes,
    .decay = decay,
};
