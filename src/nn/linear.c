/* linear.c — y = W·x + b, with W stored as PyTorch has it: out × in. */
#include "core/blas.h"
#include "core/fail.h"
#include "nn/layer.h"

#include <string.h>

static bool configure(Layer *layer, const cJSON *options, Error *err) {
    size_t out;
    char text[64];
    if (!layer_option_size(options, "out", 1, NULL, &out, err))
        return false;
    if (!layer->in.flat)
        return error_set(err, ERROR_ARGUMENT,
                         "linear takes flat vectors, its input is %s; put a flatten before it",
                         shape_text(layer->in, text));
    layer->out = (Shape){ .flat = true, .channels = out, .height = 1, .width = 1 };
    size_t shape[2] = { out, layer->in.channels };
    layer->fan_in = shape[1];
    return layer_add_parameter(layer, "weight", 2, shape, err) &&
           layer_add_parameter(layer, "bias", 1, shape, err);
}

static bool describe(const Layer *layer, cJSON *options) {
    return cJSON_AddNumberToObject(options, "out", (double)layer->out.channels) != NULL;
}

static void forward(const Layer *layer, const float *weights, const Tile *tile, const float *x,
                    float *y) {
    size_t in = layer->in.channels, out = layer->out.channels;
    const float *bias = weights + layer->parameter[1].offset;
    for (size_t i = 0; i < tile->n; i++)
        memcpy(y + i * out, bias, out * sizeof *y);
    blas_sgemm(false, true, tile->n, out, in, 1, x, in, weights, in, 1, y, out);
}

static void backward(const Layer *layer, const float *weights, const Tile *tile, const float *x,
                     const float *y, const float *dy, float *dx, float *dweights) {
    size_t in = layer->in.channels, out = layer->out.channels;
    (void)y;
    if (dweights) {
        blas_sgemm(true, false, out, in, tile->n, 1, dy, out, x, in, 1, dweights, in);
        layer_add_columns(dy, tile->n, out, dweights + layer->parameter[1].offset);
    }
    if (dx)
        blas_sgemm(false, false, tile->n, in, out, 1, dy, out, weights, in, 0, dx, in);
}

static const char *const keys[] = { "out", NULL };

const LayerKind linear_kind = {
    .name = "linear",
    .label = "fc",
    .keys = keys,
    .size = sizeof(Layer),
    .backward_reads_x = true,
    .configure = configure,
    .describe = describe,
    .forward = forward,
    .backward = backward,
};
