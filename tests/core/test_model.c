/* model.h: the checks and the general ways behind every kind's operations. */
#include "core/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model.h"
#include "toy_model.h"

#include <math.h>

static const float x[] = { 0, 0, 2, 0, 0, 4, 0, 6 };
static const int32_t y[] = { 3, 3, 7, 7 };
static const Samples samples = { x, y, 4, 2 };

static void test_scores_and_checks(void **state) {
    (void)state;
    Error err = { 0 };
    Model *toy = toy_new();
    double scores[8];
    assert_false(model_scores(toy, &(Batch){ x, 4, 2, "scores" }, scores, &err));
    assert_string_equal(err.message, "scores: this toy is not fitted yet; call :fit first");
    assert_true(model_fit(toy, &samples, NULL, &err));
    assert_true(model_is_fitted(toy));
    assert_int_equal(model_columns(toy), 2);
    assert_true(model_scores(toy, &(Batch){ x, 4, 2, "scores" }, scores, &err));
    /* Centres (1, 0) and (0, 5). */
    assert_float_equal(scores[0], -0.5, 1e-12);
    assert_float_equal(scores[1], -12.5, 1e-12);
    assert_int_equal(model_label(toy, scores), 3);
    assert_int_equal(model_label(toy, scores + 6), 7);
    assert_false(model_scores(toy, &(Batch){ x, 2, 4, "predict" }, scores, &err));
    assert_string_equal(err.message, "predict: samples have 4 features, the toy takes 2");
    assert_true(model_scores(toy, &(Batch){ x, 0, 2, "scores" }, scores, &err));
    Samples none = { x, y, 0, 2 };
    assert_false(model_fit(toy, &none, NULL, &err));
    assert_string_equal(err.message, "fit: the dataset is empty");
    model_release(toy);
    model_release(NULL);
    assert_null(model_retain(NULL));
    assert_int_equal(toys_alive, 0);
}

static void test_missing_operations(void **state) {
    (void)state;
    static const ModelKind bare = { .name = "bare", .free = toy_free, .scores = toy_scores };
    Toy *toy = calloc(1, sizeof *toy);
    Error err = { 0 };
    Value value;
    const double w = 0;
    float gradient[2];
    toys_alive++;
    model_init(&toy->base, &bare);
    assert_true(labels_from("test", y, 4, &toy->base.classes, &err));
    assert_false(model_gradient(&toy->base, &(Batch){ x, 1, 2, "gradient" },
                                &(GradientRequest){ .w = &w, .gradient = gradient }, &err));
    assert_string_equal(err.message, "gradient: a bare model cannot do this");
    assert_false(model_fit(&toy->base, &samples, NULL, &err));
    assert_false(model_set(&toy->base, "C", value_number(1), &err));
    assert_false(model_get(&toy->base, "C", &value, &err));
    assert_null(model_clone(&toy->base, &err));
    assert_string_equal(err.message, "clone: a bare model cannot do this");
    /* Its width was unknown: the first batch decided. */
    assert_int_equal(toy->base.features, 2);
    model_release(&toy->base);
}

/* w = (first score + row, 2), and a note of the row that was asked for. */
typedef struct Weighing {
    size_t seen[8];
} Weighing;

static void weigh_by_row(const void *context, size_t row, const double *scores, double *w) {
    ((Weighing *)context)->seen[row]++;
    w[0] = scores[0] + (double)row;
    w[1] = 2;
}

/* Of a kind that takes w alone: scores and weights come before, with the same bits. */
static void test_gradient_requests(void **state) {
    (void)state;
    Error err = { 0 };
    Model *toy = toy_new();
    Batch batch = { x, 4, 2, "test" };
    double scores[8], seen[8], w[8];
    float gradient[8], by_weights[8];
    assert_true(model_fit(toy, &samples, NULL, &err));
    assert_true(model_scores(toy, &batch, scores, &err));
    for (size_t i = 0; i < 4; i++) {
        w[2 * i] = scores[2 * i] + (double)(i + 3);
        w[2 * i + 1] = 2;
    }
    GradientRequest given = { .w = w, .scores = seen, .gradient = by_weights };
    assert_true(model_gradient(toy, &batch, &given, &err));
    assert_memory_equal(seen, scores, sizeof scores);
    Weighing weighing = { 0 };
    GradientRequest own = {
        .weigh = weigh_by_row, .context = &weighing, .first_row = 3, .gradient = gradient
    };
    assert_true(model_gradient(toy, &batch, &own, &err));
    assert_memory_equal(gradient, by_weights, sizeof gradient);
    for (size_t row = 0; row < 8; row++)
        assert_int_equal(weighing.seen[row], row >= 3 && row < 7);
    model_release(toy);
}

static void test_labels(void **state) {
    (void)state;
    Error err = { 0 };
    Model *toy = toy_new();
    assert_true(labels_from("test", y, 4, &toy->classes, &err));
    toy->rejects = true;
    assert_int_equal(model_columns(toy), 3);
    assert_int_equal(model_label(toy, (double[]){ 1, 2, -INFINITY }), 7);
    assert_int_equal(model_label(toy, (double[]){ 2, 2, 1 }), 3);
    assert_int_equal(model_label(toy, (double[]){ 1, 2, 3 }), LABEL_REJECTED);
    /* Not higher than the threshold is rejected: a tie is. */
    assert_int_equal(model_label(toy, (double[]){ 1, 2, 2 }), LABEL_REJECTED);
    model_release(toy);
}

/* Each sample's scores come from a model that has not seen its fold; the last fit saw everything.
 */
static void test_fit_folds(void **state) {
    (void)state;
    Error err = { 0 };
    Model *toy = toy_new();
    double oof[8], scores[8];
    assert_true(
        model_fit_folds(toy, &(Folds){ &samples, (int32_t[]){ 0, 1, 0, 1 }, 2, oof }, NULL, &err));
    assert_int_equal(((Toy *)toy)->fits, 3);
    /* Sample 1 (0, 0) by centres (2, 0) and (0, 6). */
    assert_float_equal(oof[0], -2, 1e-12);
    assert_float_equal(oof[1], -18, 1e-12);
    assert_float_equal(oof[7], -2, 1e-12);
    assert_true(model_scores(toy, &(Batch){ x, 4, 2, "scores" }, scores, &err));
    assert_float_equal(scores[0], -0.5, 1e-12);
    model_release(toy);
}

/* A class that the other folds lack gets the lowest of its row. */
static void test_fit_folds_lacking_class(void **state) {
    (void)state;
    static const int32_t three[] = { 3, 3, 7, 9 };
    Samples lacking = { x, three, 4, 2 };
    Error err = { 0 };
    Model *toy = toy_new();
    double oof[12];
    assert_true(
        model_fit_folds(toy, &(Folds){ &lacking, (int32_t[]){ 0, 1, 0, 1 }, 2, oof }, NULL, &err));
    /* Sample 1 is scored by classes 3 (2, 0) and 9 (0, 6). */
    assert_float_equal(oof[0], -2, 1e-12);
    assert_float_equal(oof[1], -18, 1e-12);
    assert_float_equal(oof[2], -18, 1e-12);
    assert_int_equal(toy->classes.count, 3);
    model_release(toy);
    assert_int_equal(toys_alive, 0);
}

/* ---- Pieces ---------------------------------------------------------------------------------- */

static size_t calls, interrupt_in_call;

static bool counted_scores(Model *model, const Batch *batch, double *scores, Error *err) {
    if (++calls == interrupt_in_call)
        progress_interrupt();
    return toy_scores(model, batch, scores, err);
}

enum { LONG = 2 * MODEL_PIECE + 7 };

typedef struct Long {
    Model *toy;
    ModelKind kind;
    Batch batch;
    double *scores;
    float *x;
} Long;

static Long long_batch(size_t n) {
    Error err = { 0 };
    Long made = { .toy = toy_new(), .kind = toy_kind };
    made.x = calloc(LONG * 2, sizeof *made.x);
    made.scores = calloc(LONG * 2, sizeof *made.scores);
    for (size_t i = 0; i < LONG * 2; i++)
        made.x[i] = (float)i;
    assert_true(model_fit(made.toy, &samples, NULL, &err));
    made.kind.scores = counted_scores;
    made.batch = (Batch){ made.x, n, 2, "test" };
    calls = interrupt_in_call = 0;
    return made;
}

static void long_clear(Long *made) {
    progress_clear_interrupt();
    made->toy->kind = &toy_kind;
    model_release(made->toy);
    free(made->x);
    free(made->scores);
}

static void test_pieces(void **state) {
    (void)state;
    Error err = { 0 };
    Long made = long_batch(LONG);
    double *whole = calloc(LONG * 2, sizeof *whole);
    assert_true(model_scores(made.toy, &made.batch, whole, &err));
    made.toy->kind = &made.kind;
    assert_true(model_scores_in_pieces(made.toy, &made.batch, made.scores, &err));
    assert_int_equal(calls, 3);
    assert_memory_equal(made.scores, whole, LONG * 2 * sizeof *whole);
    calls = 0;
    made.batch.n = MODEL_PIECE;
    assert_true(model_scores_in_pieces(made.toy, &made.batch, made.scores, &err));
    assert_int_equal(calls, 1);
    made.kind.whole_batches = true;
    made.batch.n = LONG;
    assert_true(model_scores_in_pieces(made.toy, &made.batch, made.scores, &err));
    assert_int_equal(calls, 2);
    free(whole);
    long_clear(&made);
}

/* An interrupt counts between two pieces; behind the last one there is nothing left to stop. */
static void test_interrupted_pieces(void **state) {
    (void)state;
    Error err = { 0 };
    Long made = long_batch(LONG);
    made.toy->kind = &made.kind;
    interrupt_in_call = 2;
    assert_false(model_scores_in_pieces(made.toy, &made.batch, made.scores, &err));
    assert_int_equal(err.kind, ERROR_INTERRUPTED);
    assert_string_equal(err.message, "test: interrupted");
    assert_int_equal(calls, 2);
    progress_clear_interrupt();
    calls = 0;
    interrupt_in_call = 3;
    assert_true(model_scores_in_pieces(made.toy, &made.batch, made.scores, &err));
    progress_clear_interrupt();
    float gradient[4];
    double w[4] = { 1, 0, 0, 1 };
    made.batch.n = 2;
    GradientRequest request = { .w = w, .gradient = gradient };
    progress_interrupt(); /* one piece is not stopped by what came before */
    assert_true(model_gradient_in_pieces(made.toy, &made.batch, &request, &err));
    long_clear(&made);
}

/* What a caller sees who shows progress and keeps what is done. */
static void test_pieces_one_by_one(void **state) {
    (void)state;
    Long made = long_batch(LONG);
    Progress progress = progress_new();
    Pieces pieces = pieces_of(made.toy, &made.batch, &progress);
    assert_true(pieces_next(&pieces));
    assert_int_equal(progress.depth, 1);
    assert_string_equal(progress.level[0].what, "test");
    assert_ptr_equal(pieces.piece.x, made.x);
    assert_int_equal(pieces.piece.n, MODEL_PIECE);
    assert_true(pieces_next(&pieces));
    assert_int_equal(pieces.done, MODEL_PIECE);
    assert_ptr_equal(pieces.piece.x, made.x + 2 * MODEL_PIECE);
    assert_true(progress.level[0].done == MODEL_PIECE && progress.level[0].total == LONG);
    progress_interrupt();
    assert_false(pieces_next(&pieces));
    assert_int_equal(pieces.done, 2 * MODEL_PIECE);
    pieces_end(&pieces);
    assert_int_equal(progress.depth, 0);
    progress_clear_interrupt();
    made.batch.n = 0; /* is looked at once: the model may not be fitted */
    pieces = pieces_of(made.toy, &made.batch, &progress);
    assert_true(pieces_next(&pieces));
    assert_int_equal(pieces.piece.n, 0);
    assert_false(pieces_next(&pieces));
    long_clear(&made);
}

/* ---- Folds, interrupted ---------------------------------------------------------------------- */

static bool fit_until_interrupted(Model *model, const Samples *all, Progress *progress,
                                  Error *err) {
    (void)model, (void)all, (void)err;
    progress_interrupt();
    progress_step(progress, 0, NULL);
    return true;
}

/* An interrupted fit may leave a model unfitted: nothing is scored with it, and no fit follows. */
static void test_fit_folds_interrupted(void **state) {
    (void)state;
    Error err = { 0 };
    Model *toy = toy_new();
    ModelKind stubborn = toy_kind;
    stubborn.fit = fit_until_interrupted;
    toy->kind = &stubborn;
    Progress progress = progress_new();
    double oof[8];
    bool ok = model_fit_folds(toy, &(Folds){ &samples, (int32_t[]){ 0, 1, 0, 1 }, 2, oof },
                              &progress, &err);
    progress_clear_interrupt();
    if (!ok)
        fail_msg("%s", err.message);
    assert_true(progress_was_interrupted(&progress));
    assert_false(model_is_fitted(toy));
    model_release(toy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scores_and_checks),
        cmocka_unit_test(test_missing_operations),
        cmocka_unit_test(test_gradient_requests),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_fit_folds),
        cmocka_unit_test(test_fit_folds_lacking_class),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_interrupted_pieces),
        cmocka_unit_test(test_pieces_one_by_one),
        cmocka_unit_test(test_fit_folds_interrupted),
    };
    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
