/* The tutorial's DNR on MNIST against the reference: from its coefficients, and trained by us on
 * its samples and folds. Skipped where the shared reference or MNIST is not at hand. */
#include "mnist_case.h"

#include "reject/taps.h"
#include "reject/threshold.h"

static const double reference_threshold = -0.965087466318049;
static struct {
    bool there;
    Network *net;
    Dataset *known, *test;
    Array *fold, *scores, *layer_scores, *y;
} mnist;

static int load(void **state) {
    (void)state;
    mnist.there = mnist_case_is_there();
    if (!mnist.there)
        return 0;
    mnist.net = mnist_case_net();
    mnist.known = mnist_case_samples(MNIST_TRAIN, "train_index");
    mnist.test = mnist_case_samples(MNIST_TEST, "test_index");
    mnist.fold = reference_as("mnist", "fold", DTYPE_I32);
    mnist.scores = reference_as("mnist", "scores", DTYPE_F64);
    mnist.layer_scores = reference_as("mnist", "layer_scores", DTYPE_F64);
    mnist.y = reference_as("mnist", "y_pred", DTYPE_I32);
    return 0;
}

static int unload(void **state) {
    (void)state;
    if (!mnist.there)
        return 0;
    model_release((Model *)mnist.net);
    dataset_free(mnist.known);
    dataset_free(mnist.test);
    array_free(mnist.fold);
    array_free(mnist.scores);
    array_free(mnist.layer_scores);
    array_free(mnist.y);
    return 0;
}

/* Rows of the layer's output at the reference's support vectors. */
static Array *support_vectors(const char *layer) {
    char file[64];
    snprintf(file, sizeof file, "layer_%s_sv_index", layer);
    Array *index = reference_as("mnist", file, DTYPE_I32);
    size_t tap = (size_t)network_find(mnist.net, layer), n = array_size(index);
    size_t width = network_output_size(mnist.net, tap);
    float *output = malloc(dataset_count(mnist.known) * width * sizeof *output);
    Samples known = { array_f32(dataset_x(mnist.known)), NULL, dataset_count(mnist.known), 784 };
    TapsJob job = { mnist.net, &known, { &tap, 1, &output } };
    assert_ok(taps_extract(&job, NULL, &reference_error));
    Array *sv = array_new2("test", DTYPE_F32, n, width, &reference_error);
    assert_ok(sv);
    for (size_t i = 0; i < n; i++)
        memcpy(array_f32(sv) + i * width, output + (size_t)array_i32(index)[i] * width,
               width * sizeof *output);
    free(output);
    array_free(index);
    return sv;
}

static Model *svm_from(const char *prefix, Array *sv, double gamma, double C) {
    char file[64];
    snprintf(file, sizeof file, "%s_alpha", prefix);
    Array *alpha = reference_as("mnist", file, DTYPE_F64);
    snprintf(file, sizeof file, "%s_b", prefix);
    Array *b = reference_as("mnist", file, DTYPE_F64);
    Labels classes = { (int32_t[]){ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 }, 10 };
    SvcParams params = svc_defaults();
    params.kernel = (Kernel){ .kind = &kernel_rbf, .gamma = gamma };
    params.C = C;
    Svc *svc = svc_from(&params, &(SvcNumbers){ sv, alpha, b, &classes }, &reference_error);
    assert_ok(svc);
    array_free(sv);
    array_free(alpha);
    array_free(b);
    return (Model *)svc;
}

/* Takes over classifiers and combiner. */
static Dnr *make(Model *const classifier[3], Model *combiner) {
    DnrParts parts = { .net = mnist.net,
                       .layers = 3,
                       .layer = mnist_layers,
                       .classifier = classifier,
                       .combiner = combiner,
                       .threshold = -INFINITY };
    Dnr *dnr = dnr_new(&parts, &reference_error);
    assert_ok(dnr);
    for (size_t l = 0; l < 3; l++)
        model_release(classifier[l]);
    model_release(combiner);
    return dnr;
}

/* Set the threshold for 10 % and return the test digits' scores. */
static double *judge(Dnr *dnr, double tolerance) {
    const float *x = array_f32(dataset_x(mnist.test));
    size_t n = dataset_count(mnist.test), rejected = 0;
    double threshold =
        threshold_for((Model *)dnr, 0.1, &(Batch){ x, n, 784, "test" }, &reference_error);
    assert_float_equal(threshold, reference_threshold, tolerance);
    assert_ok(dnr_set_threshold(dnr, threshold, &reference_error));
    double *scores = malloc(n * 11 * sizeof *scores);
    assert_ok(
        model_scores((Model *)dnr, &(Batch){ x, n, 784, "scores" }, scores, &reference_error));
    for (size_t i = 0; i < n; i++)
        rejected += model_label((Model *)dnr, scores + i * 11) == LABEL_REJECTED;
    assert_int_equal(rejected, 100);
    return scores;
}

static void test_from_coefficients(void **state) {
    (void)state;
    if (!mnist.there)
        skip();
    Model *classifier[3];
    for (size_t l = 0; l < 3; l++) {
        char prefix[32];
        snprintf(prefix, sizeof prefix, "layer_%s", mnist_layers[l]);
        classifier[l] =
            svm_from(prefix, support_vectors(mnist_layers[l]), mnist_gamma[l], mnist_C[l]);
    }
    Dnr *dnr = make(classifier,
                    svm_from("combiner", reference_as("mnist", "combiner_sv", DTYPE_F32), 1, 0.1));
    size_t n = dataset_count(mnist.test);
    float *inputs = malloc(n * 30 * sizeof *inputs);
    assert_ok(dnr_layer_scores(
        dnr, &(Batch){ array_f32(dataset_x(mnist.test)), n, ((Model *)dnr)->features, "test" },
        inputs, &reference_error));
    double *value = doubles(inputs, n * 30);
    assert_close(value, mnist.layer_scores, 1e-4);
    double *scores = judge(dnr, 1e-5);
    assert_close(scores, mnist.scores, 1e-4);
    assert_same_labels((Model *)dnr, scores, mnist.y, 1e-4);
    free(scores);
    free(value);
    free(inputs);
    model_release((Model *)dnr);
}

static void test_trained_by_us(void **state) {
    (void)state;
    if (!mnist.there)
        skip();
    Model *classifier[3];
    for (size_t l = 0; l < 3; l++)
        classifier[l] = new_svm(mnist_gamma[l], mnist_C[l]);
    Dnr *dnr = make(classifier, new_svm(1, 0.1));
    Samples samples = { array_f32(dataset_x(mnist.known)), array_i32(mnist.known->y),
                        dataset_count(mnist.known), 784 };
    double start = progress_clock();
    assert_ok(dnr_fit(dnr, &(Folds){ .samples = &samples, .fold = array_i32(mnist.fold) }, NULL,
                      &reference_error));
    print_message("# fitting took %.2f s\n", progress_clock() - start);
    double *scores = judge(dnr, 1e-3);
    for (size_t i = 0; i < dataset_count(mnist.test); i++)
        for (size_t c = 0; c < 10; c++)
            assert_float_equal(scores[i * 11 + c], array_f64(mnist.scores)[i * 11 + c], 3e-3);
    assert_same_labels((Model *)dnr, scores, mnist.y, 3e-3);
    free(scores);
    model_release((Model *)dnr);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_from_coefficients),
        cmocka_unit_test(test_trained_by_us),
    };
    return cmocka_run_group_tests_name("dnr_mnist", tests, load, unload);
}
