/* kernel_poly.c — (gamma x·s + coef0)^degree. */
#include "core/simd.h"
#include "svm/kernel.h"

#include <math.h>

/* out = factor · (gamma·base + coef0)^exponent */
SIMD_CLONES
static void powers(const Kernel *kernel, const double *base, double factor, int exponent,
                   double *out, size_t n) {
    for (size_t i = 0; i < n; i++) {
        double t = kernel->gamma * base[i] + kernel->coef0, power = factor;
        for (int e = 0; e < exponent; e++)
            power *= t;
        out[i] = power;
    }
}

static void values(const Kernel *kernel, const double *base, double *value, size_t n) {
    powers(kernel, base, 1, (int)kernel->degree, value, n);
}

static void slopes(const Kernel *kernel, const double *base, double *slope, size_t n) {
    powers(kernel, base, kernel->degree * kernel->gamma, (int)kernel->degree - 1, slope, n);
}

static const Field fields[] = {
    { "gamma", FIELD_NUMBER, offsetof(Kernel, gamma), .low = 0, .high = INFINITY,
      .open = FIELD_ABOVE_LOW | FIELD_BELOW_HIGH, .meaning = "times the inner product" },
    { "coef0", FIELD_NUMBER, offsetof(Kernel, coef0), .low = -INFINITY, .high = INFINITY,
      .open = FIELD_ABOVE_LOW | FIELD_BELOW_HIGH, .meaning = "added to it" },
    { "degree", FIELD_WHOLE, offsetof(Kernel, degree), .low = 1, .high = 32,
      .meaning = "the power of their sum" },
    { .name = NULL },
};
static const Kernel initial = { .gamma = 1, .coef0 = 0, .degree = 3 };

const KernelKind kernel_poly = {
    .name = "poly",
    .summary = "The polynomial kernel, (gamma x·s + coef0)^degree.",
    .example = "print(svm.poly({ degree = 2 }).degree)",
    .base = BASE_PRODUCT,
    .fields = { fields, &initial },
    .values = values,
    .slopes = slopes,
};
