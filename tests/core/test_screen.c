/* screen.h: which samples libsvm is given, and that its answer on them meets the conditions on all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/error.h"
#include "core/rng.h"
#include "svm/gram.h"
#include "svm/screen.h"

#include <math.h>
#include <stdlib.h>

enum { N = 1600, FEATURES = 2 };

static const Kernel kernel = { .kind = &kernel_rbf, .gamma = 0.5 };

typedef struct Case {
    float x[N * FEATURES];
    int8_t side[N];
    double alpha[N];
    float *values;
    BinaryProblem problem;
    Screen screen;
} Case;

/* Two clouds `apart`, of which every tenth sample takes no part. */
static Case *case_new(double apart) {
    Case *c = calloc(1, sizeof *c);
    Rng rng;
    Error err;
    rng_seed(&rng, 3);
    for (int i = 0; i < N; i++) {
        bool positive = rng_uniform(&rng) < 0.3;
        c->side[i] = i % 10 == 9 ? 0 : positive ? 1 : -1;
        for (int k = 0; k < FEATURES; k++)
            c->x[i * FEATURES + k] = (float)(rng_normal(&rng) + (positive ? apart : 0));
    }
    c->values = gram_values(&kernel, &(Batch){ c->x, N, FEATURES, "test" }, &err);
    assert_non_null(c->values);
    assert_true(screen_init(&c->screen, N));
    c->screen.scratch = libsvm_scratch_new(N, 1);
    assert_non_null(c->screen.scratch);
    c->problem = (BinaryProblem){
        .side = c->side, .C = 10, .positive = 2, .negative = 1, .tolerance = 1e-3, .alpha = c->alpha
    };
    return c;
}

static void case_free(Case *c) {
    libsvm_scratch_free(c->screen.scratch);
    screen_clear(&c->screen);
    gram_free(c->values);
    free(c);
}

static Screened solve(Case *c) {
    return screen_solve(c->values, N, &c->problem, &c->screen);
}

/* By how much the conditions are violated, over all samples. */
static double violation(const Case *c) {
    double most = -INFINITY, least = INFINITY;
    for (size_t t = 0; t < N; t++) {
        double error = c->side[t], bound = c->side[t] > 0 ? 2 * c->problem.C : c->problem.C;
        for (size_t s = 0; s < N; s++)
            error -= c->alpha[s] * (double)c->values[s * N + t];
        double a = c->side[t] * c->alpha[t];
        if (c->side[t] == 0) {
            assert_true(c->alpha[t] == 0);
            continue;
        }
        assert_true(a >= 0 && a <= bound);
        if (c->side[t] > 0 ? a < bound : a > 0)
            most = fmax(most, error);
        if (c->side[t] > 0 ? a > 0 : a < bound)
            least = fmin(least, error);
    }
    return most - least;
}

static size_t supports(const Case *c) {
    size_t count = 0;
    for (size_t t = 0; t < N; t++)
        count += c->alpha[t] != 0;
    return count;
}

/* At C = 10 the rough solution misses samples that violate the conditions after libsvm's. */
static void test_solved(void **state) {
    (void)state;
    for (double C = 1; C <= 100; C *= 10) {
        Case *c = case_new(2);
        c->problem.C = C;
        assert_int_equal(solve(c), SCREEN_SOLVED);
        assert_true(violation(c) < 1.001 * c->problem.tolerance);
        assert_true(supports(c) > 0 && c->screen.samples < N / 2);
        case_free(c);
    }
}

/* What lies on one another is nearly all support vectors. */
static void test_left(void **state) {
    (void)state;
    Case *c = case_new(0.1);
    assert_int_equal(solve(c), SCREEN_LEFT);
    case_free(c);
}

static bool at_once(void *context) {
    (void)context;
    return true;
}

static void test_stopped(void **state) {
    (void)state;
    Case *c = case_new(2);
    c->screen.stop = at_once;
    assert_int_equal(solve(c), SCREEN_STOPPED);
    case_free(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_solved),
        cmocka_unit_test(test_left),
        cmocka_unit_test(test_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
