/* dnr.h: the reference from its coefficients and trained by us, gradients, folds, failures. */
#include "reference.h"
#include "toy_model.h"

#include "core/folds.h"
#include "reject/threshold.h"

typedef struct Case {
    Array *x, *scores, *layer_scores, *y, *grad_w, *gradient;
    size_t n;
} Case;

static Case case_load(void) {
    Case c = {
        .x = reference_as("small/dnr", "test_x", DTYPE_F32),
        .scores = reference_as("small/dnr", "scores", DTYPE_F64),
        .layer_scores = reference_as("small/dnr", "layer_scores", DTYPE_F64),
        .y = reference_as("small/dnr", "y_pred", DTYPE_I32),
        .grad_w = reference_as("small/dnr", "grad_w", DTYPE_F64),
        .gradient = reference_as("small/dnr", "gradient", DTYPE_F64),
    };
    c.n = array_length(c.x);
    return c;
}

static void case_clear(Case *c) {
    array_free(c->x);
    array_free(c->scores);
    array_free(c->layer_scores);
    array_free(c->y);
    array_free(c->grad_w);
    array_free(c->gradient);
}

static double *scores_of(Model *model, const float *x, size_t n) {
    double *scores = malloc(n * model_columns(model) * sizeof *scores);
    assert_ok(
        model_scores(model, &(Batch){ x, n, model->features, "scores" }, scores, &reference_error));
    return scores;
}

/* The gradient of w · scores for the case's first samples against the reference's. */
static void check_gradient(Model *model, const Case *c, double tolerance) {
    size_t n = array_length(c->gradient), columns = model_columns(model);
    double *w = malloc(n * columns * sizeof *w);
    bool one_row = array_size(c->grad_w) == columns;
    for (size_t i = 0; i < n * columns; i++)
        w[i] = array_f64(c->grad_w)[one_row ? i % columns : i];
    float *gradient = malloc(n * 144 * sizeof *gradient);
    assert_ok(model_gradient(model, &(Batch){ array_f32(c->x), n, 144, "gradient" },
                             &(GradientRequest){ .w = w, .gradient = gradient }, &reference_error));
    double *value = doubles(gradient, n * 144);
    assert_close(value, c->gradient, tolerance);
    free(value);
    free(gradient);
    free(w);
}

static void test_from_coefficients(void **state) {
    (void)state;
    Case c = case_load();
    Dnr *dnr = small_dnr(true);
    Model *model = (Model *)dnr;
    assert_int_equal(model_columns(model), 6);
    assert_int_equal(dnr_layer_columns(dnr), 15);
    float *inputs = malloc(c.n * 15 * sizeof *inputs);
    assert_ok(dnr_layer_scores(dnr,
                               &(Batch){ array_f32(c.x), c.n, ((Model *)dnr)->features, "test" },
                               inputs, &reference_error));
    double *value = doubles(inputs, c.n * 15);
    assert_close(value, c.layer_scores, 1e-4);
    double *scores = scores_of(model, array_f32(c.x), c.n);
    assert_close(scores, c.scores, 1e-4);
    assert_true(assert_same_labels(model, scores, c.y, 1e-4) <= 1);
    check_gradient(model, &c, 1e-4);
    free(scores);
    free(value);
    free(inputs);
    case_clear(&c);
    model_release(model);
}

static Samples small_training(Array **x, Array **y, Array **fold) {
    *x = reference_as("small/dnr", "train_x", DTYPE_F32);
    *y = reference_as("small/dnr", "train_y", DTYPE_I32);
    *fold = reference_as("small/dnr", "fold", DTYPE_I32);
    return (Samples){ array_f32(*x), array_i32(*y), array_length(*x), 144 };
}

static void test_trained_by_us(void **state) {
    (void)state;
    Case c = case_load();
    Array *x, *y, *fold;
    Samples training = small_training(&x, &y, &fold);
    Dnr *dnr = small_dnr(false);
    Model *model = (Model *)dnr;
    Progress progress = progress_new();
    assert_ok(dnr_fit(dnr, &(Folds){ .samples = &training, .fold = array_i32(fold) }, &progress,
                      &reference_error));
    assert_int_equal(progress.depth, 0);
    assert_true(dnr_threshold(dnr) == -INFINITY);
    double threshold =
        threshold_for(model, 0.1, &(Batch){ array_f32(c.x), c.n, 144, "test" }, &reference_error);
    assert_float_equal(threshold, 0.9449734381349606, 1e-3);
    assert_ok(dnr_set_threshold(dnr, threshold, &reference_error));
    double *scores = scores_of(model, array_f32(c.x), c.n);
    for (size_t i = 0; i < c.n; i++)
        for (size_t k = 0; k < 5; k++)
            assert_float_equal(scores[i * 6 + k], array_f64(c.scores)[i * 6 + k], 3e-3);
    assert_same_labels(model, scores, c.y, 3e-3);
    check_gradient(model, &c, 5e-3);
    /* Exactly floor(p·n) are rejected. */
    size_t rejected = 0;
    for (size_t i = 0; i < c.n; i++)
        rejected += model_label(model, scores + i * 6) == LABEL_REJECTED;
    assert_int_equal(rejected, (size_t)(0.1 * (double)c.n + 1e-9));
    free(scores);
    array_free(x);
    array_free(y);
    array_free(fold);
    case_clear(&c);
    model_release(model);
}

static void test_gradient_by_central_differences(void **state) {
    (void)state;
    Case c = case_load();
    Model *model = (Model *)small_dnr(true);
    double w[6] = { 1, -0.5, 0.25, 2, -1, 3 }, worst = 0, most = 0;
    Rng rng;
    rng_seed(&rng, 4);
    for (size_t i = 0; i < 20; i++) {
        const float *sample = array_f32(c.x) + i * 144;
        float gradient[144], moved[288];
        double slope = 0, change = 0, h = 1e-3;
        assert_ok(model_gradient(model, &(Batch){ sample, 1, 144, "gradient" },
                                 &(GradientRequest){ .w = w, .gradient = gradient },
                                 &reference_error));
        for (size_t j = 0; j < 144; j++) {
            double u = rng_normal(&rng);
            moved[j] = (float)(sample[j] + h * u);
            moved[144 + j] = (float)(sample[j] - h * u);
            slope += gradient[j] * (moved[j] - (double)moved[144 + j]) / (2 * h);
        }
        double *scores = scores_of(model, moved, 2);
        for (size_t k = 0; k < 5; k++)
            change += w[k] * (scores[k] - scores[6 + k]) / (2 * h);
        free(scores);
        worst = fmax(worst, fabs(change - slope));
        most = fmax(most, fabs(slope));
    }
    assert_true(worst < 0.02 * most);
    case_clear(&c);
    model_release(model);
}

/* Alone and in a batch: within the bounds of the reference cases; repeated: the same bits. */
static void test_batch_and_single(void **state) {
    (void)state;
    Case c = case_load();
    Model *model = (Model *)small_dnr(true);
    double *all = scores_of(model, array_f32(c.x), c.n);
    double *again = scores_of(model, array_f32(c.x), c.n);
    assert_memory_equal(all, again, c.n * 6 * sizeof *all);
    for (size_t i = 0; i < c.n; i++) {
        double *one = scores_of(model, array_f32(c.x) + i * 144, 1);
        for (size_t k = 0; k < 6; k++)
            assert_float_equal(one[k], all[i * 6 + k], 1e-4);
        free(one);
    }
    free(all);
    free(again);
    case_clear(&c);
    model_release(model);
}

/* More rows than a tile: the rows beyond are no other than the first, each with weights of its own.
 */
static void test_tiles(void **state) {
    (void)state;
    Case c = case_load();
    Model *model = (Model *)small_dnr(true);
    size_t n = 2500;
    float *x = malloc(n * 144 * sizeof *x), *gradient = malloc(n * 144 * sizeof *gradient);
    double *w = calloc(n * 6, sizeof *w);
    for (size_t i = 0; i < n; i++) {
        memcpy(x + i * 144, array_f32(c.x) + i % c.n * 144, 144 * sizeof *x);
        w[i * 6 + (i / 700 + i % c.n) % 5] = 1;
    }
    double *scores = scores_of(model, x, n);
    assert_ok(model_gradient(model, &(Batch){ x, n, 144, "gradient" },
                             &(GradientRequest){ .w = w, .gradient = gradient }, &reference_error));
    size_t last = n - n % c.n;
    float alone[144];
    assert_ok(model_gradient(model, &(Batch){ x + last * 144, 1, 144, "gradient" },
                             &(GradientRequest){ .w = w + last * 6, .gradient = alone },
                             &reference_error));
    for (size_t k = 0; k < 6; k++)
        assert_float_equal(scores[last * 6 + k], scores[k], 1e-5);
    for (size_t j = 0; j < 144; j++)
        assert_float_equal(gradient[last * 144 + j], alone[j], 1e-4);
    free(x);
    free(gradient);
    free(w);
    free(scores);
    case_clear(&c);
    model_release(model);
}

static Dnr *toy_dnr(void) {
    Model *classifier[3] = { toy_new(), toy_new(), toy_new() };
    return small_dnr_of(small_net("small/dnr"), classifier, toy_new(), -INFINITY);
}

static void test_any_model_as_part(void **state) {
    (void)state;
    Case c = case_load();
    Array *x, *y, *fold;
    Samples training = small_training(&x, &y, &fold);
    Dnr *dnr = toy_dnr();
    Model *model = (Model *)dnr;
    double *scores;
    assert_false(model_is_fitted(model));
    assert_ok(model_fit(model, &training, NULL, &reference_error));
    /* The clone that took the layer's place: one fit a fold and one on everything. */
    assert_int_equal(((Toy *)dnr_layer_classifier(dnr, 0))->fits, DNR_FOLDS + 1);
    assert_int_equal(((Toy *)dnr_combiner(dnr))->fits, 1);
    scores = scores_of(model, array_f32(c.x), c.n);
    size_t right = 0;
    for (size_t i = 0; i < c.n; i++)
        right += model_label(model, scores + i * 6) == array_i32(c.y)[i];
    assert_true(right > c.n / 2);
    free(scores);
    array_free(x);
    array_free(y);
    array_free(fold);
    case_clear(&c);
    model_release(model);
    assert_int_equal(toys_alive, 0);
}

static Model *toy_of(const ModelKind *kind) {
    Model *toy = toy_new();
    toy->kind = kind;
    return toy;
}

static bool broken_fit(Model *model, const Samples *samples, Progress *progress, Error *err) {
    (void)model, (void)samples, (void)progress;
    return error_set(err, ERROR_ARGUMENT, "fit: broken");
}

static Model *broken_new(const Model *model, Error *err) {
    static const ModelKind kind = { .name = "broken",
                                    .free = toy_free,
                                    .scores = toy_scores,
                                    .fit = broken_fit,
                                    .clone = broken_new };
    (void)model, (void)err;
    return toy_of(&kind);
}

/* It learns, and then wants a feature more than it was given. */
static bool greedy_fit(Model *model, const Samples *samples, Progress *progress, Error *err) {
    bool ok = toy_fit(model, samples, progress, err);
    model->features++;
    return ok;
}

static Model *greedy_new(const Model *model, Error *err) {
    static const ModelKind kind = { .name = "greedy",
                                    .free = toy_free,
                                    .scores = toy_scores,
                                    .fit = greedy_fit,
                                    .clone = greedy_new };
    (void)model, (void)err;
    return toy_of(&kind);
}

/* The combiner of a default fit with this seed, or of one with folds drawn from it. */
static Toy *combiner_of(uint64_t seed, bool by_hand, const Samples *training, Model **owner) {
    Model *classifier[3] = { toy_new(), toy_new(), toy_new() }, *combiner = toy_new();
    Network *net = small_net("small/dnr");
    DnrParts parts = { .net = net,
                       .layers = 3,
                       .layer = small_layers,
                       .classifier = classifier,
                       .combiner = combiner,
                       .threshold = -INFINITY,
                       .seed = seed };
    Dnr *dnr = dnr_new(&parts, &reference_error);
    assert_ok(dnr);
    int32_t *fold = malloc(training->n * sizeof *fold);
    Rng rng;
    rng_seed(&rng, seed);
    assert_ok(folds_stratified(&(FoldsOf){ "test", training->y, training->n, DNR_FOLDS }, &rng,
                               fold, &reference_error));
    assert_ok(by_hand ? dnr_fit(dnr, &(Folds){ .samples = training, .fold = fold }, NULL,
                                &reference_error)
                      : model_fit((Model *)dnr, training, NULL, &reference_error));
    free(fold);
    for (size_t l = 0; l < 3; l++)
        model_release(classifier[l]);
    model_release(combiner);
    model_release((Model *)net);
    *owner = (Model *)dnr;
    return (Toy *)dnr_combiner(dnr);
}

static void test_seed_of_a_default_fit(void **state) {
    (void)state;
    Array *x, *y, *fold;
    Samples training = small_training(&x, &y, &fold);
    Model *owner[3];
    const Toy *drawn = combiner_of(9, false, &training, &owner[0]);
    const Toy *given = combiner_of(9, true, &training, &owner[1]);
    const Toy *other = combiner_of(10, false, &training, &owner[2]);
    size_t bytes = drawn->base.features * drawn->base.classes.count * sizeof *drawn->centre;
    assert_memory_equal(drawn->centre, given->centre, bytes);
    assert_memory_not_equal(drawn->centre, other->centre, bytes);
    for (int k = 0; k < 3; k++)
        model_release(owner[k]);
    array_free(x);
    array_free(y);
    array_free(fold);
}

static void check_unfinished(Model *combiner, const Folds *folds, const char *words) {
    Model *classifier[3] = { toy_new(), toy_new(), toy_new() };
    Dnr *dnr = small_dnr_of(small_net("small/dnr"), classifier, combiner, -INFINITY);
    Model *before = dnr_layer_classifier(dnr, 1);
    assert_false(dnr_fit(dnr, folds, NULL, &reference_error));
    assert_string_equal(reference_error.message, words);
    assert_ptr_equal(dnr_layer_classifier(dnr, 1), before);
    assert_ptr_equal(dnr_combiner(dnr), combiner);
    assert_false(model_is_fitted((Model *)dnr));
    model_release((Model *)dnr);
}

/* Neither a part that fails or does not fit nor Ctrl-C leaves a mixture of old and new parts. */
static void test_unfinished_fit_changes_nothing(void **state) {
    (void)state;
    Array *x, *y, *fold;
    Samples training = small_training(&x, &y, &fold);
    Folds folds = { .samples = &training, .fold = array_i32(fold) };
    check_unfinished(broken_new(NULL, NULL), &folds, "combiner: fit: broken");
    check_unfinished(greedy_new(NULL, NULL), &folds,
                     "dnr: combiner: the greedy takes 16 features, its input here has 15");

    Dnr *dnr = toy_dnr();
    assert_ok(dnr_fit(dnr, &(Folds){ .samples = &training, .fold = array_i32(fold) }, NULL,
                      &reference_error));
    Model *before = dnr_layer_classifier(dnr, 0);
    Progress progress = progress_new();
    progress_interrupt();
    assert_ok(dnr_fit(dnr, &(Folds){ .samples = &training, .fold = array_i32(fold) }, &progress,
                      &reference_error));
    progress_clear_interrupt();
    assert_true(progress_was_interrupted(&progress));
    assert_ptr_equal(dnr_layer_classifier(dnr, 0), before);
    assert_true(model_is_fitted((Model *)dnr));
    model_release((Model *)dnr);
    assert_int_equal(toys_alive, 0);
    array_free(x);
    array_free(y);
    array_free(fold);
}

static void test_hyperparameters(void **state) {
    (void)state;
    Model *model = (Model *)small_dnr(false);
    Value value;
    assert_ok(model_set(model, "relu3.kernel.gamma", value_number(0.125), &reference_error));
    assert_ok(model_get(model, "relu3.kernel.gamma", &value, &reference_error));
    assert_float_equal(value.number[0], 0.125, 0);
    assert_ok(model_get(model, "relu2.kernel.gamma", &value, &reference_error));
    assert_float_equal(value.number[0], 0.05, 0);
    assert_ok(model_set(model, "combiner.C", value_number(7), &reference_error));
    Model *copy = model_clone(model, &reference_error);
    assert_ok(copy);
    assert_ok(model_get(copy, "combiner.C", &value, &reference_error));
    assert_float_equal(value.number[0], 7, 0);
    assert_false(model_set(model, "relu9.C", value_number(1), &reference_error));
    assert_string_equal(
        reference_error.message,
        "dnr: unknown option 'relu9.C'; did you mean 'relu1.C'? (valid: threshold, "
        "relu1.C, relu1.kernel, relu1.tolerance, relu1.weights, relu1.memory, relu1.solver, "
        "relu1.kernel.gamma, relu2.C, relu2.kernel, relu2.tolerance, "
        "relu2.weights, relu2.memory, relu2.solver, relu2.kernel.gamma, relu3.C, relu3.kernel, "
        "relu3.tolerance, relu3.weights, relu3.memory, relu3.solver, relu3.kernel.gamma, "
        "combiner.C, combiner.kernel, combiner.tolerance, combiner.weights, "
        "combiner.memory, combiner.solver, combiner.kernel.gamma)");
    assert_false(model_set(model, "relu2.c", value_number(1), &reference_error));
    assert_non_null(strstr(reference_error.message, "did you mean 'relu2.C'?"));
    assert_non_null(strstr(reference_error.message, "relu2.kernel.gamma"));
    assert_false(model_set(model, "threshold", value_number(NAN), &reference_error));
    model_release(copy);
    model_release(model);
}

static void refuse_layers(const char *a, const char *b, const char *words) {
    Network *net = small_net("small/dnr");
    Model *classifier[2] = { toy_new(), toy_new() }, *combiner = toy_new();
    DnrParts parts = { .net = net,
                       .layers = 2,
                       .layer = (const char *const[]){ a, b },
                       .classifier = classifier,
                       .combiner = combiner,
                       .threshold = -INFINITY };
    assert_null(dnr_new(&parts, &reference_error));
    if (!strstr(reference_error.message, words))
        fail_msg("\"%s\" lacks \"%s\"", reference_error.message, words);
    model_release(classifier[0]);
    model_release(classifier[1]);
    model_release(combiner);
    model_release((Model *)net);
}

static void test_refuses(void **state) {
    (void)state;
    refuse_layers("relu1", "relu7", "no layer \"relu7\" (it has: conv1, relu1, conv2");
    refuse_layers("relu1", "relu1", "\"relu1\" comes twice");
    Network *net = small_net("small/dnr");
    Model *wrong = reference_svm("small/nr", "", 0.05, 10), *combiner = toy_new();
    DnrParts parts = { .net = net,
                       .layers = 1,
                       .layer = (const char *const[]){ "relu3" },
                       .classifier = &wrong,
                       .combiner = combiner,
                       .threshold = -INFINITY };
    assert_null(dnr_new(&parts, &reference_error));
    assert_string_equal(reference_error.message,
                        "dnr: relu3: the svm takes 5 features, its input here has 12");
    parts.classifier = (Model *const[]){ NULL };
    assert_null(dnr_new(&parts, &reference_error));
    assert_non_null(strstr(reference_error.message, "no classifier for layer relu3"));
    parts.layers = 0;
    assert_null(dnr_new(&parts, &reference_error));
    model_release(wrong);
    model_release(combiner);
    model_release((Model *)net);

    Array *x, *y, *fold;
    Samples training = small_training(&x, &y, &fold);
    Dnr *dnr = toy_dnr();
    memset(array_i32(fold), 0, training.n * sizeof(int32_t));
    assert_false(dnr_fit(dnr, &(Folds){ .samples = &training, .fold = array_i32(fold) }, NULL,
                         &reference_error));
    assert_string_equal(reference_error.message, "fit: folds: expected two folds or more");
    training.features = 12;
    assert_false(dnr_fit(dnr, &(Folds){ .samples = &training, .fold = array_i32(fold) }, NULL,
                         &reference_error));
    assert_string_equal(reference_error.message,
                        "fit: samples have 12 features, the net takes 144");
    model_release((Model *)dnr);
    array_free(x);
    array_free(y);
    array_free(fold);
    assert_int_equal(toys_alive, 0);
}

/* A part that was fitted by itself to fewer classes must not be read beyond its rows. */
static void test_part_fitted_by_itself(void **state) {
    (void)state;
    Case c = case_load();
    Dnr *dnr = small_dnr(true);
    float few[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
    Samples other = { few, (int32_t[]){ 1, 2 }, 2, 12 };
    double scores[6];
    assert_ok(model_fit(dnr_layer_classifier(dnr, 2), &other, NULL, &reference_error));
    assert_false(model_scores((Model *)dnr, &(Batch){ array_f32(c.x), 1, 144, "scores" }, scores,
                              &reference_error));
    assert_non_null(strstr(reference_error.message, "fitted by itself to other classes"));
    model_release((Model *)dnr);
    case_clear(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_from_coefficients),
        cmocka_unit_test(test_trained_by_us),
        cmocka_unit_test(test_gradient_by_central_differences),
        cmocka_unit_test(test_batch_and_single),
        cmocka_unit_test(test_tiles),
        cmocka_unit_test(test_any_model_as_part),
        cmocka_unit_test(test_seed_of_a_default_fit),
        cmocka_unit_test(test_unfinished_fit_changes_nothing),
        cmocka_unit_test(test_hyperparameters),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_part_fitted_by_itself),
    };
    return cmocka_run_group_tests_name("dnr", tests, NULL, NULL);
}
