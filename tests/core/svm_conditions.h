/* svm_conditions.h — the Karush-Kuhn-Tucker conditions of a binary problem's answer, for tests:
 * within the box, Σ alpha = 0, margins as the box says. */
#ifndef PERIGEE_TESTS_SVM_CONDITIONS_H
#define PERIGEE_TESTS_SVM_CONDITIONS_H

#include "core/rng.h"
#include "svm/binary_problem.h"

#include <math.h>

#include <cmocka.h>

/* `f` is the decision function of the n samples, computed anew. */
static inline void assert_conditions(const BinaryProblem *problem, size_t n, const double *f,
                                     double tolerance) {
    double sum = 0, largest = 1;
    for (size_t t = 0; t < n; t++) {
        double a = problem->side[t] * problem->alpha[t], bound = problem_bound(problem, t);
        double margin = problem->side[t] * f[t];
        sum += problem->alpha[t];
        largest = fmax(largest, bound);
        if (problem->side[t] == 0) {
            assert_true(problem->alpha[t] == 0);
            continue;
        }
        assert_true(a >= 0 && a <= bound);
        assert_true(a > 0 || margin > 1 - tolerance);
        assert_true(a < bound || margin < 1 + tolerance);
        assert_true(a == 0 || a == bound || fabs(margin - 1) < tolerance);
    }
    assert_true(fabs(sum) < 1e-8 * largest);
}

/* Sample i of a set with one feature and few values, of which a small C leaves no beta free with a
 * linear kernel: the few samples at the edge of each value bound b alone. */
static inline float few_values_x(Rng *rng, size_t i) {
    return (float)(0.01 * rng_uniform(rng)) + (i % 8 == 0 ? 2 : i % 8 == 1 ? 1 : 0);
}

static inline int8_t few_values_side(size_t i) {
    return i % 8 == 0 ? 1 : -1;
}

#endif
