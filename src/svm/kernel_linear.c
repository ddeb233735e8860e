/* kernel_linear.c — x·s. */
#include "svm/kernel.h"

#include <string.h>

static void values(const Kernel *kernel, const double *base, double *value, size_t n) {
    (void)kernel;
    if (value != base)
        memcpy(value, base, n * sizeof *value);
}

static void slopes(const Kernel *kernel, const double *base, double *slope, size_t n) {
    (void)kernel, (void)base;
    for (size_t i = 0; i < n; i++)
        slope[i] = 1;
}

const KernelKind kernel_linear = {
    .name = "linear",
    .summary = "The linear kernel, x·s.",
    .example = "print(svm.linear().name)",
    .base = BASE_PRODUCT,
    .values = values,
    .slopes = slopes,
};
