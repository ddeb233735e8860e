#include "core/vecmath.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Steps of the representable numbers between a and b, both ≥ 0. */
static double ulps_f32(float a, float b) {
    int32_t x, y;
    memcpy(&x, &a, sizeof x);
    memcpy(&y, &b, sizeof y);
    return fabs((double)x - (double)y);
}

static double ulps_f64(double a, double b) {
    int64_t x, y;
    memcpy(&x, &a, sizeof x);
    memcpy(&y, &b, sizeof y);
    return fabs((double)(x - y));
}

static void test_expf_range(void **state) {
    (void)state;
    enum { N = 400001 };
    float *x = malloc(N * sizeof *x), *y = malloc(N * sizeof *y);
    double worst = 0;
    for (int i = 0; i < N; i++)
        x[i] = -110.0f + 205.0f * (float)i / (float)(N - 1);
    vec_expf(x, y, N);
    for (int i = 0; i < N; i++)
        worst = fmax(worst, ulps_f32(y[i], (float)exp((double)x[i])));
    free(x);
    free(y);
    assert_true(worst <= 2);
}

static void test_exp_range(void **state) {
    (void)state;
    enum { N = 400001 };
    double *x = malloc(N * sizeof *x), *y = malloc(N * sizeof *y), worst = 0;
    for (int i = 0; i < N; i++)
        x[i] = -750.0 + 1465.0 * i / (N - 1.0);
    vec_exp(x, y, N);
    for (int i = 0; i < N; i++)
        worst = fmax(worst, ulps_f64(y[i], exp(x[i])));
    free(x);
    free(y);
    assert_true(worst <= 2);
}

static void test_expf_special(void **state) {
    (void)state;
    float x[] = { 0,    -0.0f,   INFINITY, -INFINITY, NAN,   88.722f, 88.73f,
                  1000, -103.9f, -104.5f,  -1e30f,    1e30f, 1e-30f,  -87.5f };
    float y[sizeof x / sizeof *x];
    vec_expf(x, y, sizeof x / sizeof *x);
    assert_true(y[0] == 1 && y[1] == 1 && y[2] == INFINITY && y[3] == 0 && isnan(y[4]));
    assert_true(isfinite(y[5]) && y[6] == INFINITY && y[7] == INFINITY);
    assert_true(y[8] > 0 && y[8] < 1e-44f && y[9] == 0 && y[10] == 0 && y[11] == INFINITY);
    assert_true(y[12] == 1 && y[13] > 0 && y[13] < 1.2e-38f);
}

static void test_exp_special(void **state) {
    (void)state;
    double x[] = {
        0, -0.0, INFINITY, -INFINITY, NAN, 709.78, 709.79, -745.1, -746.5, 1e300, -1e300
    };
    double y[sizeof x / sizeof *x];
    vec_exp(x, y, sizeof x / sizeof *x);
    assert_true(y[0] == 1 && y[1] == 1 && y[2] == INFINITY && y[3] == 0 && isnan(y[4]));
    assert_true(isfinite(y[5]) && y[6] == INFINITY && y[7] > 0 && y[7] < 1e-323 && y[8] == 0);
    assert_true(y[9] == INFINITY && y[10] == 0);
}

static void test_in_place(void **state) {
    (void)state;
    float x[37];
    double d[37];
    for (int i = 0; i < 37; i++)
        d[i] = x[i] = (float)i / 8;
    vec_expf(x, x, 37);
    vec_exp(d, d, 37);
    for (int i = 0; i < 37; i++) {
        assert_true(fabs((double)x[i] - exp(i / 8.0)) < 1e-6 * exp(i / 8.0));
        assert_true(fabs(d[i] - exp(i / 8.0)) < 1e-15 * exp(i / 8.0));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expf_range),   cmocka_unit_test(test_exp_range),
        cmocka_unit_test(test_expf_special), cmocka_unit_test(test_exp_special),
        cmocka_unit_test(test_in_place),
    };
    return cmocka_run_group_tests_name("vecmath", tests, NULL, NULL);
}
