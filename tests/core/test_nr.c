/* nr.h, threshold.h, layer_model.h: the threshold's place, scores and gradients, the reference. */
#include "reference.h"
#include "toy_model.h"

#include "reject/layer_model.h"
#include "reject/nr.h"
#include "reject/threshold.h"

static const float points[] = { 0, 0, 2, 0, 0, 4, 0, 6 };
static const int32_t labels[] = { 3, 3, 7, 7 };
static const Samples samples = { points, labels, 4, 2 };

static void test_threshold_from_best(void **state) {
    (void)state;
    double best[10];
    for (size_t i = 0; i < 10; i++)
        best[i] = (double)((i * 7) % 10);
    /* 0, 1 and 2 are not higher. */
    assert_float_equal(threshold_from_best(0.3, best, 10, &reference_error), 2, 0);
    assert_true(threshold_from_best(0.09, best, 10, &reference_error) == -INFINITY);
    assert_float_equal(threshold_from_best(1, best, 10, &reference_error), 9, 0);
    /* 0.29 · 100 is 28.999… in binary, 29 samples to a reader. */
    double hundred[100];
    for (size_t i = 0; i < 100; i++)
        hundred[i] = (double)((i * 37) % 100);
    assert_float_equal(threshold_from_best(0.29, hundred, 100, &reference_error), 28, 0);
    assert_true(isnan(threshold_from_best(1.5, best, 10, &reference_error)));
    assert_string_equal(reference_error.message,
                        "threshold_for: p is the share to reject, from 0 to 1, got 1.5");
    assert_true(isnan(threshold_from_best(NAN, best, 10, &reference_error)));
    assert_true(isnan(threshold_from_best(0.1, best, 0, &reference_error)));
}

static void test_nr_scores(void **state) {
    (void)state;
    Model *toy = toy_new();
    Nr *nr = nr_new(toy, -INFINITY, &reference_error);
    assert_ok(nr);
    Model *model = (Model *)nr;
    assert_ptr_equal(nr_model(nr), toy);
    assert_false(model_is_fitted(model));
    assert_ok(model_fit(model, &samples, NULL, &reference_error));
    double scores[12];
    assert_ok(model_scores(model, &(Batch){ points, 4, 2, "scores" }, scores, &reference_error));
    assert_int_equal(model_columns(model), 3);
    assert_float_equal(scores[0], -0.5, 1e-12);
    assert_true(scores[2] == -INFINITY);
    assert_int_equal(model_label(model, scores), 3);
    double threshold =
        threshold_for(model, 0.5, &(Batch){ points, 4, 2, "test" }, &reference_error);
    assert_float_equal(threshold, -0.5, 1e-12); /* all four are -0.5: ties are rejected together */
    assert_ok(model_set(model, "threshold", value_number(threshold), &reference_error));
    assert_float_equal(nr_threshold(nr), -0.5, 1e-12);
    assert_ok(model_scores(model, &(Batch){ points, 4, 2, "scores" }, scores, &reference_error));
    assert_int_equal(model_label(model, scores), LABEL_REJECTED);
    model_release(model);
    model_release(toy);
    assert_int_equal(toys_alive, 0);
}

static void test_nr_gradient_leaves_out_the_reject_column(void **state) {
    (void)state;
    Model *toy = toy_new();
    assert_ok(model_fit(toy, &samples, NULL, &reference_error));
    Nr *nr = nr_new(toy, 0.25, &reference_error);
    assert_ok(nr);
    float with[2], without[2];
    assert_ok(model_gradient((Model *)nr, &(Batch){ points + 2, 1, 2, "gradient" },
                             &(GradientRequest){ .w = (double[]){ 1, -2, 5 }, .gradient = with },
                             &reference_error));
    assert_ok(model_gradient(toy, &(Batch){ points + 2, 1, 2, "gradient" },
                             &(GradientRequest){ .w = (double[]){ 1, -2 }, .gradient = without },
                             &reference_error));
    assert_memory_equal(with, without, sizeof with);
    model_release((Model *)nr);
    model_release(toy);
}

static void test_threshold_of_scores_that_are_no_numbers(void **state) {
    (void)state;
    static const float spoilt[] = { 0, 0, NAN, 0 };
    Model *toy = toy_new();
    assert_ok(model_fit(toy, &samples, NULL, &reference_error));
    Batch batch = { spoilt, 2, 2, "threshold_for" };
    assert_true(isnan(threshold_for(toy, 0.5, &batch, &reference_error)));
    assert_non_null(strstr(reference_error.message, "the scores of sample 2 are not all numbers"));
    model_release(toy);
}

static void test_nr_refuses(void **state) {
    (void)state;
    Model *toy = toy_new();
    assert_null(nr_new(toy, NAN, &reference_error));
    assert_null(nr_new(toy, INFINITY, &reference_error));
    assert_ok(model_fit(toy, &samples, NULL, &reference_error));
    Nr *nr = nr_new(toy, 0, &reference_error);
    assert_ok(nr);
    assert_null(nr_new((Model *)nr, 0, &reference_error));
    assert_string_equal(reference_error.message, "reject.new: the nr already rejects");
    assert_false(nr_set_threshold(nr, NAN, &reference_error));
    assert_float_equal(nr_threshold(nr), 0, 0);
    /* Trained by itself to three classes, the model's rows no longer fit ours. */
    Samples other = { points, (int32_t[]){ 1, 2, 3, 3 }, 4, 2 };
    double scores[12];
    assert_ok(model_fit(toy, &other, NULL, &reference_error));
    assert_false(
        model_scores((Model *)nr, &(Batch){ points, 4, 2, "scores" }, scores, &reference_error));
    assert_non_null(strstr(reference_error.message, "other classes"));
    model_release((Model *)nr);
    model_release(toy);
}

static void test_nr_clone(void **state) {
    (void)state;
    Model *toy = toy_new();
    Nr *nr = nr_new(toy, 0.5, &reference_error);
    assert_ok(nr);
    model_release(toy);
    assert_ok(model_set((Model *)nr, "shrink", value_number(0.5), &reference_error));
    Model *copy = model_clone((Model *)nr, &reference_error);
    assert_ok(copy);
    Value value;
    assert_ok(model_get(copy, "shrink", &value, &reference_error));
    assert_float_equal(value.number[0], 0.5, 0);
    assert_ok(model_get(copy, "threshold", &value, &reference_error));
    assert_float_equal(value.number[0], 0.5, 0);
    assert_false(model_get(copy, "C", &value, &reference_error));
    model_release(copy);
    model_release((Model *)nr);
    assert_int_equal(toys_alive, 0);
}

/* small/nr: an SVM on the last layer. */
static Model *reference_nr(void) {
    Network *net = small_net("small/dnr");
    Model *svm = reference_svm("small/nr", "", 0.05, 10);
    LayerModel *layer = layer_model_new(net, "fc2", svm, &reference_error);
    assert_ok(layer);
    Nr *nr = nr_new((Model *)layer, 0.5383314338430705, &reference_error);
    assert_ok(nr);
    model_release((Model *)layer);
    model_release(svm);
    model_release((Model *)net);
    return (Model *)nr;
}

static void test_reference_scores(void **state) {
    (void)state;
    Model *nr = reference_nr();
    Array *x = reference_as("small/dnr", "test_x", DTYPE_F32);
    Array *expected = reference_as("small/nr", "scores", DTYPE_F64);
    Array *predicted = reference_as("small/nr", "y_pred", DTYPE_I32);
    size_t n = array_length(x), columns = model_columns(nr);
    assert_int_equal(columns, array_row_size(expected));
    double *scores = malloc(n * columns * sizeof *scores);
    assert_ok(
        model_scores(nr, &(Batch){ array_f32(x), n, 144, "scores" }, scores, &reference_error));
    assert_close(scores, expected, 1e-4);
    assert_true(assert_same_labels(nr, scores, predicted, 1e-4) <= 1);
    free(scores);
    array_free(x);
    array_free(expected);
    array_free(predicted);
    model_release(nr);
}

static void test_trained_nr_is_near_the_reference(void **state) {
    (void)state;
    Network *net = small_net("small/dnr");
    Model *svm = new_svm(0.05, 10);
    LayerModel *layer = layer_model_new(net, "fc2", svm, &reference_error);
    assert_ok(layer);
    Array *train = reference_as("small/dnr", "train_x", DTYPE_F32);
    Array *y = reference_as("small/dnr", "train_y", DTYPE_I32);
    Samples known = { array_f32(train), array_i32(y), array_length(train), 144 };
    assert_ok(model_fit((Model *)layer, &known, NULL, &reference_error));
    Array *x = reference_as("small/dnr", "test_x", DTYPE_F32);
    Array *expected = reference_as("small/nr", "scores", DTYPE_F64);
    size_t n = array_length(x), columns = model_columns((Model *)layer);
    double *scores = malloc(n * columns * sizeof *scores);
    assert_ok(model_scores((Model *)layer, &(Batch){ array_f32(x), n, 144, "scores" }, scores,
                           &reference_error));
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < columns; c++)
            assert_float_equal(scores[i * columns + c], array_f64(expected)[i * (columns + 1) + c],
                               3e-3);
    free(scores);
    array_free(x);
    array_free(expected);
    array_free(train);
    array_free(y);
    model_release((Model *)layer);
    model_release(svm);
    model_release((Model *)net);
}

/* Along one random direction a sample: (s(x + h u) − s(x − h u)) / 2h against gradient · u. */
static void test_gradient_by_central_differences(void **state) {
    (void)state;
    Model *nr = reference_nr();
    Array *x = reference_as("small/dnr", "test_x", DTYPE_F32);
    double w[6] = { 1, -0.5, 0.25, 2, -1, 3 };
    double worst = 0, most = 0;
    Rng rng;
    rng_seed(&rng, 3);
    for (size_t i = 0; i < 10; i++) {
        const float *sample = array_f32(x) + i * 144;
        float gradient[144], moved[288];
        double u[144], slope = 0, scores[12], h = 1e-3, change = 0;
        assert_ok(model_gradient(nr, &(Batch){ sample, 1, 144, "gradient" },
                                 &(GradientRequest){ .w = w, .gradient = gradient },
                                 &reference_error));
        for (size_t j = 0; j < 144; j++) {
            u[j] = rng_normal(&rng);
            moved[j] = (float)(sample[j] + h * u[j]);
            moved[144 + j] = (float)(sample[j] - h * u[j]);
            slope += gradient[j] * (moved[j] - (double)moved[144 + j]) / (2 * h);
        }
        assert_ok(model_scores(nr, &(Batch){ moved, 2, 144, "scores" }, scores, &reference_error));
        for (size_t c = 0; c < 5; c++)
            change += w[c] * (scores[c] - scores[6 + c]) / (2 * h);
        worst = fmax(worst, fabs(change - slope));
        most = fmax(most, fabs(slope));
    }
    assert_true(worst < 0.02 * most);
    array_free(x);
    model_release(nr);
}

static void test_layer_model_refuses(void **state) {
    (void)state;
    Network *net = small_net("small/dnr");
    Model *svm = reference_svm("small/nr", "", 0.05, 10);
    assert_null(layer_model_new(net, "relu9", svm, &reference_error));
    assert_non_null(strstr(reference_error.message, "no layer \"relu9\" (it has: conv1, relu1"));
    assert_null(layer_model_new(net, "fc1", svm, &reference_error));
    assert_non_null(strstr(reference_error.message,
                           "the classifier takes 5 features, the output of fc1 has 12"));
    model_release(svm);
    model_release((Model *)net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threshold_from_best),
        cmocka_unit_test(test_nr_scores),
        cmocka_unit_test(test_nr_gradient_leaves_out_the_reject_column),
        cmocka_unit_test(test_threshold_of_scores_that_are_no_numbers),
        cmocka_unit_test(test_nr_refuses),
        cmocka_unit_test(test_nr_clone),
        cmocka_unit_test(test_reference_scores),
        cmocka_unit_test(test_trained_nr_is_near_the_reference),
        cmocka_unit_test(test_gradient_by_central_differences),
        cmocka_unit_test(test_layer_model_refuses),
    };
    return cmocka_run_group_tests_name("nr", tests, NULL, NULL);
}
