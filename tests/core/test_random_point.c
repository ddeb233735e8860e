/* Random points of the balls: where they may be, and how they are spread. */
#include "attack/random_point.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

enum { DRAWS = 20000, MOST = 7 };

/* Sums over draws of norm, radius to the power n, features and their squares. */
typedef struct Spread {
    double largest, smallest, power, mean[MOST], square[MOST], fourth[MOST];
} Spread;

static Spread spread_of(Norm norm, size_t n, bool direction) {
    Spread spread = { .smallest = INFINITY };
    Rng rng;
    rng_seed(&rng, 11 + n);
    for (size_t k = 0; k < DRAWS; k++) {
        double delta[MOST];
        if (direction)
            random_direction(norm, n, &rng, delta);
        else
            random_in_ball(norm, n, &rng, delta);
        double radius = norm_of(norm, delta, n);
        spread.largest = fmax(spread.largest, radius);
        spread.smallest = fmin(spread.smallest, radius);
        spread.power += pow(radius, (double)n) / DRAWS;
        for (size_t j = 0; j < n; j++) {
            spread.mean[j] += delta[j] / DRAWS;
            spread.square[j] += delta[j] * delta[j] / DRAWS;
            spread.fourth[j] += pow(delta[j], 4) / DRAWS;
        }
    }
    return spread;
}

/* E δ_j² of a point that is uniform in the unit ball (on its surface: directions). */
static double second_moment(Norm norm, double n, bool direction) {
    if (norm == NORM_L1)
        return direction ? 2 / (n * (n + 1)) : 2 / ((n + 1) * (n + 2));
    if (norm == NORM_L2)
        return direction ? 1 / n : 1 / (n + 2);
    return direction ? 1 : 1. / 3;
}

/* E δ_j⁴: what tells a sphere from a cube that is cut round. */
static double fourth_moment(Norm norm, double n, bool direction) {
    if (norm == NORM_L1)
        return 24 / ((n + 1) * (n + 2) * (n + 3)) / (direction ? n : n + 4);
    if (norm == NORM_L2)
        return 3 / (n + 2) / (direction ? n : n + 4);
    return direction ? 1 : 1. / 5;
}

static void check_spread(Norm norm, size_t n, bool direction) {
    const double five_sigma = 5 / sqrt(DRAWS);
    Spread spread = spread_of(norm, n, direction);
    double expected = second_moment(norm, (double)n, direction);
    double fourth = fourth_moment(norm, (double)n, direction);
    for (size_t j = 0; j < n; j++) {
        assert_true(fabs(spread.mean[j]) < five_sigma * sqrt(expected));
        /* A feature's size is below 1: the variance of its square is below its mean. */
        assert_true(fabs(spread.square[j] - expected) < five_sigma * sqrt(expected));
        assert_true(fabs(spread.square[j] - expected) < 0.1 * expected);
        assert_true(fabs(spread.fourth[j] - fourth) < 0.15 * fourth);
    }
    assert_true(spread.largest <= 1 + 1e-12);
    if (direction)
        assert_true(spread.smallest >= 1 - 1e-12);
    else /* radius^n is uniform */
        assert_true(fabs(spread.power - 0.5) < five_sigma / sqrt(12));
}

static void test_directions(void **state) {
    (void)state;
    for (int norm = NORM_L1; norm <= NORM_LINF; norm++)
        for (size_t n = 1; n <= MOST; n += 2)
            check_spread((Norm)norm, n, true);
}

static void test_points_of_the_ball(void **state) {
    (void)state;
    for (int norm = NORM_L1; norm <= NORM_LINF; norm++)
        for (size_t n = 1; n <= MOST; n += 2)
            check_spread((Norm)norm, n, false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_directions),
        cmocka_unit_test(test_points_of_the_ball),
    };
    return cmocka_run_group_tests_name("random_point", tests, NULL, NULL);
}
