/* screen.h: which samples libsvm is given, and that its answer on them meets the conditions on all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "svm_conditions.h"

#include "core/error.h"
#include "svm/gram.h"
#include "svm/screen.h"
#include "svm/solver.h"

#include <stdlib.h>

enum { N = 1600, FEATURES = 2 };

static const double TOLERANCE = 1e-3;

typedef struct Case {
    Kernel kernel;
    float x[N * FEATURES];
    int8_t side[N];
    double alpha[N];
    float *values;
    BinaryProblem problem;
    Screen screen;
} Case;

static void make_ready(Case *c, double C) {
    Error err;
    c->values = gram_values(&c->kernel, &(Batch){ c->x, N, FEATURES, "test" }, &err);
    assert_non_null(c->values);
    assert_true(screen_init(&c->screen, c->values, N));
    c->screen.scratch = libsvm_scratch_new(N, 1);
    assert_non_null(c->screen.scratch);
    c->problem = (BinaryProblem){ .side = c->side,
                                  .C = C,
                                  .positive = 2,
                                  .negative = 1,
                                  .tolerance = TOLERANCE,
                                  .alpha = c->alpha };
}

/* Two clouds `apart`, of which every tenth sample takes no part. */
static Case *new_clouds(double apart, double C) {
    Case *c = calloc(1, sizeof *c);
    Rng rng;
    rng_seed(&rng, 3);
    for (int i = 0; i < N; i++) {
        bool positive = rng_uniform(&rng) < 0.3;
        c->side[i] = i % 10 == 9 ? 0 : positive ? 1 : -1;
        for (int k = 0; k < FEATURES; k++)
            c->x[i * FEATURES + k] = (float)(rng_normal(&rng) + (positive ? apart : 0));
    }
    c->kernel = (Kernel){ .kind = &kernel_rbf, .gamma = 0.5 };
    make_ready(c, C);
    return c;
}

static Case *new_few_values(double C) {
    Case *c = calloc(1, sizeof *c);
    Rng rng;
    rng_seed(&rng, 3);
    for (size_t i = 0; i < N; i++) {
        c->side[i] = few_values_side(i);
        c->x[i * FEATURES] = few_values_x(&rng, i);
    }
    c->kernel = kernel_of(&kernel_linear);
    make_ready(c, C);
    c->problem.positive = 1;
    return c;
}

static void case_free(Case *c) {
    libsvm_scratch_free(c->screen.scratch);
    screen_clear(&c->screen);
    gram_free(c->values);
    free(c);
}

static Screened solve(Case *c) {
    return screen_solve(&c->screen, &c->problem);
}

static void check_conditions(const Case *c) {
    double *f = malloc(N * sizeof *f);
    for (size_t t = 0; t < N; t++) {
        f[t] = c->problem.b;
        for (size_t s = 0; s < N; s++)
            f[t] += c->alpha[s] * (double)c->values[s * N + t];
    }
    assert_conditions(&c->problem, N, f, 1.001 * TOLERANCE);
    free(f);
}

/* At C = 10 the rough solution misses samples that violate the conditions after libsvm's. */
static void test_solved(void **state) {
    (void)state;
    for (double C = 1; C <= 100; C *= 10) {
        Case *c = new_clouds(2, C);
        assert_int_equal(solve(c), SCREEN_SOLVED);
        assert_true(c->screen.samples > 0 && c->screen.samples < N / 2);
        check_conditions(c);
        case_free(c);
    }
}

/* Libsvm is not given the samples that bound b. */
static void test_no_free_beta(void **state) {
    (void)state;
    for (double C = 5e-4; C < 3e-3; C *= 2) {
        Case *c = new_few_values(C);
        assert_int_equal(solve(c), SCREEN_SOLVED);
        check_conditions(c);
        case_free(c);
    }
}

/* What lies on one another is nearly all support vectors. */
static void test_left(void **state) {
    (void)state;
    Case *c = new_clouds(0.1, 10);
    assert_int_equal(solve(c), SCREEN_LEFT);
    case_free(c);
}

/* A problem that is solved on some samples, and one that most samples matter to. */
static void test_both_ways(void **state) {
    (void)state;
    Case *easy = new_clouds(2, 10), *hard = new_clouds(2, 10);
    Rng rng;
    Error err;
    rng_seed(&rng, 4);
    for (size_t i = 0; i < N; i++)
        hard->side[i] = rng_uniform(&rng) < 0.5 ? 1 : -1;
    SolverMatrix matrix = { .kind = SOLVER_LIBSVM, .n = N };
    float *values = gram_values(&easy->kernel, &(Batch){ easy->x, N, FEATURES, "test" }, &err);
    assert_non_null(values);
    solver_matrix_take(&matrix, &values);
    BinaryProblem problem[] = { hard->problem, easy->problem };
    SolverTask task = { &matrix, problem, 2, false };
    Progress progress = progress_new();
    progress_interrupt();
    assert_true(solver_solve("test", &task, &progress, &err));
    assert_false(task.solved);
    progress_clear_interrupt();
    assert_int_equal(progress.depth, 0);
    assert_null(matrix.nodes.cells);
    assert_true(solver_solve("test", &task, NULL, &err));
    assert_true(task.solved && matrix.nodes.cells);
    hard->problem.b = problem[0].b;
    easy->problem.b = problem[1].b;
    check_conditions(hard);
    check_conditions(easy);
    assert_int_equal(solve(easy), SCREEN_SOLVED);
    assert_true(easy->problem.b == problem[1].b);
    solver_matrix_clear(&matrix);
    case_free(easy);
    case_free(hard);
}

static bool at_once(void *context) {
    (void)context;
    return true;
}

static void test_stopped(void **state) {
    (void)state;
    Case *c = new_clouds(2, 10);
    c->screen.stop = at_once;
    assert_int_equal(solve(c), SCREEN_STOPPED);
    case_free(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_solved),  cmocka_unit_test(test_no_free_beta),
        cmocka_unit_test(test_left),    cmocka_unit_test(test_both_ways),
        cmocka_unit_test(test_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
