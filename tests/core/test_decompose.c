#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "svm_conditions.h"

#include "core/error.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "svm/decompose.h"
#include "svm/gram.h"
#include "svm/kernel_source.h"
#include "svm/smo.h"

#include <stdlib.h>
#include <string.h>

enum { N = 2600, CLASSES = 4, PROBLEMS = 2 * CLASSES };

static const double TOLERANCE = 1e-3, SMALL = 1e-5;

/* Four noisy clouds; each against the others, on all samples and without every fifth. */
typedef struct Case {
    size_t features;
    float *x;
    Kernel kernel;
    KernelRows rows;
    float *matrix; /* or NULL */
    int8_t side[PROBLEMS][N];
    double alpha[PROBLEMS][N], value[PROBLEMS][N];
    BinaryProblem problem[PROBLEMS];
} Case;

static Case *new_case(size_t features, double C, double gamma) {
    Case *c = calloc(1, sizeof *c);
    Rng rng;
    assert_non_null(c);
    rng_seed(&rng, features);
    c->features = features;
    c->x = malloc(N * features * sizeof *c->x);
    c->kernel = kernel_of(&kernel_rbf);
    c->kernel.gamma = gamma;
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < features; k++)
            c->x[i * features + k] = (float)(rng_normal(&rng) + (k == i % CLASSES ? 2 : 0));
    Batch batch = { c->x, N, features, "test" };
    assert_true(kernel_rows_init(&c->rows, &batch, NULL));
    for (size_t p = 0; p < PROBLEMS; p++) {
        for (size_t i = 0; i < N; i++)
            c->side[p][i] = p >= CLASSES && i % 5 == 0 ? 0 : i % CLASSES == p % CLASSES ? 1 : -1;
        c->problem[p] = (BinaryProblem){
            c->side[p], C, 1, 1, TOLERANCE, c->alpha[p], .group = p % CLASSES, .value = c->value[p]
        };
    }
    return c;
}

static void free_case(Case *c) {
    kernel_rows_clear(&c->rows);
    gram_free(c->matrix);
    free(c->x);
    free(c);
}

/* What it took is in the answer. */
static DecomposeTask solve(Case *c, double memory) {
    DecomposeTask task = { "test", &c->kernel, &c->rows, c->matrix, memory, c->problem, PROBLEMS };
    Error err = { 0 };
    assert_true(decompose_solve(&task, NULL, &err));
    assert_true(task.solved);
    return task;
}

/* In double, by plain sums. */
static double kernel_at(const Case *c, size_t i, size_t j) {
    double squared = 0, product = 0;
    for (size_t k = 0; k < c->features; k++) {
        double a = c->x[i * c->features + k], b = c->x[j * c->features + k];
        squared += (a - b) * (a - b);
        product += a * b;
    }
    return c->kernel.kind == &kernel_linear ? product : exp(-c->kernel.gamma * squared);
}

/* What every f − b is, of all problems at once; the kernel has no other look at the solver. */
static double *plain_values(const Case *c) {
    double *values = calloc(PROBLEMS * N, sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j <= i; j++) {
            double k = kernel_at(c, i, j);
            for (size_t p = 0; p < PROBLEMS; p++) {
                values[p * N + i] += c->alpha[p][j] * k;
                values[p * N + j] += i == j ? 0 : c->alpha[p][i] * k;
            }
        }
    return values;
}

static void check_conditions(const Case *c, double tolerance) {
    double *values = plain_values(c);
    for (size_t p = 0; p < PROBLEMS; p++) {
        double *f = values + p * N;
        for (size_t t = 0; t < N; t++) {
            assert_true(fabs(c->value[p][t] - f[t]) < 1e-4);
            f[t] += c->problem[p].b;
        }
        assert_conditions(&c->problem[p], N, f, tolerance);
    }
    free(values);
}

/* Its kernel values of all pairs. */
static void make_matrix(Case *c) {
    Batch batch = { c->x, N, c->features, "test" };
    c->matrix = gram_values(&c->kernel, &batch, NULL);
    assert_non_null(c->matrix);
}

/* Narrow and wide rows; room for every part's matrix, and too little; a matrix of all. The last two
 * have hardly a sample that is no support vector. A third more rounds than these take are the most:
 * common parts that are not drawn anew, do not have all samples in turn, or not those first that
 * violate the conditions, take more, as other parts do that are chosen from a wrong b. */
static void solutions_meet_the_kkt_conditions(void **state) {
    (void)state;
    static const struct {
        size_t features;
        double C, gamma, memory;
        bool whole, common; /* parts are common ones */
        size_t rounds;
    } cases[] = { { 4, 1, 0.5, 0, false, false, 5 },   { 4, 10, 0.5, 1 << 24, false, true, 11 },
                  { 4, 0.1, 0.5, 1, false, true, 10 }, { 70, 1, 0.02, 1 << 23, false, true, 17 },
                  { 4, 10, 0.5, 0, true, false, 6 },   { 70, 1, 0.02, 0, true, false, 4 },
                  { 20, 0.1, 1, 1, false, true, 13 },  { 20, 0.1, 1, 0, true, true, 15 } };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        Case *c = new_case(cases[k].features, cases[k].C, cases[k].gamma);
        if (cases[k].whole)
            make_matrix(c);
        DecomposeTask task = solve(c, cases[k].memory);
        assert_true(3 * task.rounds <= 4 * cases[k].rounds);
        assert_true((task.common > 0) == cases[k].common);
        check_conditions(c, 1.5 * TOLERANCE);
        free_case(c);
    }
}

/* A solution on wrong values would be mended by the rounds after it. */
static void a_parts_matrix_is_a_part_of_all(void **state) {
    (void)state;
    static const size_t sample[] = { 3, 10, 500, 501, N - 1 };
    enum { COUNT = sizeof sample / sizeof *sample };
    Case *c = new_case(20, 1, 0.05);
    make_matrix(c);
    for (int whole = 0; whole < 2; whole++) {
        KernelSource source = { .kernel = &c->kernel, .rows = &c->rows };
        float gram[COUNT][COUNT];
        source.whole = whole ? c->matrix : NULL;
        assert_true(kernel_source_init(&source));
        assert_true(kernel_source_matrix(&source, sample, COUNT, &gram[0][0], NULL));
        for (size_t i = 0; i < COUNT; i++)
            for (size_t j = 0; j < COUNT; j++)
                assert_true(fabs((double)gram[i][j] - kernel_at(c, sample[i], sample[j])) < 1e-6);
        kernel_source_clear(&source);
    }
    free_case(c);
}

/* No part needs to have the samples that bound b. */
static void b_is_settled_by_all_samples(void **state) {
    (void)state;
    Case *c = new_case(1, 5e-4, 1);
    Rng rng;
    rng_seed(&rng, 5);
    for (size_t i = 0; i < N; i++) {
        c->x[i] = few_values_x(&rng, i);
        for (size_t p = 0; p < PROBLEMS; p++)
            c->side[p][i] = c->side[p][i] == 0 ? 0 : few_values_side(i);
    }
    c->kernel = kernel_of(&kernel_linear);
    kernel_rows_clear(&c->rows);
    assert_true(kernel_rows_init(&c->rows, &(Batch){ c->x, N, 1, "test" }, NULL));
    solve(c, 1);
    check_conditions(c, 1.5 * TOLERANCE);
    free_case(c);
}

/* In double precision, but for the kernel values. */
static void a_small_tolerance_is_kept(void **state) {
    (void)state;
    Case *c = new_case(4, 10, 0.5);
    for (size_t p = 0; p < PROBLEMS; p++)
        c->problem[p].tolerance = SMALL;
    solve(c, 1 << 24);
    check_conditions(c, 2 * SMALL);
    free_case(c);
}

/* No sums in float64 of float32 kernel values come so close. */
static void what_is_not_solved_is_told(void **state) {
    (void)state;
    Case *c = new_case(4, 1, 0.5);
    for (size_t p = 0; p < PROBLEMS; p++)
        c->problem[p].tolerance = p == 0 ? 1e-17 : TOLERANCE;
    solve(c, 0);
    for (size_t p = 0; p < PROBLEMS; p++)
        assert_true(c->problem[p].unsolved == (p == 0));
    free_case(c);
}

static void tiny_parts_find_the_same_functions(void **state) {
    (void)state;
    Case *large = new_case(4, 1, 0.5), *tiny = new_case(4, 1, 0.5);
    assert_true(decompose_part(N, 0) == N && decompose_part(N, 1) < N / 2);
    solve(large, 0);
    solve(tiny, 1);
    for (size_t p = 0; p < PROBLEMS; p++)
        for (size_t t = 0; t < N; t++) {
            double f = large->value[p][t] + large->problem[p].b,
                   g = tiny->value[p][t] + tiny->problem[p].b;
            assert_true(fabs(f - g) < 5 * TOLERANCE);
        }
    free_case(large);
    free_case(tiny);
}

static void threads_change_no_bit(void **state) {
    (void)state;
    static const struct {
        size_t features;
        double C, gamma;
        bool whole;
    } cases[] = { { 70, 1, 0.02, false }, { 70, 1, 0.02, true }, { 20, 0.1, 1, true } };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        Case *one = new_case(cases[k].features, cases[k].C, cases[k].gamma);
        Case *four = new_case(cases[k].features, cases[k].C, cases[k].gamma);
        if (cases[k].whole) {
            make_matrix(one);
            make_matrix(four);
        }
        parallel_set_threads(1);
        solve(one, 1 << 23);
        parallel_set_threads(4);
        solve(four, 1 << 23);
        parallel_set_threads(0);
        assert_memory_equal(one->alpha, four->alpha, sizeof one->alpha);
        assert_memory_equal(one->value, four->value, sizeof one->value);
        free_case(one);
        free_case(four);
    }
}

static void a_stop_is_heard(void **state) {
    (void)state;
    Case *c = new_case(4, 10, 0.5);
    DecomposeTask task = { "test", &c->kernel, &c->rows, NULL, 0, c->problem, PROBLEMS, true };
    Progress progress = progress_new();
    Error err = { 0 };
    progress_interrupt();
    assert_true(decompose_solve(&task, &progress, &err));
    assert_false(task.solved);
    progress_clear_interrupt();
    free_case(c);
}

static void no_more_memory_is_asked_for_than_there_is(void **state) {
    (void)state;
    for (double memory = 1e8; memory < 1e11; memory *= 10)
        assert_true(decompose_bytes(100000, memory) <= 1.5 * memory);
    assert_true(decompose_bytes(60000, 2e9) <= 2.1e9);
}

static void bytes_are_read_as_people_write_them(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double bytes;
    } right[] = { { "2GB", 2e9 },    { "1.5 gb", 1.5e9 }, { "800 MB", 8e8 },  { "1e9", 1e9 },
                  { "3 KiB", 3072 }, { "64 b", 64 },      { "1TiB", 0x1p40 }, { "5kB", 5000 } };
    static const char *const wrong[] = { "", "GB", "2 G", "2GBs", "two", "1 XB", "inf", "2Gi" };
    for (size_t k = 0; k < sizeof right / sizeof *right; k++)
        assert_true(memory_parse(right[k].text) == right[k].bytes);
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++)
        assert_true(isnan(memory_parse(wrong[k])));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(solutions_meet_the_kkt_conditions),
        cmocka_unit_test(a_parts_matrix_is_a_part_of_all),
        cmocka_unit_test(b_is_settled_by_all_samples),
        cmocka_unit_test(a_small_tolerance_is_kept),
        cmocka_unit_test(what_is_not_solved_is_told),
        cmocka_unit_test(tiny_parts_find_the_same_functions),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(a_stop_is_heard),
        cmocka_unit_test(no_more_memory_is_asked_for_than_there_is),
        cmocka_unit_test(bytes_are_read_as_people_write_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
