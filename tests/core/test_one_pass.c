/* One way forward: a gradient request that weighs by itself gives, bit for bit, what a call of
 * scores and one of gradients by those weights give; for every kind, batch size and number of
 * threads, all of which give the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/error.h"
#include "random_models.h"

enum { MOST = 600 }; /* more than a DNR sends through its net at once */

/* ---- The comparison -------------------------------------------------------------------------- */

/* What an attack's weights are like: they follow from the scores, and from the row. */
static void weigh(const void *context, size_t row, const double *scores, double *w) {
    size_t columns = *(const size_t *)context;
    for (size_t c = 0; c < columns; c++)
        w[c] = scores[c] * (1 + (double)(c % 3)) + (double)(row % 7) - 2;
}

typedef struct Answers {
    double *scores, *w;
    float *gradient;
} Answers;

static Answers answers_new(size_t n, const Model *model) {
    size_t columns = model_columns(model);
    return (Answers){ calloc(n * columns, sizeof(double)), calloc(n * columns, sizeof(double)),
                      calloc(n * model->features, sizeof(float)) };
}

static void answers_clear(Answers *answers) {
    free(answers->scores);
    free(answers->w);
    free(answers->gradient);
}

static void must(bool ok, const Error *err) {
    if (!ok)
        fail_msg("%s", err->message);
}

static void in_two_calls(Model *model, const Batch *batch, size_t first_row, Answers *answers) {
    Error err = { 0 };
    size_t columns = model_columns(model);
    must(model_scores(model, batch, answers->scores, &err), &err);
    for (size_t i = 0; i < batch->n; i++)
        weigh(&columns, first_row + i, answers->scores + i * columns, answers->w + i * columns);
    GradientRequest request = { .w = answers->w, .gradient = answers->gradient };
    must(model_gradient(model, batch, &request, &err), &err);
}

static void assert_same(const char *what, const Answers *a, const Answers *b, const Model *model,
                        size_t n) {
    if (memcmp(a->scores, b->scores, n * model_columns(model) * sizeof(double)) != 0)
        fail_msg("%s: a %s model's scores differ for %zu rows", what, model->kind->name, n);
    if (memcmp(a->gradient, b->gradient, n * model->features * sizeof(float)) != 0)
        fail_msg("%s: a %s model's gradients differ for %zu rows", what, model->kind->name, n);
}

/* All ways to ask for the gradients of n rows give the bits of the two calls, which `first` holds
 * from an earlier number of threads or else gets. */
static void compare(Model *model, const float *x, size_t n, Answers *first) {
    Error err = { 0 };
    Batch batch = { x, n, model->features, "test" };
    size_t columns = model_columns(model), first_row = 5;
    Answers two = answers_new(n, model), one = answers_new(n, model);
    in_two_calls(model, &batch, first_row, &two);
    GradientRequest request = { .weigh = weigh,
                                .context = &columns,
                                .first_row = first_row,
                                .scores = one.scores,
                                .gradient = one.gradient };
    must(model_gradient(model, &batch, &request, &err), &err);
    assert_same("weighing", &one, &two, model, n);

    memset(one.gradient, 0, n * model->features * sizeof(float));
    request.scores = NULL;
    must(model_gradient(model, &batch, &request, &err), &err);
    assert_same("weighing alone", &one, &two, model, n);

    memset(one.scores, 0, n * columns * sizeof(double));
    GradientRequest given = { .w = two.w, .scores = one.scores, .gradient = one.gradient };
    must(model_gradient(model, &batch, &given, &err), &err);
    assert_same("weights and scores", &one, &two, model, n);

    ModelPass pass = { .model = model, .batch = batch };
    memset(one.scores, 0, n * columns * sizeof(double));
    memset(one.gradient, 0, n * model->features * sizeof(float));
    must(model_forward(&pass, one.scores, &err), &err);
    for (int round = 0; round < 2; round++) {
        must(model_backward(&pass, two.w, one.gradient, &err), &err);
        assert_same("forward and backward", &one, &two, model, n);
    }
    model_pass_clear(&pass);
    answers_clear(&one);
    if (first->scores) {
        assert_same("threads", &two, first, model, n);
        answers_clear(&two);
    } else {
        *first = two;
    }
}

/* Takes over the model. */
static void check(Model *model) {
    static const size_t sizes[] = { 1, 3, 17, 100, 257, MOST };
    static const int threads[] = { 1, 2, 5 };
    enum { SIZES = sizeof sizes / sizeof *sizes };
    Answers first[SIZES] = { 0 };
    float *x = malloc(MOST * model->features * sizeof *x);
    fill_random(x, MOST * model->features, 17);
    for (int t = 0; t < 3; t++) {
        parallel_set_threads(threads[t]);
        for (size_t k = 0; k < SIZES; k++)
            compare(model, x, sizes[k], &first[k]);
    }
    for (size_t k = 0; k < SIZES; k++)
        answers_clear(&first[k]);
    parallel_set_threads(0);
    free(x);
    model_release(model);
}

/* ---- Every kind ------------------------------------------------------------------------------ */

static void test_net(void **state) {
    (void)state;
    check(&net_of(net_json)->model);
}

static void test_svms(void **state) {
    (void)state;
    for (size_t k = 0; kernel_table[k]; k++) {
        check(random_svm(kernel_table[k], (SvmShape){ 1100, 70, 4, 4 })); /* in float32 */
        check(random_svm(kernel_table[k], (SvmShape){ 520, 6, 3, 3 }));   /* in double */
        check(random_svm(kernel_table[k], (SvmShape){ 40, 6, 2, 1 }));    /* (−f, f) */
        check(random_svm(kernel_table[k], (SvmShape){ 40, 6, 2, 2 }));
    }
}

static void test_nr(void **state) {
    (void)state;
    check(rejecting(random_svm(&kernel_rbf, (SvmShape){ 50, 6, 4, 4 })));
    check(rejecting(random_svm(&kernel_rbf, (SvmShape){ 50, 6, 2, 1 })));
    check(rejecting(&net_of(net_json)->model));
}

static void test_layer(void **state) {
    (void)state;
    check(on_layer(random_svm(&kernel_rbf, (SvmShape){ 50, 48, 4, 4 })));
    check(rejecting(on_layer(random_svm(&kernel_rbf, (SvmShape){ 50, 48, 2, 1 }))));
}

static void test_dnr(void **state) {
    (void)state;
    check(random_dnr(false));
    check(random_dnr(true));
}

static void test_toy(void **state) {
    (void)state;
    Error err;
    float x[4 * 6];
    fill_random(x, 24, 11);
    Model *toy = toy_new();
    Samples samples = { x, (int32_t[]){ 0, 1, 2, 3 }, 4, 6 };
    assert_true(model_fit(toy, &samples, NULL, &err));
    check(model_retain(toy));
    check(rejecting(toy));
    assert_int_equal(toys_alive, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_net),   cmocka_unit_test(test_svms), cmocka_unit_test(test_nr),
        cmocka_unit_test(test_layer), cmocka_unit_test(test_dnr),  cmocka_unit_test(test_toy),
    };
    return cmocka_run_group_tests_name("one_pass", tests, NULL, NULL);
}
