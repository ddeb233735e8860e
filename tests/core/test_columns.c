/* Tests of plot/columns.h: text, ranges, and what thinning keeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/error.h"
#include "plot/columns.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MILLION = 1000000, CELLS = 500 };

static void test_text(void **state) {
    (void)state;
    const double x[] = { 1, -2.5, 1e300 }, y[] = { NAN, INFINITY, 0.1 };
    const double *columns[] = { x, y };
    Error err = { 0 };
    char *text = columns_text(columns, 2, NULL, 3, &err);
    assert_string_equal(text, "1 NaN\n-2.5 NaN\n1e+300 0.1");
    free(text);
    const size_t keep[] = { 2 };
    text = columns_text(columns, 2, keep, 1, &err);
    assert_string_equal(text, "1e+300 0.1");
    free(text);
    text = columns_text(columns, 2, NULL, 0, &err);
    assert_string_equal(text, "");
    free(text);
}

static void test_matrix_text(void **state) {
    (void)state;
    const double x[] = { 1, NAN, 0.1, -2.5, 1e300, INFINITY };
    Error err = { 0 };
    char *text = columns_matrix_text(x, 2, 3, &err);
    assert_string_equal(text, "1 NaN 0.1\n-2.5 1e+300 NaN");
    free(text);
    text = columns_matrix_text(x, 2, 0, &err);
    assert_string_equal(text, "\n");
    free(text);
    text = columns_matrix_text(x, 0, 3, &err);
    assert_string_equal(text, "");
    free(text);
}

static void test_range(void **state) {
    (void)state;
    const double x[] = { NAN, 3, -1, INFINITY, 0.5, 0 };
    double low = 7, high = 7;
    assert_true(columns_range(x, 6, false, &low, &high));
    assert_true(low == -1 && high == 3);
    assert_true(columns_range(x, 6, true, &low, &high));
    assert_true(low == 0.5 && high == 3);
    assert_false(columns_range(x, 1, false, &low, &high));
}

/* A million noisy points with one outlier each way: both stay, the ends stay, and in each column of
 * pixels the extremes are those of all its points. */
static void test_line(void **state) {
    (void)state;
    double *x = malloc(MILLION * sizeof *x), *y = malloc(MILLION * sizeof *y);
    size_t *keep = malloc(MILLION * sizeof *keep);
    for (size_t i = 0; i < MILLION; i++) {
        x[i] = (double)i;
        y[i] = sin(0.37 * (double)i) + 1e-6 * (double)(i * 7919 % 1000);
    }
    y[123456] = 50;
    y[654321] = -50;
    PlotAxis axis = { 0, MILLION, false, CELLS };
    size_t kept = columns_thin_line(x, y, MILLION, &axis, keep);
    assert_true(kept <= 4 * (CELLS + 2));
    assert_int_equal(keep[0], 0);
    assert_int_equal(keep[kept - 1], MILLION - 1);
    double low[CELLS + 1], high[CELLS + 1];
    for (size_t c = 0; c <= CELLS; c++)
        low[c] = HUGE_VAL, high[c] = -HUGE_VAL;
    for (size_t k = 0; k < kept; k++) {
        size_t c = keep[k] / (MILLION / CELLS);
        assert_true(k == 0 || keep[k] > keep[k - 1]);
        low[c] = fmin(low[c], y[keep[k]]);
        high[c] = fmax(high[c], y[keep[k]]);
    }
    for (size_t i = 0; i < MILLION; i++)
        if (y[i] < low[i / (MILLION / CELLS)] || y[i] > high[i / (MILLION / CELLS)])
            fail_msg("point %zu lies outside of what is kept", i);
    free(x), free(y), free(keep);
}

static void test_gaps(void **state) {
    (void)state;
    const double x[] = { 0, 1, 2, 3, 4, 5 }, y[] = { 1, NAN, NAN, 2, 3, INFINITY };
    size_t keep[6];
    PlotAxis axis = { 0, 5, false, 1 };
    assert_int_equal(columns_thin_line(x, y, 6, &axis, keep), 5);
    const size_t expected[] = { 0, 1, 3, 4, 5 };
    assert_memory_equal(keep, expected, sizeof expected);
}

static void test_log_axis(void **state) {
    (void)state;
    double x[1000], y[1000];
    size_t keep[1000];
    for (size_t i = 0; i < 1000; i++)
        x[i] = pow(10, (double)i / 333), y[i] = 0;
    PlotAxis axis = { 1, 1000, true, 3 };
    size_t kept = columns_thin_line(x, y, 1000, &axis, keep);
    assert_true(kept >= 6 && kept <= 8); /* two or three of each decade */
    assert_int_equal(keep[2] / 333, 1);
}

static void test_points(void **state) {
    (void)state;
    const double x[] = { 0.1, 0.11, 0.9, NAN, -5, -6, 0.1 }, y[] = { 0.1, 0.12, 0.9, 0, 0, 0, 0.9 };
    size_t keep[7];
    PlotAxis axes[2] = { { 0, 1, false, 2 }, { 0, 1, false, 2 } };
    const size_t expected[] = { 0, 2, 4, 6 };
    assert_int_equal(columns_thin_points(x, y, 7, axes, keep), 4);
    assert_memory_equal(keep, expected, sizeof expected);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),   cmocka_unit_test(test_matrix_text),
        cmocka_unit_test(test_range),  cmocka_unit_test(test_line),
        cmocka_unit_test(test_gaps),   cmocka_unit_test(test_log_axis),
        cmocka_unit_test(test_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
