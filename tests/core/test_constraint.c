/* Projections against closed forms and brute force, rounding, and the checks of bounds. */
#include "attack/constraint.h"
#include "core/error.h"
#include "core/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { D = 40 };

static Constraint make(Norm norm, double dmax, size_t features) {
    return (Constraint){ .norm = norm, .dmax = dmax, .features = features, .low = 0, .high = 1 };
}

static int descending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* The algorithm of Duchi et al. with its sorting, as the paper writes it. */
static void l1_by_sorting(const double *v, size_t n, double radius, double *out) {
    double u[D], sum = 0, threshold = 0;
    for (size_t j = 0; j < n; j++)
        u[j] = fabs(v[j]);
    qsort(u, n, sizeof *u, descending);
    for (size_t j = 0; j < n; j++) {
        sum += u[j];
        if (u[j] - (sum - radius) / (double)(j + 1) > 0)
            threshold = (sum - radius) / (double)(j + 1);
    }
    for (size_t j = 0; j < n; j++)
        out[j] = copysign(fmax(fabs(v[j]) - threshold, 0), v[j]);
}

static void test_l1_is_the_sorted_algorithm(void **state) {
    (void)state;
    Rng rng;
    rng_seed(&rng, 4);
    for (int round = 0; round < 300; round++) {
        float x0[D] = { 0 };
        double x[D], expected[D], radius = 0.01 + 5 * rng_uniform(&rng);
        for (size_t j = 0; j < D; j++)
            x[j] = rng_below(&rng, 3) ? rng_normal(&rng) : 0.5; /* ties too */
        double before = norm_of(NORM_L1, x, D);
        l1_by_sorting(x, D, radius, expected);
        Constraint ball = make(NORM_L1, radius, D);
        ball_project(&ball, x0, x);
        for (size_t j = 0; before > radius && j < D; j++)
            assert_true(fabs(x[j] - expected[j]) < 1e-12);
        assert_true(norm_of(NORM_L1, x, D) <= radius + 1e-12);
    }
}

/* In the plane the nearest point can be looked for on a fine net of the ball's border. */
static void test_l1_is_nearest(void **state) {
    (void)state;
    Constraint ball = make(NORM_L1, 1, 2);
    float x0[2] = { 0.5F, -0.25F };
    double x[2] = { 2.0, 0.1 }, from[2] = { 2.0, 0.1 };
    ball_project(&ball, x0, x);
    double ours = hypot(x[0] - from[0], x[1] - from[1]), best = 1e9;
    for (int i = -10000; i <= 10000; i++) {
        double a = i / 10000.0, b = 1 - fabs(a);
        for (int sign = -1; sign <= 1; sign += 2)
            best = fmin(best, hypot(x0[0] + a - from[0], x0[1] + sign * b - from[1]));
    }
    assert_true(fabs(ours - best) < 1e-4);
}

static void test_l2_and_linf(void **state) {
    (void)state;
    float x0[2] = { 1, 1 };
    double x[2] = { 4, 5 }, y[2] = { 4, 0.5 }, inside[2] = { 1.1, 1.2 };
    Constraint l2 = make(NORM_L2, 2.5, 2), linf = make(NORM_LINF, 2, 2);
    ball_project(&l2, x0, x); /* 5 away, along (0.6, 0.8) */
    assert_true(fabs(x[0] - (1 + 0.6 * (2.5 - 1e-6))) < 1e-12);
    assert_true(fabs(x[1] - (1 + 0.8 * (2.5 - 1e-6))) < 1e-12);
    ball_project(&linf, x0, y);
    assert_true(y[0] == 3 && y[1] == 0.5);
    ball_project(&l2, x0, inside);
    assert_true(inside[0] == 1.1 && inside[1] == 1.2);
}

static void test_radius_zero(void **state) {
    (void)state;
    for (int norm = NORM_L1; norm <= NORM_LINF; norm++) {
        Constraint ball = make((Norm)norm, 0, 3);
        float x0[3] = { 0.25F, 0.5F, 0.75F };
        double x[3] = { 1, -1, 0.5 };
        ball_project(&ball, x0, x);
        for (int j = 0; j < 3; j++)
            assert_true(x[j] == (double)x0[j]);
    }
}

static void test_box_of_each_feature(void **state) {
    (void)state;
    float lower[3] = { 0, -1, 0.5F }, upper[3] = { 1, 1, 0.6F };
    double x[3] = { -0.5, 0.25, 2 };
    Constraint box = make(NORM_L2, INFINITY, 3);
    box.lower = lower;
    box.upper = upper;
    assert_false(box_holds(&box, x));
    box_project(&box, x);
    assert_true(x[0] == 0 && x[1] == 0.25 && x[2] == (double)0.6F);
    assert_true(box_holds(&box, x));
}

/* Stored points obey the ball exactly and keep the box, whatever float32 does to them. */
static void test_stored_points_stay_inside(void **state) {
    (void)state;
    Rng rng;
    rng_seed(&rng, 9);
    for (int round = 0; round < 300; round++) {
        Constraint c = make((Norm)(round % 3), 0.1 + rng_uniform(&rng), D);
        float x0[D], out[D];
        double x[D];
        for (size_t j = 0; j < D; j++) {
            x0[j] = (float)rng_uniform(&rng);
            x[j] = (double)x0[j] + rng_normal(&rng);
        }
        box_project(&c, x);
        ball_project(&c, x0, x);
        constraint_store(&c, x0, x, out);
        assert_true(norm_distance(c.norm, out, x0, D) <= c.dmax * (1 + 1e-14));
        for (size_t j = 0; j < D; j++) {
            assert_true(out[j] >= 0 && out[j] <= 1);
            assert_true(fabs((double)out[j] - x[j]) < 1e-7);
        }
    }
}

/* Feature by feature: never farther from x0 than before rounding, and at most one step from
 * nearest; around powers of two and within a unit of x0 as well. */
static void test_rounding_goes_towards_the_sample(void **state) {
    (void)state;
    Rng rng;
    rng_seed(&rng, 11);
    Constraint c = make(NORM_LINF, 1, D);
    for (int round = 0; round < 2000; round++) {
        float x0[D], out[D];
        double x[D];
        for (size_t j = 0; j < D; j++) {
            float base = ldexpf(1, (int)rng_below(&rng, 12) - 10);
            x0[j] = j % 2 ? base : base * (float)(2 * rng_uniform(&rng) - 1);
            double away = ldexp(rng_normal(&rng), -(int)rng_below(&rng, 32));
            x[j] = (double)x0[j] * (1 + away);
        }
        constraint_store(&c, x0, x, out);
        for (size_t j = 0; j < D; j++) {
            float nearest = (float)x[j];
            assert_true(fabs((double)out[j] - (double)x0[j]) <= fabs(x[j] - (double)x0[j]));
            float next = nextafterf(nearest, x0[j]), after = nextafterf(next, x0[j]);
            assert_true(out[j] == nearest || out[j] == next || out[j] == after);
        }
    }
}

static void test_check(void **state) {
    (void)state;
    Error err;
    float x[4] = { 0, 0.5F, 1, 2.5F };
    Constraint c = make(NORM_L2, 1, 2);
    assert_true(constraint_check(&c, &(Batch){ x, 1, c.features, "attack.pgd" }, &err));
    assert_false(constraint_check(&c, &(Batch){ x, 2, c.features, "attack.pgd" }, &err));
    assert_non_null(strstr(err.message, "sample 2: feature 2 is 2.5"));
    x[3] = NAN;
    assert_false(constraint_check(&c, &(Batch){ x, 2, c.features, "attack.pgd" }, &err));
    c.low = 2;
    assert_false(constraint_check(&c, &(Batch){ x, 1, c.features, "attack.pgd" }, &err));
    assert_non_null(strstr(err.message, "lower 2"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_l1_is_the_sorted_algorithm),
        cmocka_unit_test(test_l1_is_nearest),
        cmocka_unit_test(test_l2_and_linf),
        cmocka_unit_test(test_radius_zero),
        cmocka_unit_test(test_box_of_each_feature),
        cmocka_unit_test(test_stored_points_stay_inside),
        cmocka_unit_test(test_rounding_goes_towards_the_sample),
        cmocka_unit_test(test_check),
    };
    return cmocka_run_group_tests_name("constraint", tests, NULL, NULL);
}
