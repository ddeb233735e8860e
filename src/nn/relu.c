/* relu.c — y = max(x, 0). The slope at 0 is 0, as in PyTorch. A NaN stays one. */
#include "core/simd.h"
#include "nn/layer.h"

static bool configure(Layer *layer, const cJSON *options, Error *err) {
    (void)layer, (void)options, (void)err;
    return true;
}

SIMD_CLONES
static void forward(const Layer *layer, const float *weights, const Tile *tile, const float *x,
                    float *y) {
    (void)weights;
    size_t count = tile->n * shape_size(layer->out);
    for (size_t i = 0; i < count; i++)
        y[i] = x[i] < 0 ? 0 : x[i];
}

SIMD_CLONES
static void backward(const Layer *layer, const float *weights, const Tile *tile, const float *x,
                     const float *y, const float *dy, float *dx, float *dweights) {
    (void)weights, (void)x, (void)dweights;
    size_t count = dx ? tile->n * shape_size(layer->out) : 0;
    for (size_t i = 0; i < count; i++)
        dx[i] = y[i] > 0 ? dy[i] : 0;
}

static const char *const keys[] = { NULL };

const LayerKind relu_kind = {
    .name = "relu",
    .label = "relu",
    .keys = keys,
    .size = sizeof(Layer),
    .in_place = true,
    .backward_reads_y = true,
    .configure = configure,
    .forward = forward,
    .backward = backward,
};
