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

/* Every exponent, with mantissas around those where the argument is halved. */
static void test_log_range(void **state) {
    (void)state;
    double worst32 = 0, worst64 = 0;
    for (int exponent = -1074; exponent < 1024; exponent++) {
        enum { N = 64 };
        double x[N], y[N];
        float a[N], b[N];
        for (int i = 0; i < N; i++) {
            x[i] = ldexp(1 + (double)i / N + 1e-7, exponent);
            a[i] = exponent >= -149 && exponent < 128 ? (float)x[i] : 1.5f;
        }
        vec_log(x, y, N);
        vec_logf(a, b, N);
        for (int i = 0; i < N; i++) {
            worst64 = fmax(worst64, ulps_f64(fabs(y[i]), fabs(log(x[i]))));
            worst32 = fmax(worst32, ulps_f32(fabsf(b[i]), (float)fabs(log((double)a[i]))));
        }
    }
    assert_true(worst32 <= 2);
    assert_true(worst64 <= 2);
}

static void test_log_near_one(void **state) {
    (void)state;
    for (int i = -200; i <= 200; i++) {
        float a = 1 + (float)i * 0x1p-20f, b;
        double x = 1 + i * 0x1p-40, y;
        vec_logf(&a, &b, 1);
        vec_log(&x, &y, 1);
        assert_true(ulps_f32(fabsf(b), (float)fabs(log((double)a))) <= 2);
        assert_true(ulps_f64(fabs(y), fabs(log(x))) <= 2);
    }
}

static void test_log_special(void **state) {
    (void)state;
    float a[] = { 0, -0.0f, -1, -INFINITY, INFINITY, NAN, 1 }, b[7];
    double x[] = { 0, -0.0, -1, -INFINITY, INFINITY, NAN, 1 }, y[7];
    vec_logf(a, b, 7);
    vec_log(x, y, 7);
    assert_true(b[0] == -INFINITY && b[1] == -INFINITY && isnan(b[2]) && isnan(b[3]));
    assert_true(b[4] == INFINITY && isnan(b[5]) && b[6] == 0);
    assert_true(y[0] == -INFINITY && y[1] == -INFINITY && isnan(y[2]) && isnan(y[3]));
    assert_true(y[4] == INFINITY && isnan(y[5]) && y[6] == 0);
}

static void test_tanh(void **state) {
    (void)state;
    double worst32 = 0, worst64 = 0;
    for (int i = 0; i < 200000; i++) {
        float a = ldexpf(1 + (float)(i % 1000) / 1000, i / 1000 - 190), b;
        double x = ldexp(1 + (i % 1000) / 1000.0, i / 1000 - 190), y;
        a = i / 1000 - 190 < -140 ? 0x1p-149f : a;
        vec_tanhf(&a, &b, 1);
        vec_tanh(&x, &y, 1);
        worst32 = fmax(worst32, ulps_f32(b, (float)tanh((double)a)));
        worst64 = fmax(worst64, ulps_f64(y, tanh(x)));
    }
    assert_true(worst32 <= 4);
    assert_true(worst64 <= 4);
    float a[] = { -0.0f, -INFINITY, INFINITY, NAN, -0.5f, -30 }, b[6];
    double x[] = { -0.0, -INFINITY, INFINITY, NAN, -0.5, -30 }, y[6];
    vec_tanhf(a, b, 6);
    vec_tanh(x, y, 6);
    assert_true(b[0] == 0 && signbit(b[0]) && b[1] == -1 && b[2] == 1 && isnan(b[3]));
    assert_true(y[0] == 0 && signbit(y[0]) && y[1] == -1 && y[2] == 1 && isnan(y[3]));
    assert_true(fabsf(b[4] + 0.46211716f) < 1e-7f && b[5] == -1);
    assert_true(fabs(y[4] + 0.46211715726000975) < 1e-15 && y[5] == -1);
}

static void test_erf(void **state) {
    (void)state;
    double worst = 0;
    for (int i = -400000; i <= 400000; i++) {
        float x = (float)i * 1.25e-5f, y;
        vec_erff(&x, &y, 1);
        worst = fmax(worst, ulps_f32(y, (float)erf((double)x)));
    }
    assert_true(worst <= 3);
    float x[] = { -0.0f, -INFINITY, INFINITY, NAN, 1e-20f, -7 }, y[6];
    vec_erff(x, y, 6);
    assert_true(y[0] == 0 && signbit(y[0]) && y[1] == -1 && y[2] == 1 && isnan(y[3]));
    assert_true(fabsf(y[4] / 1.1283791671e-20f - 1) < 1e-6f && y[5] == -1);
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
        cmocka_unit_test(test_log_range),    cmocka_unit_test(test_log_near_one),
        cmocka_unit_test(test_log_special),  cmocka_unit_test(test_tanh),
        cmocka_unit_test(test_erf),          cmocka_unit_test(test_in_place),
    };
    return cmocka_run_group_tests_name("vecmath", tests, NULL, NULL);
}
