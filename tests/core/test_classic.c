/* classic/: how often long fits ask whether to stop, and what an interrupt leaves. */
#include "reference.h"

#include "classic/logistic.h"
#include "classic/pipeline.h"
#include "core/rng.h"

enum { ROWS = 6000, WIDTH = 12 };

typedef struct Case {
    float x[ROWS * WIDTH];
    int32_t y[ROWS];
    Samples samples;
    int reports, stop_at;
} Case;
static Case it;

static void listen(void *context, const Progress *progress) {
    (void)context;
    (void)progress;
    if (++it.reports == it.stop_at)
        progress_interrupt();
}

static int setup(void **state) {
    (void)state;
    Rng rng;
    rng_seed(&rng, 1);
    for (size_t i = 0; i < ROWS; i++) {
        it.y[i] = (int32_t)(i % 3);
        for (size_t j = 0; j < WIDTH; j++)
            it.x[i * WIDTH + j] = (float)(rng_normal(&rng) + (double)(j == i % 3));
    }
    it.samples = (Samples){ it.x, it.y, ROWS, WIDTH };
    return 0;
}

/* What `fit` reports until it is interrupted at report `stop_at` (0: never). */
static int reports_of(Model *model, int stop_at, bool *interrupted) {
    Error err;
    it.reports = 0;
    it.stop_at = stop_at;
    progress_listen(listen, NULL);
    Progress progress = progress_new();
    assert_true(model_fit(model, &it.samples, &progress, &err));
    *interrupted = progress_was_interrupted(&progress);
    assert_int_equal(progress.depth, 0);
    progress_listen(NULL, NULL);
    progress_clear_interrupt();
    return it.reports;
}

/* One Newton step goes through the samples several times, and asks on the way. */
static void test_logistic(void **state) {
    (void)state;
    Error err;
    bool interrupted;
    const LogisticParams params = { .C = 1, .tolerance = 1e-9, .max_iter = 1 };
    Model *model = (Model *)logistic_new(&params, &err);
    int all = reports_of(model, 0, &interrupted);
    assert_true(!interrupted && all >= 4 * (ROWS / 1024));
    for (int stop_at = 2; stop_at < all; stop_at += 3) {
        Model *other = (Model *)logistic_new(&params, &err);
        int until = reports_of(other, stop_at, &interrupted);
        assert_true(interrupted && until <= stop_at + 2);
        assert_false(model_is_fitted(other));
        model_release(other);
    }
    model_release(model);
}

/* Steps ask too, and a pipeline that is interrupted among them is as it was. */
static void test_pipeline(void **state) {
    (void)state;
    Error err;
    bool interrupted;
    Step step[] = { step_of(&step_standard), step_of(&step_pca) };
    const LogisticParams params = { .C = 1, .tolerance = 1e-9, .max_iter = 1 };
    Model *inner = (Model *)logistic_new(&params, &err);
    Model *model = (Model *)pipeline_new(&(PipelineParts){ step, 2, inner }, &err);
    int until = reports_of(model, 6, &interrupted);
    assert_true(interrupted && until <= 9);
    assert_false(model_is_fitted(model) || model_is_fitted(inner));
    assert_int_equal(pipeline_width((Pipeline *)model), 0);
    assert_true(reports_of(model, 0, &interrupted) > 4 * (ROWS / 1024) && !interrupted);
    assert_true(model_is_fitted(model) && pipeline_width((Pipeline *)model) == WIDTH);
    model_release(model);
    model_release(inner);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_logistic),
                                        cmocka_unit_test(test_pipeline) };
    return cmocka_run_group_tests(tests, setup, NULL);
}
