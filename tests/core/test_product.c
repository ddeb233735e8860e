/* product.h: products with packed rows and sums by coefficients, against sums in double one term
 * after the other, for sizes around those of blocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/rng.h"
#include "svm/product.h"

#include <math.h>
#include <stdlib.h>

enum { MOST = 140 * 600 };

static float narrow[2][MOST], out_narrow[MOST];
static double wide[2][MOST], out_wide[MOST];

static void fill(void) {
    Rng rng;
    rng_seed(&rng, 7);
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < MOST; i++)
            wide[k][i] = narrow[k][i] = (float)(rng_uniform(&rng) - 0.5);
}

/* Σ_k a[i][k] · b[j][k] with b's next row `apart` and next term `step` numbers away. */
static double sum_of(const double *a, const double *b, size_t terms, size_t step) {
    double sum = 0;
    for (size_t k = 0; k < terms; k++)
        sum += a[k] * b[k * step];
    return sum;
}

static void check(double got, double expected, double tolerance) {
    if (!(fabs(got - expected) <= tolerance))
        fail_msg("%.17g, expected %.17g", got, expected);
}

static void test_packed_rows(void **state) {
    (void)state;
    static const ProductTile tiles[] = {
        { 1, 1, 0, 1 },     { 5, 30, 0, 63 },   { 6, 31, 64, 64 },
        { 13, 257, 0, 65 }, { 12, 513, 64, 9 }, { 7, 16, 128, 130 }
    };
    if (!product_fits())
        skip();
    fill();
    for (size_t t = 0; t < sizeof tiles / sizeof *tiles; t++) {
        ProductTile tile = tiles[t];
        size_t d = tile.features, n = tile.first + tile.columns;
        float *packed = product_pack(narrow[1], n, d);
        double *packed_wide = product_pack_wide(wide[1], n, d);
        assert_true(packed && packed_wide);
        product_rows(tile, narrow[0], packed, out_narrow);
        product_rows_wide(tile, wide[0], packed_wide, out_wide);
        for (size_t i = 0; i < tile.rows; i++)
            for (size_t j = 0; j < tile.columns; j++) {
                double sum = sum_of(wide[0] + i * d, wide[1] + (tile.first + j) * d, d, 1);
                check(out_narrow[i * tile.columns + j], sum, 1e-5);
                check(out_wide[i * tile.columns + j], sum, 1e-14);
            }
        free(packed);
        free(packed_wide);
    }
}

static void test_sums(void **state) {
    (void)state;
    if (!product_fits())
        skip();
    fill();
    const size_t rows = 8, terms = 300;
    for (size_t columns = 16; columns <= 144; columns += 32) {
        assert_true(product_sum(rows, terms, columns, narrow[0], narrow[1], out_narrow));
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < columns; j++)
                check(out_narrow[i * columns + j],
                      sum_of(wide[0] + i * terms, wide[1] + j, terms, columns), 1e-5);
    }
    assert_false(product_sum(rows, terms, 24, narrow[0], narrow[1], out_narrow));
}

/* Written between the parts of others, which stay. */
static void test_weighed(void **state) {
    (void)state;
    if (!product_fits())
        skip();
    fill();
    for (size_t functions = 1; functions <= 11; functions += 2)
        for (size_t columns = 1; columns <= 129; columns += 16) {
            const size_t rows = 7, apart = 140, stride = 13;
            for (size_t i = 0; i < rows * stride; i++)
                out_wide[i] = 77;
            product_weigh(rows, columns, wide[0],
                          (ProductWeights){ wide[1], functions, apart, stride }, out_wide);
            for (size_t i = 0; i < rows; i++)
                for (size_t c = 0; c < stride; c++)
                    check(out_wide[i * stride + c],
                          c < functions
                              ? sum_of(wide[0] + i * columns, wide[1] + c * apart, columns, 1)
                              : 77,
                          1e-14);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packed_rows),
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_weighed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
