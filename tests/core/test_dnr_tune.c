/* dnr_tune.h: what an interrupt or a part that fails leaves of a Dnr, and what is told of the way.
 */
#include "reference.h"
#include "toy_model.h"

#include "reject/dnr_tune.h"

enum { PARTS = 4 };

typedef struct Case {
    Array *x, *y, *fold;
    Samples samples;
    Folds folds;
    double accuracy[PARTS][4], spread[PARTS][4];
    DnrTuned part[PARTS];
    DnrTuning tuning;
} Case;

static const double tried_C[2] = { 3, 0.2 }, tried_gamma[2] = { 0.3, 0.02 };

static void case_init(Case *c) {
    c->x = reference_as("small/dnr", "train_x", DTYPE_F32);
    c->y = reference_as("small/dnr", "train_y", DTYPE_I32);
    c->fold = reference_as("small/dnr", "fold", DTYPE_I32);
    c->samples = (Samples){ array_f32(c->x), array_i32(c->y), 120, 144 };
    c->folds = (Folds){ .samples = &c->samples, .fold = array_i32(c->fold) };
    for (size_t p = 0; p < PARTS; p++)
        c->part[p] = (DnrTuned){
            .grid = { .C = tried_C, .Cs = 2, .gamma = tried_gamma, .gammas = 2 },
            .found = { .accuracy = c->accuracy[p], .spread = c->spread[p] },
        };
    c->tuning = *(const DnrTuning *)dnr_tune_fields.initial;
    c->tuning.folds = &c->folds;
    c->tuning.part = c->part;
}

static void case_clear(Case *c) {
    array_free(c->x);
    array_free(c->y);
    array_free(c->fold);
}

/* The hyperparameters that small_dnr has, and a value of its scores. */
typedef struct Look {
    double C[PARTS], gamma[PARTS], score;
    Model *part[PARTS];
} Look;

static Look look(Dnr *dnr, const Case *c) {
    Look seen;
    memset(&seen, 0, sizeof seen);
    for (size_t p = 0; p < PARTS; p++) {
        const Svc *svc = dnr_tunes(dnr, p);
        seen.part[p] = p < 3 ? dnr_layer_classifier(dnr, p) : dnr_combiner(dnr);
        seen.C[p] = svc ? svc_params(svc)->C : 0;
        seen.gamma[p] = svc ? svc_params(svc)->kernel.gamma : 0;
    }
    double scores[6];
    if (model_is_fitted((Model *)dnr)) {
        assert_ok(model_scores((Model *)dnr, &(Batch){ c->samples.x, 1, 144, "scores" }, scores,
                               &reference_error));
        seen.score = scores[0];
    }
    return seen;
}

/* Asks to stop at the report that is due. */
typedef struct Stopper {
    int reports, stop_at;
    char what[64];
    double most;
} Stopper;

static void listen(void *context, const Progress *progress) {
    Stopper *stopper = context;
    if (progress->depth > 0 && stopper->reports == 0)
        snprintf(stopper->what, sizeof stopper->what, "%s", progress->level[0].what);
    if (progress->depth > 0)
        stopper->most = progress_fraction(progress);
    if (++stopper->reports == stopper->stop_at)
        progress_interrupt();
}

static void tune_until(Dnr *dnr, Case *c, int stop_at) {
    Stopper stopper = { .stop_at = stop_at };
    progress_listen(listen, &stopper);
    Progress progress = progress_new();
    assert_ok(dnr_tune(dnr, &c->tuning, &progress, &reference_error));
    progress_listen(NULL, NULL);
    progress_clear_interrupt();
    assert_int_equal(progress.depth, 0);
    assert_memory_equal(stopper.what, "tuning DNR (", 12); /* memory is said before anything */
    if (c->tuning.done)
        assert_float_equal(stopper.most, 1, 1e-9);
}

/* Wherever it is stopped, all of the Dnr is as it was, until all is done. */
static void stop_everywhere(Dnr *dnr, bool fit) {
    int stopped = 0;
    for (int at = 1;; at += at < 20 ? 1 : 7) {
        Case c;
        case_init(&c);
        c.tuning.fit = fit;
        Look before = look(dnr, &c);
        tune_until(dnr, &c, at);
        Look after = look(dnr, &c);
        case_clear(&c);
        if (c.tuning.done) {
            assert_memory_not_equal(&after, &before, sizeof after);
            break;
        }
        assert_memory_equal(&after, &before, sizeof after);
        stopped++;
    }
    assert_true(stopped > 20);
}

static void test_stopped_anywhere(void **state) {
    (void)state;
    Dnr *dnr = small_dnr(true);
    stop_everywhere(dnr, true);
    model_release((Model *)dnr);
    dnr = small_dnr(false);
    stop_everywhere(dnr, false);
    model_release((Model *)dnr);
}

/* ---- A part that fails ----------------------------------------------------------------------- */

static int fits_left;

static bool tiring_fit(Model *model, const Samples *samples, Progress *progress, Error *err) {
    if (fits_left-- > 0)
        return toy_fit(model, samples, progress, err);
    return error_set(err, ERROR_ARGUMENT, "fit: tired");
}

static Model *tiring_new(const Model *model, Error *err) {
    static const ModelKind kind = { .name = "tiring",
                                    .free = toy_free,
                                    .scores = toy_scores,
                                    .fit = tiring_fit,
                                    .clone = tiring_new };
    (void)model, (void)err;
    Model *tiring = toy_new();
    tiring->kind = &kind;
    return tiring;
}

/* In its folds, or (four of them and all once more are done) when everything is fitted in the end.
 */
static void fail_after(int fits, const char *message) {
    Case c;
    case_init(&c);
    Model *classifier[3] = { new_svm(0.01, 10), new_svm(0.05, 10), tiring_new(NULL, NULL) };
    Dnr *dnr = small_dnr_of(small_net("small/dnr"), classifier, new_svm(1, 0.5), -INFINITY);
    c.part[2].grid = (SvcGrid){ 0 };
    Look before = look(dnr, &c);
    fits_left = fits;
    assert_false(dnr_tune(dnr, &c.tuning, NULL, &reference_error));
    assert_string_equal(reference_error.message, message);
    Look after = look(dnr, &c);
    assert_memory_equal(&after, &before, sizeof after);
    assert_false(c.tuning.done);
    model_release((Model *)dnr);
    case_clear(&c);
    assert_int_equal(toys_alive, 0);
}

static void test_a_part_fails(void **state) {
    (void)state;
    fail_after(2, "dnr.tune: relu3: fit: tired");
    fail_after(DNR_FOLDS + 1, "dnr.tune: relu3: fit: tired");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stopped_anywhere),
        cmocka_unit_test(test_a_part_fails),
    };
    return cmocka_run_group_tests_name("dnr_tune", tests, NULL, NULL);
}
