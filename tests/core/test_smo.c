#include "core/error.h"
#include "core/rng.h"
#include "svm/smo.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N = 203, FEATURES = 3 }; /* not a multiple of any register */

/* Two noisy clouds and their RBF Gram matrix. */
typedef struct Case {
    float gram[N * N];
    int8_t y[N];
    double C[N], beta[N];
} Case;

static Case *new_case(uint64_t seed, double C, double gamma) {
    Case *c = calloc(1, sizeof *c);
    double x[N][FEATURES];
    Rng rng;
    assert_non_null(c);
    rng_seed(&rng, seed);
    for (size_t i = 0; i < N; i++) {
        c->y[i] = i % 3 == 0 ? 1 : -1;
        c->C[i] = C;
        for (size_t k = 0; k < FEATURES; k++)
            x[i][k] = rng_normal(&rng) + 0.7 * c->y[i];
    }
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++) {
            double squared = 0;
            for (size_t k = 0; k < FEATURES; k++)
                squared += (x[i][k] - x[j][k]) * (x[i][k] - x[j][k]);
            c->gram[i * N + j] = (float)exp(-gamma * squared);
        }
    return c;
}

static SmoSolution solve_as(Case *c, double tolerance, bool coarse) {
    SmoProblem problem = { c->gram, N, N, c->y, c->C, tolerance, NULL, NULL, NULL };
    problem.coarse = coarse;
    SmoSolution solution = { .beta = c->beta };
    Error err = { 0 };
    assert_true(smo_solve(&problem, &solution, &err));
    assert_true(solution.converged);
    return solution;
}

static SmoSolution solve(Case *c, double tolerance) {
    return solve_as(c, tolerance, false);
}

/* K beta by plain sums, in double. */
static double row_product(const Case *c, size_t t) {
    double sum = 0;
    for (size_t s = 0; s < N; s++)
        sum += (double)c->gram[t * N + s] * c->beta[s];
    return sum;
}

static void check_conditions(const Case *c, const SmoSolution *solution, double tolerance) {
    double total = 0, objective = 0;
    for (size_t t = 0; t < N; t++) {
        double alpha = c->y[t] * c->beta[t], product = row_product(c, t);
        double margin = c->y[t] * (product + solution->b);
        assert_true(alpha >= 0 && alpha <= c->C[t]);
        if (c->C[t] > 0 && alpha == 0)
            assert_true(margin > 1 - tolerance);
        else if (alpha > 0 && alpha == c->C[t])
            assert_true(margin < 1 + tolerance);
        else if (alpha > 0)
            assert_true(fabs(margin - 1) < tolerance);
        total += c->beta[t];
        objective += 0.5 * c->beta[t] * product - c->y[t] * c->beta[t];
    }
    assert_true(fabs(total) < 1e-9);
    assert_true(fabs(objective - solution->objective) < 1e-6 * fabs(objective));
}

static void two_points_have_a_closed_form(void **state) {
    (void)state;
    /* x = +1 and −1 with the linear kernel: beta = ±1/2, f(x) = x. */
    const float gram[] = { 1, -1, -1, 1 };
    const int8_t y[] = { 1, -1 };
    const double C[] = { 10, 10 };
    double beta[2];
    SmoProblem problem = { gram, 2, 2, y, C, 1e-6, NULL, NULL, NULL };
    SmoSolution solution = { .beta = beta };
    assert_true(smo_solve(&problem, &solution, NULL));
    assert_true(fabs(beta[0] - 0.5) < 1e-9 && fabs(beta[1] + 0.5) < 1e-9);
    assert_true(fabs(solution.b) < 1e-9);
    assert_true(fabs(solution.objective + 0.5) < 1e-9);
}

static void a_solution_meets_the_kkt_conditions(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        Case *c = new_case(seed, seed % 2 ? 10 : 0.5, 0.3);
        SmoSolution solution = solve(c, 1e-3);
        check_conditions(c, &solution, 2e-3);
        free(c);
    }
}

static void coarse_errors_solve_as_well(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        double C = seed % 2 ? 10 : 0.5;
        Case *fine = new_case(seed, C, 0.3), *c = new_case(seed, C, 0.3);
        SmoSolution exact = solve(fine, 1e-3), solution = solve_as(c, 1e-3, true);
        double total = 0;
        for (size_t t = 0; t < N; t++)
            total += c->beta[t] * (0.5 * row_product(c, t) - c->y[t]);
        assert_true(fabs(total - exact.objective) < 1e-4 * fabs(exact.objective));
        for (size_t t = 0; t < N; t++) {
            double margin = c->y[t] * (row_product(c, t) + solution.b), alpha = fabs(c->beta[t]);
            assert_true(alpha == 0 || margin < 1 + 1.1e-3);
            assert_true(alpha == C || margin > 1 - 1.1e-3);
        }
        free(fine);
        free(c);
    }
}

static void left_out_samples_change_nothing(void **state) {
    (void)state;
    Case *all = new_case(7, 5, 0.4), *part = new_case(7, 5, 0.4);
    size_t kept = N - 40;
    for (size_t t = kept; t < N; t++)
        all->C[t] = 0;
    SmoSolution masked = solve(all, 1e-6);
    double beta[N];
    SmoProblem problem = { part->gram, kept, N, part->y, part->C, 1e-6, NULL, NULL, NULL };
    SmoSolution alone = { .beta = beta };
    assert_true(smo_solve(&problem, &alone, NULL));
    assert_true(fabs(masked.objective - alone.objective) < 1e-6);
    assert_true(fabs(masked.b - alone.b) < 1e-5);
    for (size_t t = kept; t < N; t++)
        assert_true(all->beta[t] == 0);
    free(all);
    free(part);
}

static void one_class_alone_is_decided_by_b(void **state) {
    (void)state;
    Case *c = new_case(3, 1, 0.5);
    memset(c->y, 1, sizeof c->y);
    SmoSolution solution = solve(c, 1e-3);
    assert_true(solution.b == 1 && solution.objective == 0);
    free(c);
}

/* Three orthogonal points whose penalties are too small for any margin: b lies midway between the
 * errors that the bound ones allow, 1 − 1/4 from above and −1 + 3/8 from below. */
static void b_without_a_free_vector(void **state) {
    (void)state;
    const float gram[] = { 1, 0, 0, 0, 1, 0, 0, 0, 1 };
    const int8_t y[] = { 1, 1, -1 };
    const double C[] = { 0.125, 0.25, 0.375 };
    double beta[3];
    SmoProblem problem = { gram, 3, 3, y, C, 1e-6, NULL, NULL, NULL };
    SmoSolution solution = { .beta = beta };
    assert_true(smo_solve(&problem, &solution, NULL));
    assert_true(beta[0] == C[0] && beta[1] == C[1] && beta[2] == -C[2]);
    assert_float_equal(solution.b, 0.0625, 1e-15);
}

static bool stop_at_once(void *calls) {
    ++*(int *)calls;
    return true;
}

static void a_stop_is_obeyed_and_told(void **state) {
    (void)state;
    Case *c = new_case(5, 1e4, 3);
    int calls = 0;
    SmoProblem problem = { c->gram, N, N, c->y, c->C, 1e-12, stop_at_once, &calls, NULL };
    SmoSolution solution = { .beta = c->beta };
    assert_true(smo_solve(&problem, &solution, NULL));
    assert_true(calls == 1 || solution.converged);
    free(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_points_have_a_closed_form),
        cmocka_unit_test(a_solution_meets_the_kkt_conditions),
        cmocka_unit_test(coarse_errors_solve_as_well),
        cmocka_unit_test(left_out_samples_change_nothing),
        cmocka_unit_test(one_class_alone_is_decided_by_b),
        cmocka_unit_test(b_without_a_free_vector),
        cmocka_unit_test(a_stop_is_obeyed_and_told),
    };
    return cmocka_run_group_tests_name("smo", tests, NULL, NULL);
}
