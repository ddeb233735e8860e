/* Layers by hand and in a row; what every kind is asked for is in test_layer_table.c. */
#include "nn_case.h"

/* ---- Layers in a row: gradients by differences -----------------------------------------------
 *
 * Each layer is linear between its kinks, so with inputs farther from a kink than the step the
 * difference quotient is exact up to rounding, and the step can be large. */

typedef struct Check {
    Network *net;
    size_t n, inputs, outputs;
    float *x, *w; /* the samples; the weight of each output in the sum */
} Check;

static double weighted_sum(const Check *check) {
    Error err = { 0 };
    size_t last = network_layer_count(check->net) - 1;
    network_weights_changed(check->net);
    Pass *pass = network_forward(
        check->net, &(Batch){ check->x, check->n, ((const Model *)check->net)->features, "test" },
        &(Taps){ .layer = &last, .count = 1 }, &err);
    assert_non_null(pass);
    double sum = 0;
    for (size_t i = 0; i < check->n * check->outputs; i++)
        sum += (double)check->w[i] * pass_output(pass, 0)[i];
    pass_free(pass);
    return sum;
}

static void compare_slopes(const Check *check, const char *what, float *values, const float *slopes,
                           size_t count) {
    const float step = 0.02f;
    for (size_t i = 0; i < count; i++) {
        float kept = values[i];
        values[i] = kept + step;
        double above = weighted_sum(check);
        values[i] = kept - step;
        double below = weighted_sum(check), numeric = (above - below) / (2 * (double)step);
        values[i] = kept;
        if (fabs(numeric - slopes[i]) > 2e-4 * fmax(1, fabs(numeric)))
            fail_msg("%s %zu: %g by differences, %g by backward", what, i, numeric, slopes[i]);
    }
}

static void check_gradients(const char *json) {
    Error err = { 0 };
    Check check = { .net = net_of(json), .n = 3 };
    size_t last = network_layer_count(check.net) - 1, shape[3] = { 1, 1, 1 };
    network_input_shape(check.net, shape);
    check.inputs = shape[0] * shape[1] * shape[2];
    check.outputs = network_output_size(check.net, last);
    size_t xs = check.n * check.inputs, weights = network_vector_size(check.net);
    check.x = malloc(xs * sizeof(float));
    check.w = malloc(check.n * check.outputs * sizeof(float));
    float *dx = malloc(xs * sizeof(float)), *dweights = calloc(weights + 1, sizeof(float));
    fill_random(check.w, check.n * check.outputs, 2);
    Rng rng;
    rng_seed(&rng, 3);
    size_t *order = malloc(xs * sizeof *order);
    rng_permutation(&rng, xs, order);
    for (size_t i = 0; i < xs; i++) /* all different, none near 0 */
        check.x[i] = 0.1f * ((float)order[i] - (float)(xs / 2) + 0.5f);
    Pass *pass = network_forward(
        check.net, &(Batch){ check.x, check.n, ((const Model *)check.net)->features, "test" },
        &(Taps){ .layer = &last, .count = 1 }, &err);
    const float *gradient = check.w;
    assert_true(pass_backward_weights(pass, &gradient, &(PassSlopes){ dx, dweights }, &err));
    pass_free(pass);
    compare_slopes(&check, "dx", check.x, dx, xs);
    compare_slopes(&check, "dw", check.net->weights, dweights, weights);
    free(order);
    free(dweights);
    free(dx);
    free(check.w);
    free(check.x);
    net_done(check.net);
}

#define NET(input, layers) "{\"input\":" input ",\"layers\":[" layers "]}"

/* Layers that work in place behind those whose output backward still reads. */
static void gradients_through_layers_in_place(void **state) {
    (void)state;
    check_gradients(NET("[8]", "{\"kind\":\"relu\"},{\"kind\":\"dropout\"},{\"kind\":\"relu\"},"
                               "{\"kind\":\"linear\",\"out\":3}"));
    check_gradients(NET("[2,4,4]", "{\"kind\":\"maxpool\",\"kernel\":2},{\"kind\":\"relu\"},"
                                   "{\"kind\":\"conv2d\",\"out\":2,\"kernel\":2}"));
}

/* ---- Forward by hand ------------------------------------------------------------------------- */

static void run(Network *net, const float *x, size_t n, float *y) {
    Error err = { 0 };
    size_t last = network_layer_count(net) - 1;
    Pass *pass = network_forward(net, &(Batch){ x, n, ((const Model *)net)->features, "test" },
                                 &(Taps){ .layer = &last, .count = 1 }, &err);
    assert_non_null(pass);
    memcpy(y, pass_output(pass, 0), n * network_output_size(net, last) * sizeof *y);
    pass_free(pass);
}

static void set_weights(Network *net, const char *layer, const float *weight, int ndim,
                        const size_t *shape, const float *bias) {
    Error err = { 0 };
    Tensors tensors;
    char name[64];
    tensors_init(&tensors);
    snprintf(name, sizeof name, "%s.weight", layer);
    assert_true(tensors_add_values(&tensors, (TensorName){ NULL, name },
                                   &(TensorValues){ DTYPE_F32, weight, ndim, shape }, &err));
    snprintf(name, sizeof name, "%s.bias", layer);
    assert_true(tensors_add_values(&tensors, (TensorName){ NULL, name },
                                   &(TensorValues){ DTYPE_F32, bias, 1, shape }, &err));
    if (!network_load_weights(net, &tensors, NULL, &err))
        fail_msg("%s", err.message);
    tensors_clear(&tensors);
}

static void assert_values(const float *got, const float *expected, size_t n) {
    for (size_t i = 0; i < n; i++)
        assert_float_equal(got[i], expected[i], 1e-6);
}

/* Two input channels, a 2 x 2 kernel of ones and one of channel 2's lower right corner only. */
static void conv2d_by_hand(void **state) {
    (void)state;
    Network *net = net_of(NET("[2,2,3]", "{\"kind\":\"conv2d\",\"out\":2,\"kernel\":2}"));
    const float weight[16] = { 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1 };
    const float bias[2] = { 0.5f, -1 };
    const float x[12] = { 1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60 };
    const float expected[4] = { 132.5f, 176.5f, 49, 59 };
    float y[4];
    set_weights(net, "conv1", weight, 4, (size_t[]){ 2, 2, 2, 2 }, bias);
    run(net, x, 1, y);
    assert_values(y, expected, 4);
    net_done(net);
}

static void conv2d_with_padding_and_stride_by_hand(void **state) {
    (void)state;
    Network *net = net_of(NET("[1,3,3]", "{\"kind\":\"conv2d\",\"out\":1,\"kernel\":3,"
                                         "\"stride\":2,\"padding\":1}"));
    const float weight[9] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 }, bias[1] = { 0 };
    const float x[9] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
    /* corners of the image under the kernel's lower right, lower left, upper right, upper left */
    const float expected[4] = { 5 * 1 + 6 * 2 + 8 * 4 + 9 * 5, 4 * 2 + 5 * 3 + 7 * 5 + 8 * 6,
                                2 * 4 + 3 * 5 + 5 * 7 + 6 * 8, 1 * 5 + 2 * 6 + 4 * 8 + 5 * 9 };
    float y[4];
    set_weights(net, "conv1", weight, 4, (size_t[]){ 1, 1, 3, 3 }, bias);
    run(net, x, 1, y);
    assert_values(y, expected, 4);
    net_done(net);
}

static void linear_by_hand(void **state) {
    (void)state;
    Network *net = net_of(NET("[3]", "{\"kind\":\"linear\",\"out\":2}"));
    const float weight[6] = { 1, 2, 3, -1, 0, 1 }, bias[2] = { 0.5f, 0.25f };
    const float x[6] = { 1, 1, 1, 2, 0, -1 }, expected[4] = { 6.5f, 0.25f, -0.5f, -2.75f };
    float y[4];
    set_weights(net, "fc1", weight, 2, (size_t[]){ 2, 3 }, bias);
    run(net, x, 2, y);
    assert_values(y, expected, 4);
    net_done(net);
}

static void relu_maxpool_flatten_by_hand(void **state) {
    (void)state;
    Network *net = net_of(NET("[2,2,3]", "{\"kind\":\"maxpool\",\"kernel\":2,\"stride\":1},"
                                         "{\"kind\":\"relu\"},{\"kind\":\"flatten\"}"));
    const float x[12] = { 1, 5, 2, 3, 4, 9, -1, -2, -3, -4, -5, 6 };
    const float expected[4] = { 5, 9, 0, 6 };
    float y[4];
    run(net, x, 1, y);
    assert_values(y, expected, 4);
    net_done(net);
}

/* Without a stride the windows lie side by side. */
static void maxpool_strides_by_its_kernel(void **state) {
    (void)state;
    Network *net = net_of(NET("[1,2,6]", "{\"kind\":\"maxpool\",\"kernel\":[1,3]}"));
    const float x[12] = { 1, 5, 2, 3, 4, 9, -1, -2, -3, -4, -5, 6 };
    const float expected[4] = { 5, 9, -1, 6 };
    float y[4];
    assert_int_equal(network_output_size(net, 0), 4);
    run(net, x, 1, y);
    assert_values(y, expected, 4);
    net_done(net);
}

static void equal_numbers_under_a_window_share_no_gradient(void **state) {
    (void)state;
    Error err = { 0 };
    Network *net = net_of(NET("[1,2,2]", "{\"kind\":\"maxpool\",\"kernel\":2}"));
    const float x[4] = { 3, 3, 3, 3 }, one[1] = { 2 }, expected[4] = { 2, 0, 0, 0 };
    const float *gradient = one;
    float dx[4];
    size_t tap = 0;
    Pass *pass = network_forward(net, &(Batch){ x, 1, ((const Model *)net)->features, "test" },
                                 &(Taps){ .layer = &tap, .count = 1 }, &err);
    assert_true(pass_backward(pass, &gradient, dx, &err));
    assert_values(dx, expected, 4);
    pass_free(pass);
    net_done(net);
}

/* In training a share p is zero and the rest is scaled so that the mean stays; a tile cut elsewhere
 * drops the same numbers, and backward drops what forward dropped. */
static void dropout_drops_in_training_only(void **state) {
    (void)state;
    enum { N = 20, WIDTH = 500 };
    Network *net = net_of(NET("[500]", "{\"kind\":\"dropout\",\"p\":0.25}"));
    const Layer *layer = net->layer[0];
    static float x[N * WIDTH], y[N * WIDTH], z[N * WIDTH], dx[N * WIDTH];
    for (size_t i = 0; i < N * WIDTH; i++)
        x[i] = 3;
    Tile tile = { .n = N, .training = true, .seed = 5 }, later = tile;
    later.n = N - 4;
    later.first = 4;
    layer->kind->forward(layer, &(LayerCall){ .tile = &tile, .x = x, .y = y });
    layer->kind->forward(layer, &(LayerCall){ .tile = &later, .x = x, .y = z });
    layer->kind->backward(layer, &(LayerCall){ .tile = &tile, .x = x, .y = y, .dy = x, .dx = dx });
    size_t zeros = 0;
    for (size_t i = 0; i < N * WIDTH; i++) {
        zeros += y[i] == 0;
        assert_true(y[i] == 0 || fabsf(y[i] - 4) < 1e-6f);
    }
    assert_true(abs((int)zeros - N * WIDTH / 4) <= 200);
    assert_memory_equal(y + 4 * WIDTH, z, (N - 4) * WIDTH * sizeof *y);
    assert_memory_equal(y, dx, sizeof y);
    tile.training = false;
    layer->kind->forward(layer, &(LayerCall){ .tile = &tile, .x = x, .y = y });
    assert_memory_equal(x, y, sizeof x);
    net_done(net);
}

/* ---- What is refused ------------------------------------------------------------------------- */

static void descriptions_that_do_not_fit(void **state) {
    (void)state;
    assert_refused(NET("[1,4,4]", "{\"kind\":\"conv\",\"out\":2,\"kernel\":2}"),
                   "expected one of conv2d, ");
    assert_refused(NET("[1,4,4]", "{\"kind\":\"conv2d\",\"out\":2,\"kernal\":2}"),
                   "layer 1 (conv2d): unknown option 'kernal'; did you mean 'kernel'? (valid: out, "
                   "kernel, stride, padding, dilation, groups, bias, name)");
    assert_refused(NET("[1,4,4]", "{\"kind\":\"conv2d\",\"out\":2,\"kernel\":5}"),
                   "larger than the input (1, 4, 4)");
    assert_refused(NET("[1,4,4]", "{\"kind\":\"maxpool\",\"kernel\":[2,5]}"),
                   "layer 1 (maxpool): a kernel of 2 x 5 is larger");
    assert_refused(NET("[1,4,4]", "{\"kind\":\"conv2d\",\"kernel\":3}"), "out: expected");
    assert_refused(NET("[1,4,4]", "{\"kind\":\"conv2d\",\"out\":2.5,\"kernel\":3}"), "got 2.5");
    assert_refused(NET("[1,4,4]", "{\"kind\":\"conv2d\",\"out\":2,\"kernel\":[1,2,3]}"),
                   "got a list of 3");
    assert_refused(NET("[1,4,4]", "{\"kind\":\"conv2d\",\"out\":2,\"kernel\":2,\"stride\":0}"),
                   "stride: expected");
    assert_refused(NET("[1,4,4]", "{\"kind\":\"linear\",\"out\":2}"), "put a flatten before it");
    assert_refused(NET("[16]", "{\"kind\":\"conv2d\",\"out\":2,\"kernel\":2}"), "takes images");
    assert_refused(NET("[16]", "{\"kind\":\"dropout\",\"p\":1}"), "p: expected");
    assert_refused(NET("[16]", "{\"kind\":\"relu\",\"name\":\"a.b\"}"), "name: expected");
    assert_refused(
        NET("[4]", "{\"kind\":\"relu\",\"name\":\"a\"},{\"kind\":\"relu\",\"name\":\"a\"}"),
        "layers 1 and 2 are both named \"a\"");
    assert_refused(NET("[1048576]", "{\"kind\":\"linear\",\"out\":1048576}"), "too many");
    assert_refused(NET("[0]", "{\"kind\":\"relu\"}"), "input: expected");
    assert_refused(NET("[2,3,4,5]", "{\"kind\":\"relu\"}"), "input: expected");
    assert_refused("{\"layers\":[{\"kind\":\"relu\"}]}", "input: expected");
    assert_refused(NET("[4]", ""), "expected layers");
    assert_refused("{\"input\":[2],\"layers\":[{\"kind\":\"relu\"}],\"classes\":[1]}",
                   "a list of 2 labels");
    assert_refused("{\"input\":[2],\"layers\":[{\"kind\":\"relu\"}],\"classes\":[4,1]}",
                   "rising order");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_through_layers_in_place),
        cmocka_unit_test(conv2d_by_hand),
        cmocka_unit_test(conv2d_with_padding_and_stride_by_hand),
        cmocka_unit_test(linear_by_hand),
        cmocka_unit_test(relu_maxpool_flatten_by_hand),
        cmocka_unit_test(maxpool_strides_by_its_kernel),
        cmocka_unit_test(equal_numbers_under_a_window_share_no_gradient),
        cmocka_unit_test(dropout_drops_in_training_only),
        cmocka_unit_test(descriptions_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
