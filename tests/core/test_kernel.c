/* kernel.h and gram.h: values by hand, slopes by central differences, bases by plain sums. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/rng.h"
#include "svm/gram.h"
#include "core/error.h"
#include "svm/kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const Kernel linear = { .kind = &kernel_linear };
static const Kernel rbf = { .kind = &kernel_rbf, .gamma = 0.5 };
static const Kernel poly = { .kind = &kernel_poly, .gamma = 0.5, .coef0 = 1, .degree = 3 };

static float *random_rows(size_t n, size_t features, uint64_t seed) {
    float *x = malloc(n * features * sizeof *x);
    Rng rng;
    rng_seed(&rng, seed);
    for (size_t i = 0; i < n * features; i++)
        x[i] = (float)rng_normal(&rng);
    return x;
}

static double plain_base(const Kernel *kernel, const float *a, const float *b, size_t features) {
    double sum = 0;
    for (size_t k = 0; k < features; k++)
        sum += (kernel->kind->base == BASE_DISTANCE) ? ((double)a[k] - b[k]) * ((double)a[k] - b[k])
                                                     : (double)a[k] * b[k];
    return sum;
}

static void test_values_by_hand(void **state) {
    (void)state;
    const double base[] = { 0, 1, 2, 4 };
    double value[4];
    kernel_values(&linear, base, value, 4);
    assert_memory_equal(value, base, sizeof base);
    kernel_values(&rbf, base, value, 4);
    for (int i = 0; i < 4; i++)
        assert_true(fabs(value[i] - exp(-0.5 * base[i])) < 1e-15);
    kernel_values(&poly, base, value, 4);
    const double cubes[] = { 1, 3.375, 8, 27 };
    for (int i = 0; i < 4; i++)
        assert_true(fabs(value[i] - cubes[i]) < 1e-14);
    kernel_values(&poly, value, value, 1); /* in place: (0.5·1 + 1)³ */
    assert_true(fabs(value[0] - 3.375) < 1e-14);
}

static void test_slopes(void **state) {
    (void)state;
    const Kernel *const kernels[] = { &linear, &rbf, &poly };
    for (int k = 0; k < 3; k++) {
        for (double base = 0.1; base < 3; base += 0.3) {
            double pair[2] = { base - 1e-5, base + 1e-5 }, slope;
            kernel_values(kernels[k], &base, &slope, 1);
            kernel_slopes(kernels[k], &base, &slope, 1);
            kernel_values(kernels[k], pair, pair, 2);
            assert_true(fabs(slope - (pair[1] - pair[0]) / 2e-5) < 1e-8);
        }
    }
}

/* k(x, s) of one pair of narrow rows, by way of its base. */
static double kernel_at(const Kernel *kernel, const float *x, const float *s, size_t d) {
    Error err;
    KernelRows a, b;
    float dot;
    double value;
    assert_true(kernel_rows_init(&a, &(Batch){ x, 1, d, "test" }, &err));
    assert_true(kernel_rows_init(&b, &(Batch){ s, 1, d, "test" }, &err));
    kernel_base(&(KernelPairs){ kernel, &a, &b }, (KernelTile){ 0, 1, 0, 1 }, &dot, &value);
    kernel_values(kernel, &value, &value, 1);
    kernel_rows_clear(&a);
    kernel_rows_clear(&b);
    return value;
}

/* slope · dbase/dx_j, as a decision's gradient puts it together. */
static double pulled(const Kernel *kernel, const float *x, const float *s, size_t d, size_t j) {
    double base[1], slope, gradient[8] = { 0 };
    const Kernel plain = { .kind =
                               kernel->kind->base == BASE_DISTANCE ? &kernel_rbf : &kernel_linear };
    base[0] = kernel->kind->pair ? kernel->kind->pair(x, s, d) : plain_base(&plain, x, s, d);
    kernel_values(kernel, base, &slope, 1);
    kernel_slopes(kernel, base, &slope, 1);
    if (kernel->kind->base == BASE_PRODUCT)
        return slope * s[j];
    if (kernel->kind->base == BASE_DISTANCE)
        return 2 * slope * ((double)x[j] - s[j]);
    kernel->kind->pull(x, s, d, slope, gradient);
    return gradient[j];
}

/* Every kernel of the table, with its parameters as they are and changed: its gradient with respect
 * to x against differences, and whole names and fields. */
static void test_every_kernel(void **state) {
    (void)state;
    enum { D = 5 };
    const float h = 1.0F / 4096;
    for (size_t k = 0; kernel_table[k]; k++) {
        const KernelKind *kind = kernel_table[k];
        assert_ptr_equal(kernel_find(kind->name), kind);
        assert_true(kind->values && kind->slopes && kind->summary && kind->example);
        assert_true((kind->base == BASE_OWN) == (kind->pair && kind->pull));
        for (int round = 0; round < 40; round++) {
            Kernel kernel = kernel_of(kind);
            if (round % 2 && kernel_has(&kernel, "gamma"))
                kernel.gamma = 0.3;
            if (round % 3 && kernel_has(&kernel, "coef0"))
                kernel.coef0 = 0.7;
            Error err;
            assert_true(kernel_check("test", &kernel, &err));
            float *x = random_rows(1, D, (uint64_t)round + 50), *s = random_rows(1, D, 7);
            for (size_t j = 0; j < D; j++) {
                float at = x[j], up = at + h, down = at - h;
                double expected = pulled(&kernel, x, s, D, j);
                x[j] = up;
                double above = kernel_at(&kernel, x, s, D);
                x[j] = down;
                double below = kernel_at(&kernel, x, s, D);
                x[j] = at;
                double slope = (above - below) / ((double)up - (double)down);
                assert_true(fabs(slope - expected) <= 1e-3 * fmax(1, fabs(expected)));
            }
            free(x);
            free(s);
        }
    }
}

/* A tile in the middle, of narrow rows (in double) and of wide ones (in float32). */
static void test_bases(void **state) {
    (void)state;
    const Kernel *const kernels[] = { &linear, &rbf };
    const size_t widths[] = { 3, KERNEL_NARROW, KERNEL_NARROW + 1, 300 };
    for (int k = 0; k < 2; k++)
        for (int w = 0; w < 4; w++) {
            size_t d = widths[w];
            float *x = random_rows(20, d, 1), *s = random_rows(30, d, 2), dots[7 * 11];
            double base[7 * 11], tolerance = d <= KERNEL_NARROW ? 1e-12 : 1e-3;
            Error err;
            KernelRows a, b;
            KernelTile tile = { 5, 7, 13, 11 };
            assert_true(kernel_rows_init(&a, &(Batch){ x, 20, d, "test" }, &err));
            assert_true(kernel_rows_init(&b, &(Batch){ s, 30, d, "test" }, &err));
            kernel_base(&(KernelPairs){ kernels[k], &a, &b }, tile, dots, base);
            for (size_t i = 0; i < 7; i++)
                for (size_t j = 0; j < 11; j++) {
                    double expected = plain_base(kernels[k], x + (5 + i) * d, s + (13 + j) * d, d);
                    assert_true(fabs(base[i * 11 + j] - expected) < tolerance);
                }
            kernel_rows_clear(&a);
            kernel_rows_clear(&b);
            free(x);
            free(s);
        }
}

/* Rounding must not make a distance negative: exp would then exceed 1. */
static void test_equal_rows(void **state) {
    (void)state;
    for (size_t d = 10; d < 400; d += 130) {
        float *x = random_rows(9, d, 3), dots[81];
        double base[81];
        Error err;
        KernelRows rows;
        for (size_t i = d; i < 9 * d; i++)
            x[i] = x[i % d];
        assert_true(kernel_rows_init(&rows, &(Batch){ x, 9, d, "test" }, &err));
        kernel_base(&(KernelPairs){ &rbf, &rows, &rows }, (KernelTile){ 0, 9, 0, 9 }, dots, base);
        for (size_t i = 0; i < 81; i++)
            assert_true(base[i] >= 0 && base[i] < 1e-6 * rows.norm[0]);
        kernel_rows_clear(&rows);
        free(x);
    }
}

static void test_check(void **state) {
    (void)state;
    Error err;
    Kernel bad = rbf;
    assert_true(kernel_check("f", &linear, &err) && kernel_check("f", &rbf, &err));
    bad.gamma = 0;
    assert_false(kernel_check("f", &bad, &err));
    assert_string_equal(err.message, "f: the rbf kernel: gamma: expected a number above 0, got 0");
    bad.gamma = NAN;
    assert_false(kernel_check("f", &bad, &err));
    bad = poly;
    bad.degree = 0;
    assert_false(kernel_check("f", &bad, &err));
    assert_string_equal(err.message,
                        "f: the poly kernel: degree: expected an integer from 1 to 32, got 0");
    bad = poly;
    bad.coef0 = INFINITY;
    assert_false(kernel_check("f", &bad, &err));
    assert_ptr_equal(kernel_find("poly"), &kernel_poly);
    assert_null(kernel_find("rbv"));
}

/* More than one tile a side, and a last one that is not full. */
static void test_gram(void **state) {
    (void)state;
    enum { N = 1100 };
    const size_t widths[] = { 5, 80 };
    for (int w = 0; w < 2; w++) {
        size_t d = widths[w];
        float *x = random_rows(N, d, 4);
        Error err;
        float *gram = gram_new(&rbf, &(Batch){ x, N, d, "test" }, &err);
        assert_non_null(gram);
        for (size_t i = 0; i < N; i += 37)
            for (size_t j = 0; j < N; j++) {
                assert_true(gram[i * N + j] == gram[j * N + i]);
                assert_true(fabs(gram[i * N + j] - plain_base(&rbf, x + i * d, x + j * d, d)) <
                            1e-4);
            }
        float *again = gram_new(&rbf, &(Batch){ x, N, d, "test" }, &err);
        assert_memory_equal(gram, again, sizeof(float) * N * N);
        gram_free(again);
        float *values = gram_values(&rbf, &(Batch){ x, N, d, "test" }, &err);
        for (size_t i = 0; i < N; i += 37)
            for (size_t j = 0; j < N; j++) {
                double base = gram[i * N + j], value;
                kernel_values(&rbf, &base, &value, 1);
                assert_true(fabs(values[i * N + j] - value) < 1e-6);
                assert_true(values[i * N + j] == values[j * N + i]);
            }
        gram_free(values);
        gram_free(gram);
        x[7 * d + 1] = NAN;
        assert_null(gram_new(&rbf, &(Batch){ x, N, d, "fit" }, &err));
        assert_string_equal(err.message, "fit: sample 8 has a value that is NaN or infinite");
        free(x);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_by_hand), cmocka_unit_test(test_slopes),
        cmocka_unit_test(test_every_kernel),   cmocka_unit_test(test_bases),
        cmocka_unit_test(test_equal_rows),     cmocka_unit_test(test_check),
        cmocka_unit_test(test_gram),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
