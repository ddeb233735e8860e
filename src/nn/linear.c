/* linear.c — y = W·x + b, with W stored as PyTorch has it: out × in. */
#include "core/blas.h"
#include "nn/layer.h"

#include <string.h>

typedef struct Linear {
    Layer layer;
    size_t out;
    bool bias;
} Linear;

static const Field fields[] = {
    { "out", FIELD_SIZE, offsetof(Linear, out), 1, LAYER_LARGEST_SIZE, .required = true,
      .meaning = "numbers in the output" },
    { "bias", FIELD_BOOLEAN, offsetof(Linear, bias),
      .meaning = "a number of its own is added to each output" },
    LAYER_NAME,
    { .name = NULL },
};

static const Linear initial = { .bias = true };

static bool configure(Layer *layer, Error *err) {
    if (!layer_wants_flat(layer, err))
        return false;
    const Linear *linear = (const Linear *)layer;
    size_t out = linear->out;
    layer->out = (Shape){ .flat = true, .channels = out, .height = 1, .width = 1 };
    layer->fan_in = layer->in.channels;
    return layer_add_parameter(layer, "weight", &(Sizes){ 2, { out, layer->fan_in } }, err) &&
           (!linear->bias || layer_add_parameter(layer, "bias", &(Sizes){ 1, { out } }, err));
}

static void forward(const Layer *layer, const LayerCall *call) {
    size_t n = call->tile->n, in = layer->in.channels, out = layer->out.channels;
    bool has_bias = ((const Linear *)layer)->bias;
    const float *bias = call->weights + layer->parameter[1].offset;
    for (size_t i = 0; has_bias && i < n; i++)
        memcpy(call->y + i * out, bias, out * sizeof *bias);
    blas_sgemm(false, true, n, out, in, 1, call->x, in, call->weights, in, has_bias, call->y, out);
}

static void backward(const Layer *layer, const LayerCall *call) {
    size_t n = call->tile->n, in = layer->in.channels, out = layer->out.channels;
    const float *dy = call->dy;
    if (call->dweights) {
        blas_sgemm(true, false, out, in, n, 1, dy, out, call->x, in, 1, call->dweights, in);
        if (((const Linear *)layer)->bias)
            layer_add_columns(dy, n, out, call->dweights + layer->parameter[1].offset);
    }
    if (call->dx)
        blas_sgemm(false, false, n, in, out, 1, dy, out, call->weights, in, 0, call->dx, in);
}

const LayerKind layer_linear = {
    .name = "linear",
    .label = "fc",
    .summary = "W x + b on flat vectors.",
    .example = "print(nn.new { input = { 3 }, nn.linear { out = 2 } })",
    .fields = { fields, &initial },
    .size = sizeof(Linear),
    .backward_reads_x = true,
    .configure = configure,
    .forward = forward,
    .backward = backward,
};
