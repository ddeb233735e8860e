#include "core/error.h"

#include "nn_case.h"

#define FOLDER "cnn_forward_backward"

/* The architecture of the reference's small CNN. */
static const char SMALL[] =
    "{\"input\":[1,12,12],\"layers\":["
    "{\"kind\":\"conv2d\",\"name\":\"conv1\",\"out\":6,\"kernel\":3,\"stride\":2},"
    "{\"kind\":\"relu\"},"
    "{\"kind\":\"conv2d\",\"out\":8,\"kernel\":3,\"padding\":1},{\"kind\":\"relu\"},"
    "{\"kind\":\"maxpool\",\"name\":\"pool\",\"kernel\":2},{\"kind\":\"flatten\",\"name\":"
    "\"flatten\"},"
    "{\"kind\":\"linear\",\"out\":12},{\"kind\":\"relu\"},{\"kind\":\"linear\",\"out\":5}]}";

static Network *small_net(const char *prefix) {
    static const char *const layers[] = { "conv1", "conv2", "fc1", "fc2" };
    static const char *const parts[] = { "weight", "bias" };
    Network *net = net_of(SMALL);
    Tensors tensors;
    Error err = { 0 };
    tensors_init(&tensors);
    for (int l = 0; l < 4; l++)
        for (int p = 0; p < 2; p++) {
            char file[64], name[64];
            snprintf(file, sizeof file, "%s_%s", layers[l], parts[p]);
            snprintf(name, sizeof name, "%s%s.%s", prefix, layers[l], parts[p]);
            Array *values = reference(FOLDER, file);
            assert_true(tensors_add(&tensors, (TensorName){ NULL, name }, values, &err));
            array_free(values);
        }
    if (!network_load_weights(net, &tensors, NULL, &err))
        fail_msg("%s", err.message);
    tensors_clear(&tensors);
    return net;
}

static void every_activation_agrees_with_pytorch(void **state) {
    (void)state;
    static const char *const names[] = { "conv1",   "relu1", "conv2", "relu2", "pool",
                                         "flatten", "fc1",   "relu3", "fc2" };
    Error err = { 0 };
    Network *net = small_net("features.");
    Array *x = reference(FOLDER, "x");
    size_t tap[9], n = array_length(x);
    for (size_t t = 0; t < 9; t++)
        tap[t] = (size_t)network_find(net, names[t]);
    float *output[9];
    for (size_t t = 0; t < 9; t++)
        output[t] = malloc(n * network_output_size(net, tap[t]) * sizeof(float));
    Batch batch = { array_f32(x), n, array_row_size(x), "test" };
    Pass *pass = network_forward(net, &batch, &(Taps){ .layer = tap, .count = 9 }, &err);
    assert_true(network_outputs(net, &batch, &(Taps){ tap, 9, output }, &err));
    for (size_t t = 0; t < 9; t++) {
        char file[64];
        snprintf(file, sizeof file, "act_%s", names[t]);
        Array *expected = reference(FOLDER, file);
        assert_int_equal(array_row_size(expected), network_output_size(net, tap[t]));
        assert_near(file, pass_output(pass, t), array_f32(expected), array_size(expected), 1e-5);
        assert_memory_equal(output[t], pass_output(pass, t), array_bytes(expected));
        array_free(expected);
        free(output[t]);
    }
    pass_free(pass);
    array_free(x);
    net_done(net);
}

/* dx of the sum over taps: each tap alone, and all in one reverse pass. */
static void input_gradients_agree_with_pytorch(void **state) {
    (void)state;
    static const char *const names[] = { "relu1", "relu2", "pool", "relu3", "fc2" };
    enum { TAPS = 5 };
    Error err = { 0 };
    Network *net = small_net("");
    Array *x = reference(FOLDER, "x"), *w[TAPS];
    size_t tap[TAPS], n = array_length(x), size = array_size(x);
    float *dx = malloc(size * sizeof *dx), *sum = calloc(size, sizeof *sum);
    const float *gradient[TAPS];
    for (size_t t = 0; t < TAPS; t++)
        tap[t] = (size_t)network_find(net, names[t]);
    Pass *pass =
        network_forward(net, &(Batch){ array_f32(x), n, ((const Model *)net)->features, "test" },
                        &(Taps){ .layer = tap, .count = TAPS }, &err);
    for (size_t t = 0; t < TAPS; t++) {
        char file[64];
        snprintf(file, sizeof file, "w_%s", names[t]);
        w[t] = reference(FOLDER, file);
        snprintf(file, sizeof file, "dx_%s", names[t]);
        Array *expected = reference(FOLDER, file);
        for (size_t u = 0; u < TAPS; u++)
            gradient[u] = u == t ? array_f32(w[t]) : NULL;
        assert_true(pass_backward(pass, gradient, dx, &err));
        assert_near(file, dx, array_f32(expected), size, 1e-5);
        for (size_t i = 0; i < size; i++)
            sum[i] += array_f32(expected)[i];
        array_free(expected);
    }
    for (size_t t = 0; t < TAPS; t++)
        gradient[t] = array_f32(w[t]);
    assert_true(pass_backward(pass, gradient, dx, &err));
    assert_near("all taps", dx, sum, size, 1e-5);
    for (size_t t = 0; t < TAPS; t++)
        gradient[t] = NULL;
    assert_true(pass_backward(pass, gradient, dx, &err));
    for (size_t i = 0; i < size; i++)
        assert_true(dx[i] == 0);
    for (size_t t = 0; t < TAPS; t++)
        array_free(w[t]);
    pass_free(pass);
    free(sum);
    free(dx);
    array_free(x);
    net_done(net);
}

/* ---- As a model ------------------------------------------------------------------------------ */

static const char TINY[] =
    "{\"input\":[2,9,9],\"layers\":[{\"kind\":\"conv2d\",\"out\":16,\"kernel\":3,\"stride\":2},"
    "{\"kind\":\"relu\"},{\"kind\":\"conv2d\",\"out\":5,\"kernel\":3,\"padding\":1},"
    "{\"kind\":\"relu\"},{\"kind\":\"maxpool\",\"kernel\":2},{\"kind\":\"flatten\"},"
    "{\"kind\":\"linear\",\"out\":7},{\"kind\":\"relu\"},{\"kind\":\"dropout\"},"
    "{\"kind\":\"linear\",\"out\":3}],\"classes\":[2,5,7]}";

/* Any cut of a batch, any number of threads: the same answers but for rounding. */
static void batch_size_and_threads_do_not_matter(void **state) {
    (void)state;
    enum { N = 1000, FEATURES = 162, COLUMNS = 3 };
    static const size_t sizes[] = { 1, 7, 128, 1000 };
    static float x[N * FEATURES], gradient[N * FEATURES], wanted[N * FEATURES];
    static double scores[N * COLUMNS], w[N * COLUMNS], expected[N * COLUMNS];
    Error err = { 0 };
    Network *net = net_of(TINY);
    fill_random(x, N * FEATURES, 1);
    for (size_t i = 0; i < N * COLUMNS; i++)
        w[i] = (double)(i % 5) - 2;
    for (int threads = 1; threads <= 3; threads++) {
        parallel_set_threads(threads);
        for (size_t s = 0; s < 4; s++) {
            bool first = threads == 1 && s == 0;
            for (size_t at = 0; at < N; at += sizes[s]) {
                size_t n = N - at < sizes[s] ? N - at : sizes[s];
                double *to = (first ? expected : scores) + at * COLUMNS;
                float *slope = (first ? wanted : gradient) + at * FEATURES;
                assert_true(model_scores(
                    &net->model, &(Batch){ x + at * FEATURES, n, FEATURES, "test" }, to, &err));
                assert_true(model_gradient(
                    &net->model, &(Batch){ x + at * FEATURES, n, FEATURES, "test" },
                    &(GradientRequest){ .w = w + at * COLUMNS, .gradient = slope }, &err));
            }
            for (size_t i = 0; !first && i < N * COLUMNS; i++)
                assert_float_equal(scores[i], expected[i], 1e-5);
            if (!first)
                assert_near("gradient", gradient, wanted, N * FEATURES, 1e-5);
        }
    }
    parallel_set_threads(0);
    net_done(net);
}

static void gradient_of_scores_is_the_taps(void **state) {
    (void)state;
    enum { N = 9, FEATURES = 162 };
    float x[N * FEATURES], dx[N * FEATURES], slope[N * 3], expected[N * FEATURES];
    double w[N * 3];
    Error err = { 0 };
    Network *net = net_of(TINY);
    size_t last = network_layer_count(net) - 1;
    fill_random(x, N * FEATURES, 1);
    fill_random(slope, N * 3, 2);
    for (size_t i = 0; i < N * 3; i++)
        w[i] = slope[i];
    const float *gradient = slope;
    Pass *pass = network_forward(net, &(Batch){ x, N, ((const Model *)net)->features, "test" },
                                 &(Taps){ .layer = &last, .count = 1 }, &err);
    assert_true(pass_backward(pass, &gradient, expected, &err));
    assert_true(model_gradient(&net->model, &(Batch){ x, N, FEATURES, "test" },
                               &(GradientRequest){ .w = w, .gradient = dx }, &err));
    assert_near("gradient", dx, expected, N * FEATURES, 1e-6);
    pass_free(pass);
    net_done(net);
}

static void a_pass_outlives_its_network(void **state) {
    (void)state;
    float x[162] = { 0.5f }, w[3] = { 1, 0, 0 }, dx[162];
    const float *gradient = w;
    Error err = { 0 };
    Network *net = net_of(TINY);
    size_t last = network_layer_count(net) - 1;
    Pass *pass = network_forward(net, &(Batch){ x, 1, ((const Model *)net)->features, "test" },
                                 &(Taps){ .layer = &last, .count = 1 }, &err);
    net_done(net);
    assert_true(pass_backward(pass, &gradient, dx, &err));
    pass_free(pass);
}

/* ---- Names, weights, descriptions ------------------------------------------------------------ */

static void samples_of_other_sizes_are_refused(void **state) {
    (void)state;
    Error err = { 0 };
    float x[145] = { 0 }, scores[5], *output = scores;
    Network *net = small_net("");
    size_t tap = (size_t)network_find(net, "fc2");
    const Taps taps = { &tap, 1, &output };
    for (size_t features = 143; features <= 145; features++) {
        const Batch batch = { x, 1, features, "test" };
        Pass *pass = network_forward(net, &batch, &taps, &err);
        assert_true((pass != NULL) == (features == 144));
        pass_free(pass);
        assert_true(network_outputs(net, &batch, &taps, &err) == (features == 144));
    }
    assert_string_equal(err.message, "test: samples have 145 features, the net takes 144");
    net_done(net);
}

static void layers_are_found_by_name(void **state) {
    (void)state;
    Network *net = net_of(TINY);
    assert_string_equal(network_layer_name(net, 0), "conv1");
    assert_string_equal(network_layer_name(net, 2), "conv2");
    assert_string_equal(network_layer_name(net, 4), "pool1");
    assert_string_equal(network_layer_name(net, 9), "fc2");
    assert_int_equal(network_find(net, "relu2"), 3);
    assert_int_equal(network_find(net, "features:relu2"), 3);
    assert_int_equal(network_find(net, "net.features.relu2"), 3);
    assert_int_equal(network_find(net, "relu9"), -1);
    assert_int_equal(network_parameter_count(net, 0), 16 * 2 * 9 + 16);
    assert_int_equal(network_parameter_count(net, 1), 0);
    net_done(net);
}

static void a_description_makes_the_same_net_again(void **state) {
    (void)state;
    Error err = { 0 };
    Network *net = net_of(TINY);
    cJSON *description = network_describe(net);
    Network *twin = network_new(description, 7, &err);
    cJSON *again = network_describe(twin);
    assert_true(cJSON_Compare(description, again, true));
    assert_int_equal(net->parameters, twin->parameters);
    assert_memory_equal(net->weights, twin->weights, net->parameters * sizeof(float));
    assert_true(labels_equal(&net->model.classes, &twin->model.classes));
    cJSON_Delete(again);
    cJSON_Delete(description);
    net_done(twin);
    net_done(net);
}

static void weights_survive_a_round_trip(void **state) {
    (void)state;
    Error err = { 0 };
    Network *net = net_of(TINY), *other = net_of(TINY);
    Tensors tensors;
    tensors_init(&tensors);
    assert_true(network_save_weights(net, &tensors, "part.features.", &err));
    assert_non_null(tensors_find(&tensors, "part.features.", "conv2.weight"));
    network_draw_weights(other, 99);
    if (!network_load_weights(other, &tensors, "part.", &err))
        fail_msg("%s", err.message);
    assert_memory_equal(net->weights, other->weights, net->parameters * sizeof(float));
    tensors_clear(&tensors);
    net_done(other);
    net_done(net);
}

static void a_failed_load_changes_nothing(void **state) {
    (void)state;
    Error err = { 0 };
    Network *net = net_of(TINY), *other = net_of(TINY);
    Tensors tensors;
    const float bias[2] = { 1, 2 };
    tensors_init(&tensors);
    assert_false(network_load_weights(net, &tensors, NULL, &err));
    assert_non_null(strstr(err.message, "conv1.weight, conv1.bias, "));
    assert_true(network_save_weights(net, &tensors, "a.", &err));
    assert_true(tensors_add_values(&tensors, (TensorName){ "b.", "fc2.bias" },
                                   &(TensorValues){ DTYPE_F32, bias, 1, (size_t[]){ 2 } }, &err));
    assert_false(network_load_weights(net, &tensors, NULL, &err));
    assert_non_null(strstr(err.message, "both a.fc2.bias and b.fc2.bias"));
    tensors_clear(&tensors);
    assert_true(tensors_add_values(&tensors, (TensorName){ NULL, "conv1.weight" },
                                   &(TensorValues){ DTYPE_F32, bias, 1, (size_t[]){ 2 } }, &err));
    assert_false(network_load_weights(net, &tensors, NULL, &err));
    assert_non_null(strstr(err.message, "conv1.weight is (2,), expected (16, 2, 3, 3)"));
    assert_memory_equal(net->weights, other->weights, net->parameters * sizeof(float));
    tensors_clear(&tensors);
    net_done(other);
    net_done(net);
}

/* A file's description cannot make us take memory for weights that the file does not have. */
static void a_file_that_promises_too_much(void **state) {
    (void)state;
    Error err = { 0 };
    Tensors tensors;
    tensors_init(&tensors);
    cJSON *meta =
        cJSON_Parse("{\"input\":[2047],\"layers\":[{\"kind\":\"linear\",\"out\":1048576}]}");
    assert_null(network_model_kind.read(&(ModelReader){ &tensors, "", meta, NULL }, &err));
    assert_non_null(strstr(err.message, "the file only 0"));
    assert_int_equal(err.kind, ERROR_FILE);
    cJSON_Delete(meta);
    tensors_clear(&tensors);
}

/* ---- The tutorial's CNN, where it is at hand ------------------------------------------------- */

static const char *reference_folder(void) {
    const char *folder = getenv("PERIGEE_REFERENCE");
    return folder ? folder : "../shared/reference";
}

static void first_weights_lie_within_their_bound(void **state) {
    (void)state;
    Network *net = net_of(TINY);
    float bound = 1 / sqrtf(18), largest = 0;
    for (size_t i = 0; i < 16 * 18; i++)
        largest = fmaxf(largest, fabsf(net->weights[i]));
    assert_true(largest <= bound && largest > 0.9f * bound);
    net_done(net);
}

/* A file's names have prefixes, its layers others: "classifier.weight" has none. */
static void the_tutorials_weights_load(void **state) {
    (void)state;
    char path[512];
    Error err = { 0 };
    snprintf(path, sizeof path, "%s/mnist/mnist-cnn.safetensors", reference_folder());
    FILE *file = fopen(path, "rb");
    if (!file)
        skip();
    fclose(file);
    Network *net = net_of(
        "{\"input\":[1,28,28],\"layers\":["
        "{\"kind\":\"conv2d\",\"out\":64,\"kernel\":5,\"stride\":2},{\"kind\":\"relu\"},"
        "{\"kind\":\"conv2d\",\"out\":64,\"kernel\":3,\"stride\":2},{\"kind\":\"relu\"},"
        "{\"kind\":\"conv2d\",\"out\":64,\"kernel\":3},{\"kind\":\"relu\"},{\"kind\":\"flatten\"},"
        "{\"kind\":\"linear\",\"out\":32},{\"kind\":\"relu\"},{\"kind\":\"dropout\"},"
        "{\"kind\":\"linear\",\"name\":\"classifier\",\"out\":10}]}");
    assert_false(model_is_fitted(&net->model));
    assert_false(network_load_file(net, &(WeightsFile){ .path = "/nowhere/weights" }, &err));
    assert_memory_equal(err.message, "load_weights", 12);
    if (!network_load_file(net, &(WeightsFile){ .path = path, .strict = true }, &err))
        fail_msg("%s", err.message);
    assert_int_equal(net->model.classes.count, 10);
    net_done(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_activation_agrees_with_pytorch),
        cmocka_unit_test(input_gradients_agree_with_pytorch),
        cmocka_unit_test(batch_size_and_threads_do_not_matter),
        cmocka_unit_test(gradient_of_scores_is_the_taps),
        cmocka_unit_test(a_pass_outlives_its_network),
        cmocka_unit_test(samples_of_other_sizes_are_refused),
        cmocka_unit_test(layers_are_found_by_name),
        cmocka_unit_test(a_description_makes_the_same_net_again),
        cmocka_unit_test(weights_survive_a_round_trip),
        cmocka_unit_test(a_failed_load_changes_nothing),
        cmocka_unit_test(a_file_that_promises_too_much),
        cmocka_unit_test(first_weights_lie_within_their_bound),
        cmocka_unit_test(the_tutorials_weights_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
