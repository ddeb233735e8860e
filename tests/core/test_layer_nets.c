/* Every kind of layer in a network: forward by its formula, described, cloned, saved and loaded. */
#include "layer_walk.h"

#include "files/model_file.h"

#include <math.h>
#include <unistd.h>

/* ---- Forward by the formula ------------------------------------------------------------------ */

/* One sample, channel-first, with weights in PyTorch's order. */
typedef struct Formula {
    const Layer *layer;
    const float *x, *weight, *bias;
} Formula;

/* An option of the layer by its name. */
static void option(const Layer *layer, const char *name, size_t pair[2]) {
    Value value = field_get(fields_find(layer->kind->fields.field, name), layer);
    pair[0] = (size_t)value.number[0];
    pair[1] = (size_t)value.number[1];
}

static double pixel(const Formula *f, size_t c, ptrdiff_t y, ptrdiff_t x) {
    ptrdiff_t height = (ptrdiff_t)f->layer->in.height, width = (ptrdiff_t)f->layer->in.width;
    bool inside = y >= 0 && y < height && x >= 0 && x < width;
    return inside ? f->x[((ptrdiff_t)c * height + y) * width + x] : 0;
}

static double conv2d_formula(const Formula *f, size_t o, size_t oy, size_t ox) {
    size_t kernel[2], stride[2], padding[2], dilation[2], groups[2];
    option(f->layer, "kernel", kernel);
    option(f->layer, "stride", stride);
    option(f->layer, "padding", padding);
    option(f->layer, "dilation", dilation);
    option(f->layer, "groups", groups);
    size_t channels = f->layer->in.channels / groups[0], maps = f->layer->out.channels / groups[0];
    double sum = f->bias ? f->bias[o] : 0;
    for (size_t c = 0; c < channels; c++)
        for (size_t ky = 0; ky < kernel[0]; ky++)
            for (size_t kx = 0; kx < kernel[1]; kx++)
                sum +=
                    (double)f->weight[((o * channels + c) * kernel[0] + ky) * kernel[1] + kx] *
                    pixel(f, o / maps * channels + c,
                          (ptrdiff_t)(oy * stride[0] + ky * dilation[0]) - (ptrdiff_t)padding[0],
                          (ptrdiff_t)(ox * stride[1] + kx * dilation[1]) - (ptrdiff_t)padding[1]);
    return sum;
}

static double maxpool_formula(const Formula *f, size_t c, size_t oy, size_t ox) {
    size_t kernel[2], stride[2], padding[2], dilation[2];
    option(f->layer, "kernel", kernel);
    option(f->layer, "stride", stride);
    option(f->layer, "padding", padding);
    option(f->layer, "dilation", dilation);
    double most = -INFINITY;
    for (size_t ky = 0; ky < kernel[0]; ky++)
        for (size_t kx = 0; kx < kernel[1]; kx++) {
            size_t y = oy * stride[0] + ky * dilation[0], x = ox * stride[1] + kx * dilation[1];
            bool inside = y >= padding[0] && y < f->layer->in.height + padding[0] &&
                          x >= padding[1] && x < f->layer->in.width + padding[1];
            if (inside)
                most = fmax(most,
                            pixel(f, c, (ptrdiff_t)(y - padding[0]), (ptrdiff_t)(x - padding[1])));
        }
    return most;
}

static double linear_formula(const Formula *f, size_t o, size_t oy, size_t ox) {
    size_t in = f->layer->in.channels;
    double sum = f->bias ? f->bias[o] : 0;
    for (size_t c = 0; c < in; c++)
        sum += (double)f->weight[o * in + c] * f->x[c];
    return oy + ox == 0 ? sum : NAN;
}

static double same_formula(const Formula *f, size_t c, size_t oy, size_t ox) {
    return f->x[(c * f->layer->out.height + oy) * f->layer->out.width + ox];
}

static double relu_formula(const Formula *f, size_t c, size_t oy, size_t ox) {
    return fmax(same_formula(f, c, oy, ox), 0);
}

/* Kinds whose formula stands here; outside training dropout changes nothing. */
static const struct {
    const LayerKind *kind;
    double (*at)(const Formula *f, size_t c, size_t oy, size_t ox);
} formulas[] = {
    { &layer_conv2d, conv2d_formula }, { &layer_maxpool, maxpool_formula },
    { &layer_linear, linear_formula }, { &layer_relu, relu_formula },
    { &layer_flatten, same_formula },  { &layer_dropout, same_formula },
};

/* A model that scores. */
static void give_classes(Network *net) {
    Error err = { 0 };
    size_t count = network_output_size(net, network_layer_count(net) - 1);
    int32_t *label = malloc(count * sizeof *label);
    for (size_t i = 0; i < count; i++)
        label[i] = 2 * (int32_t)i - 5;
    assert_true(labels_from("test", label, count, &net->model.classes, &err));
    free(label);
}

/* The outputs of n samples, malloc'd. */
static double *scores_of(Network *net, size_t n) {
    Error err = { 0 };
    size_t columns = network_output_size(net, network_layer_count(net) - 1);
    float *x = floats(n * net->model.features);
    double *scores = malloc(n * columns * sizeof *scores);
    fill_spaced(net->input, n, false, x);
    Batch batch = { .x = x, .n = n, .features = net->model.features, .where = "test" };
    if (!model_scores(&net->model, &batch, scores, &err))
        fail_msg("%s", err.message);
    free(x);
    return scores;
}

/* How often a window fits: counted, not computed. */
static size_t windows(const Layer *layer, size_t in, int side) {
    size_t kernel[2], stride[2], padding[2] = { 0, 0 }, dilation[2] = { 1, 1 }, count = 0;
    option(layer, "kernel", kernel);
    option(layer, "stride", stride);
    if (fields_find(layer->kind->fields.field, "padding"))
        option(layer, "padding", padding);
    if (fields_find(layer->kind->fields.field, "dilation"))
        option(layer, "dilation", dilation);
    const Field *ceil = fields_find(layer->kind->fields.field, "ceil_mode");
    size_t last = dilation[side] * (kernel[side] - 1); /* of a window that starts at 0 */
    size_t over = ceil && field_get(ceil, layer).truth ? stride[side] - 1 : 0;
    for (size_t at = 0; at + last < in + 2 * padding[side] + over; at += stride[side])
        count += at + last < in + 2 * padding[side] || at < in + padding[side];
    return count;
}

static void compare_formula(Network *net, size_t which, size_t n) {
    const Layer *layer = net->layer[0];
    Error err = { 0 };
    Array *parameter[2] = { NULL, NULL };
    for (int p = 0; p < layer->parameters; p++)
        parameter[p] = network_parameter(net, 0, p, NULL, &err);
    Formula f = { layer, NULL, parameter[0] ? array_f32(parameter[0]) : NULL,
                  parameter[1] ? array_f32(parameter[1]) : NULL };
    float *x = floats(n * net->model.features);
    double *scores = scores_of(net, n), *score = scores;
    fill_spaced(net->input, n, false, x);
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < layer->out.channels; c++)
            for (size_t oy = 0; oy < layer->out.height; oy++)
                for (size_t ox = 0; ox < layer->out.width; ox++) {
                    f.x = x + i * net->model.features;
                    double expected = formulas[which].at(&f, c, oy, ox);
                    assert_float_equal(*score++, expected, 1e-5);
                }
    free(x);
    free(scores);
    array_free(parameter[0]);
    array_free(parameter[1]);
}

static void check_formula(const LayerKind *kind, const OptionRow *row, Shape shape, size_t n) {
    Network *net = net_with(kind, row, shape);
    const Layer *layer = net->layer[0];
    give_classes(net);
    if (fields_find(kind->fields.field, "kernel")) {
        assert_int_equal(layer->out.height, windows(layer, layer->in.height, 0));
        assert_int_equal(layer->out.width, windows(layer, layer->in.width, 1));
    }
    for (size_t i = 0; i < COUNT(formulas); i++)
        if (formulas[i].kind == kind)
            compare_formula(net, i, n);
    net_done(net);
}

static void forward_by_the_formula(void **state) {
    (void)state;
    walk(check_formula);
}

/* ---- Descriptions, copies and files ---------------------------------------------------------- */

static char *description_of(const Network *net) {
    cJSON *json = network_describe(net);
    char *text = cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    return text;
}

static void assert_same_description(const Network *net, const Network *twin) {
    char *one = description_of(net), *other = description_of(twin);
    assert_string_equal(one, other);
    cJSON_free(one);
    cJSON_free(other);
}

static void assert_same_scores(Network *net, Network *twin, size_t n) {
    double *one = scores_of(net, n), *other = scores_of(twin, n);
    size_t columns = network_output_size(net, network_layer_count(net) - 1);
    assert_memory_equal(one, other, n * columns * sizeof *one);
    free(one);
    free(other);
}

/* Every option that was chosen stands in the described layer as it was. */
static void check_description(const LayerKind *kind, const OptionRow *row, Shape shape, size_t n) {
    Error err = { 0 };
    Network *net = net_with(kind, row, shape);
    give_classes(net);
    cJSON *json = network_describe(net);
    Network *twin = network_new(json, 7, &err);
    cJSON_Delete(json);
    if (!twin)
        fail_msg("%s: %s", kind->name, err.message);
    assert_same_description(net, twin);
    assert_same_scores(net, twin, n);
    Layer *chosen = layer_with(kind, row);
    for (const Field *field = kind->fields.field; field->name; field++) {
        char expected[VALUE_TEXT], got[VALUE_TEXT];
        Value value = field_get(field, chosen), described = field_get(field, twin->layer[0]);
        if (value.kind != VALUE_NOTHING)
            assert_string_equal(value_text(&described, got), value_text(&value, expected));
    }
    free(chosen);
    net_done(twin);
    net_done(net);
}

static void descriptions_make_the_same_net(void **state) {
    (void)state;
    walk(check_description);
}

static void check_clone(const LayerKind *kind, const OptionRow *row, Shape shape, size_t n) {
    Error err = { 0 };
    Network *net = net_with(kind, row, shape), *twin = (Network *)model_clone(&net->model, &err);
    assert_non_null(twin);
    assert_same_description(net, twin);
    assert_memory_equal(net->weights, twin->weights, net->parameters * sizeof(float));
    give_classes(net);
    give_classes(twin);
    assert_same_scores(net, twin, n);
    net_done(twin);
    net_done(net);
}

/* Layers are copied: those of the caller stay as they are, and may have been shaped by a network of
 * another input before. */
static void check_copies(const LayerKind *kind, const OptionRow *row, Shape shape, size_t n) {
    Error err = { 0 };
    Layer *layer = layer_with(kind, row), *before = layer_copy(layer, &err);
    const NetworkParts parts = { .input = shape, .layer = &layer, .layers = 1, .seed = 7 };
    Network *net = network_build(&parts, &err), *twin;
    assert_memory_equal(layer, before, kind->size);
    shape.channels *= 2;
    assert_true(layer_configure(layer, shape, &err) && layer_configure(layer, shape, &err));
    twin = network_build(&parts, &err);
    assert_non_null(twin);
    assert_same_description(net, twin);
    assert_int_equal(net->parameters, twin->parameters);
    assert_memory_equal(net->weights, twin->weights, net->parameters * sizeof(float));
    give_classes(net);
    give_classes(twin);
    assert_same_scores(net, twin, n);
    net_done(twin);
    net_done(net);
    free(before);
    free(layer);
}

static void networks_copy_their_layers(void **state) {
    (void)state;
    walk(check_copies);
}

static void clones_are_the_same(void **state) {
    (void)state;
    walk(check_clone);
}

/* What files may not have below 0 is not. */
static void make_variances(Network *net) {
    for (size_t l = 0; l < net->layers; l++)
        for (int p = 0; p < net->layer[l]->parameters; p++) {
            const Parameter *parameter = &net->layer[l]->parameter[p];
            float *values = net->weights + net->layer[l]->offset + parameter->offset;
            for (size_t i = 0; parameter->squares && i < parameter->count; i++)
                values[i] = fabsf(values[i]);
        }
}

/* Weights other than those that the seed would draw again. */
static void check_file(const LayerKind *kind, const OptionRow *row, Shape shape, size_t n) {
    if (n != batches[COUNT(batches) - 1]) /* the net and its file are the same for all of them */
        return;
    char path[] = "/tmp/perigee-layer-XXXXXX";
    Error err = { 0 };
    Network *net = net_with(kind, row, shape);
    give_classes(net);
    fill_random(net->weights, net->parameters, 5);
    make_variances(net);
    network_weights_changed(net);
    close(mkstemp(path));
    if (!model_save(&net->model, path, NULL, &err))
        fail_msg("%s", err.message);
    Network *twin = (Network *)model_load(path, &err);
    unlink(path);
    if (!twin)
        fail_msg("%s: %s", kind->name, err.message);
    assert_same_description(net, twin);
    assert_memory_equal(net->weights, twin->weights, net->parameters * sizeof(float));
    assert_same_scores(net, twin, n);
    net_done(twin);
    net_done(net);
}

static void files_hold_the_same_net(void **state) {
    (void)state;
    walk(check_file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_by_the_formula),
        cmocka_unit_test(descriptions_make_the_same_net),
        cmocka_unit_test(networks_copy_their_layers),
        cmocka_unit_test(clones_are_the_same),
        cmocka_unit_test(files_hold_the_same_net),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
