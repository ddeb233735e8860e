/* solver.h: the layout that libsvm reads, both solvers' answers against the problem's own
 * conditions and against libsvm trained without us. This test speaks to libsvm itself for that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "svm_conditions.h"

#include "core/error.h"
#include "core/rng.h"
#include "svm/gram.h"
#include "svm/solver.h"
#include "svm/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#if __has_include(<libsvm/svm.h>)
#include <libsvm/svm.h>
#else
#include <svm.h>
#endif

enum { N = 301, FEATURES = 4, PROBLEMS = 6 }; /* odd: the last row of the layout has no partner */

static const Kernel kernel = { .kind = &kernel_rbf, .gamma = 0.4 };

typedef struct Case {
    float x[N * FEATURES];
    int8_t side[PROBLEMS][N];
    double alpha[PROBLEMS][N];
    BinaryProblem problem[PROBLEMS];
    SolverMatrix matrix;
} Case;

/* Problem 0: two clouds; 1: its sides exchanged; 2 and 3: a third left out; 4, 5: weighted. */
static Case *case_new(SolverKind kind) {
    Case *c = calloc(1, sizeof *c);
    Rng rng;
    Error err;
    rng_seed(&rng, 11);
    for (int i = 0; i < N; i++) {
        bool positive = rng_uniform(&rng) < 0.4;
        for (int k = 0; k < FEATURES; k++)
            c->x[i * FEATURES + k] = (float)(rng_normal(&rng) + (positive ? 0.6 : -0.3));
        for (int p = 0; p < PROBLEMS; p++) {
            c->side[p][i] = positive == (p != 1) ? 1 : -1;
            if ((p == 2 && i % 3 == 0) || (p == 3 && i % 3 == 1))
                c->side[p][i] = 0;
        }
    }
    for (int p = 0; p < PROBLEMS; p++)
        c->problem[p] = (BinaryProblem){ .side = c->side[p],
                                         .C = 2,
                                         .positive = p == 4 ? 3 : 1,
                                         .negative = p == 5 ? 0.25 : 1,
                                         .tolerance = 1e-4,
                                         .alpha = c->alpha[p] };
    float *values = gram_values(&kernel, &(Batch){ c->x, N, FEATURES, "test" }, &err);
    assert_non_null(values);
    c->matrix = (SolverMatrix){ .kind = kind, .n = N };
    solver_matrix_take(&c->matrix, &values);
    assert_null(values);
    return c;
}

static void case_free(Case *c) {
    solver_matrix_clear(&c->matrix);
    free(c);
}

static double plain_kernel(const Case *c, size_t i, size_t j) {
    double sum = 0;
    for (size_t k = 0; k < FEATURES; k++) {
        double gap = (double)c->x[i * FEATURES + k] - c->x[j * FEATURES + k];
        sum += gap * gap;
    }
    return exp(-kernel.gamma * sum);
}

static double function(const Case *c, size_t p, size_t i) {
    double sum = c->problem[p].b;
    for (size_t j = 0; j < N; j++)
        sum += c->alpha[p][j] * plain_kernel(c, i, j);
    return sum;
}

static void solve(Case *c, size_t count) {
    SolverTask task = { &c->matrix, c->problem, count, false };
    Error err;
    assert_true(solver_solve("test", &task, NULL, &err));
    assert_true(task.solved);
}

static void test_layout(void **state) {
    SolverKind kind = *(const SolverKind *)*state;
    Case *c = case_new(kind);
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++)
            assert_true(fabs(solver_matrix_at(&c->matrix, i, j) - plain_kernel(c, i, j)) < 1e-6);
    case_free(c);
}

static void test_conditions(void **state) {
    SolverKind kind = *(const SolverKind *)*state;
    Case *c = case_new(kind);
    solve(c, PROBLEMS);
    for (size_t p = 0; p < PROBLEMS; p++) {
        double f[N];
        for (size_t i = 0; i < N; i++)
            f[i] = function(c, p, i);
        assert_conditions(&c->problem[p], N, f, 1e-3);
    }
    case_free(c);
}

static void test_signs(void **state) {
    SolverKind kind = *(const SolverKind *)*state;
    Case *c = case_new(kind);
    solve(c, 2);
    for (size_t i = 0; i < N; i += 10)
        assert_true(fabs(function(c, 0, i) + function(c, 1, i)) < 1e-3);
    case_free(c);
}

/* Together or alone, once or again: the same bits. */
static void test_repeats(void **state) {
    SolverKind kind = *(const SolverKind *)*state;
    Case *together = case_new(kind), *alone = case_new(kind);
    Error err;
    solve(together, PROBLEMS);
    for (size_t p = 0; p < PROBLEMS; p++) {
        SolverTask task = { &alone->matrix, &alone->problem[p], 1, false };
        assert_true(solver_solve("test", &task, NULL, &err));
        assert_true(task.solved && together->problem[p].b == alone->problem[p].b);
    }
    assert_memory_equal(together->alpha, alone->alpha, sizeof alone->alpha);
    case_free(together);
    case_free(alone);
}

static void print_nothing(const char *text) {
    (void)text;
}

/* The weighted problem as libsvm solves it with its own RBF kernel, and svm_predict_values. */
static void test_against_libsvm(void **state) {
    SolverKind kind = *(const SolverKind *)*state;
    Case *c = case_new(kind);
    solve(c, PROBLEMS);
    static struct svm_node node[N][FEATURES + 1];
    struct svm_node *row[N];
    double y[N];
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < FEATURES; k++)
            node[i][k] = (struct svm_node){ k + 1, c->x[i * FEATURES + k] };
        node[i][FEATURES].index = -1;
        row[i] = node[i];
        y[i] = c->side[4][i];
    }
    struct svm_problem problem = { N, y, row };
    struct svm_parameter parameter = { .svm_type = C_SVC,
                                       .kernel_type = RBF,
                                       .gamma = 0.4,
                                       .cache_size = 10,
                                       .eps = 1e-4,
                                       .C = 2,
                                       .nr_weight = 1,
                                       .weight_label = (int[]){ 1 },
                                       .weight = (double[]){ 3 },
                                       .shrinking = 1 };
    svm_set_print_string_function(print_nothing);
    struct svm_model *model = svm_train(&problem, &parameter);
    double sign = model->label[0] == 1 ? 1 : -1;
    for (size_t i = 0; i < N; i++) {
        double value;
        svm_predict_values(model, node[i], &value);
        assert_true(fabs(sign * value - function(c, 4, i)) < 1e-3);
    }
    svm_free_and_destroy_model(&model);
    case_free(c);
}

static void test_interrupt(void **state) {
    SolverKind kind = *(const SolverKind *)*state;
    Case *c = case_new(kind);
    Progress progress = progress_new();
    SolverTask task = { &c->matrix, c->problem, PROBLEMS, true };
    Error err;
    progress_interrupt();
    bool ok = solver_solve("test", &task, &progress, &err);
    progress_clear_interrupt();
    assert_true(ok);
    assert_false(task.solved);
    assert_true(progress_was_interrupted(&progress));
    assert_int_equal(progress.depth, 0);
    case_free(c);
}

/* Of many machines none is made ready, nor answered, once a stop is asked for. */
static void test_interrupt_of_many(void **state) {
    enum { MANY = 500 };
    SolverKind kind = *(const SolverKind *)*state;
    Case *c = case_new(kind);
    Error err;
    int32_t y[N];
    for (size_t i = 0; i < N; i++)
        y[i] = c->side[0][i];
    Labels classes = { 0 };
    assert_true(labels_from("test", y, N, &classes, &err));
    SvcParams params = svc_defaults();
    TrainingSet set = { &c->matrix, y, &classes, NULL, &params };
    Machine *machine = calloc(MANY, sizeof *machine);
    for (size_t k = 0; k < MANY; k++)
        machine[k] = (Machine){ .C = 1, .held_out = -1 };
    MachineTask task = { &set, machine, MANY, true };
    Progress progress = progress_new();
    progress_interrupt();
    bool ok = machines_train("test", &task, &progress, &err);
    progress_clear_interrupt();
    assert_true(ok);
    assert_false(task.solved);
    assert_true(progress_was_interrupted(&progress));
    assert_null(machine[0].support);
    assert_null(machine[MANY - 1].present);
    for (size_t k = 0; k < MANY; k++)
        machine_clear(&machine[k]);
    free(machine);
    labels_clear(&classes);
    case_free(c);
}

static void test_refused(void **state) {
    SolverKind kind = *(const SolverKind *)*state;
    Case *c = case_new(kind);
    SolverTask task = { &c->matrix, c->problem, 1, false };
    Error err;
    c->problem[0].C = -1;
    assert_false(solver_solve("fit", &task, NULL, &err));
    assert_non_null(strstr(err.message, "fit: C -1"));
    case_free(c);
}

/* A grid search's way, which keeps the bases, gives the same matrix. */
static void test_matrix_kept(void **state) {
    SolverKind kind = *(const SolverKind *)*state;
    Case *c = case_new(kind);
    Error err;
    SolverMatrix other = { .kind = kind };
    float *gram = gram_new(&kernel, &(Batch){ c->x, N, FEATURES, "test" }, &err);
    assert_non_null(gram);
    assert_true(solver_matrix_init(&other, "test", &(Gram){ gram, N, &kernel }, &err));
    gram_free(gram);
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j += 7)
            assert_true(fabs(solver_matrix_at(&other, i, j) - solver_matrix_at(&c->matrix, i, j)) <
                        1e-6); /* bases are rounded to float, values come from those in double */
    solver_matrix_clear(&other);
    case_free(c);
}

static const SolverKind kinds[] = { SOLVER_LIBSVM, SOLVER_SMO };

/* Each test for either solver. */
#define BOTH(test)                                                                                 \
    cmocka_unit_test_prestate(test, (void *)&kinds[0]),                                            \
        cmocka_unit_test_prestate(test, (void *)&kinds[1])

int main(void) {
    const struct CMUnitTest tests[] = {
        BOTH(test_layout),    BOTH(test_matrix_kept),       BOTH(test_conditions),
        BOTH(test_signs),     BOTH(test_repeats),           BOTH(test_against_libsvm),
        BOTH(test_interrupt), BOTH(test_interrupt_of_many), BOTH(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
