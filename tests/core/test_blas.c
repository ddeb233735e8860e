#include "core/blas.h"
#include "core/parallel.h"
#include "core/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

typedef struct Case {
    size_t m, n, k;
    bool transpose_a, transpose_b;
    double alpha, beta;
} Case;

static const Case cases[] = {
    { 1, 1, 1, false, false, 1, 0 },     { 3, 4, 5, false, false, 1, 0 },
    { 3, 4, 5, true, false, 2, 0 },      { 3, 4, 5, false, true, 1, 0.5 },
    { 7, 2, 9, true, true, -1, 1 },      { 130, 111, 97, false, false, 1, 0 },
    { 130, 111, 97, true, false, 1, 1 }, { 211, 150, 64, false, true, 0.5, 2 },
    { 150, 211, 64, true, true, 1, 0 },  { 4, 3, 0, false, false, 1, 2 },
};

enum { MARGIN = 3 }; /* stored rows are longer than the matrix */

/* op(A)[i][p] of an array whose stored rows are `leading` long. */
static size_t place(bool transposed, size_t i, size_t p, size_t leading) {
    return transposed ? p * leading + i : i * leading + p;
}

static void check_case(const Case *c) {
    size_t lda = (c->transpose_a ? c->m : c->k) + MARGIN;
    size_t ldb = (c->transpose_b ? c->k : c->n) + MARGIN, ldc = c->n + MARGIN;
    size_t a_size = (c->transpose_a ? c->k : c->m) * lda + 1;
    size_t b_size = (c->transpose_b ? c->n : c->k) * ldb + 1, c_size = c->m * ldc;
    double *a = malloc(a_size * sizeof *a), *b = malloc(b_size * sizeof *b);
    double *out = malloc(c_size * sizeof *out), *before = malloc(c_size * sizeof *before);
    float *a32 = malloc(a_size * sizeof *a32), *b32 = malloc(b_size * sizeof *b32);
    float *out32 = malloc(c_size * sizeof *out32);
    Rng rng;
    rng_seed(&rng, c->m);
    for (size_t i = 0; i < a_size; i++)
        a[i] = a32[i] = (float)rng_normal(&rng);
    for (size_t i = 0; i < b_size; i++)
        b[i] = b32[i] = (float)rng_normal(&rng);
    for (size_t i = 0; i < c_size; i++)
        before[i] = out[i] = out32[i] = (float)rng_normal(&rng);
    blas_dgemm(c->transpose_a, c->transpose_b, c->m, c->n, c->k, c->alpha, a, lda, b, ldb, c->beta,
               out, ldc);
    blas_sgemm(c->transpose_a, c->transpose_b, c->m, c->n, c->k, (float)c->alpha, a32, lda, b32,
               ldb, (float)c->beta, out32, ldc);
    for (size_t i = 0; i < c->m; i++)
        for (size_t j = 0; j < ldc; j++) {
            double want = before[i * ldc + j];
            if (j < c->n) {
                double sum = 0;
                for (size_t p = 0; p < c->k; p++)
                    sum +=
                        a[place(c->transpose_a, i, p, lda)] * b[place(c->transpose_b, p, j, ldb)];
                want = c->alpha * sum + c->beta * want;
            }
            assert_true(fabs(out[i * ldc + j] - want) < 1e-10);
            assert_true(fabs((double)out32[i * ldc + j] - want) < 1e-3);
        }
    free(a);
    free(b);
    free(out);
    free(before);
    free(a32);
    free(b32);
    free(out32);
}

static void test_products(void **state) {
    (void)state;
    int threads = parallel_threads();
    for (int t = 1; t <= 3; t++) {
        parallel_set_threads(t);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            check_case(&cases[i]);
    }
    parallel_set_threads(threads);
}

static void test_repeated_products_have_the_same_bits(void **state) {
    (void)state;
    enum { SIZE = 160 };
    static float a[SIZE * SIZE], first[SIZE * SIZE], second[SIZE * SIZE];
    Rng rng;
    rng_seed(&rng, 1);
    for (size_t i = 0; i < SIZE * SIZE; i++)
        a[i] = (float)rng_normal(&rng);
    blas_sgemm(false, true, SIZE, SIZE, SIZE, 1, a, SIZE, a, SIZE, 0, first, SIZE);
    blas_sgemm(false, true, SIZE, SIZE, SIZE, 1, a, SIZE, a, SIZE, 0, second, SIZE);
    assert_memory_equal(first, second, sizeof first);
}

static void test_names(void **state) {
    (void)state;
    assert_true(strlen(blas_core_name()) > 0);
    assert_non_null(strstr(blas_version(), "OpenBLAS"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_repeated_products_have_the_same_bits),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests_name("blas", tests, NULL, NULL);
}
