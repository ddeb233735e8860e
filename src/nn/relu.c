/* relu.c — y = max(x, 0). The slope at 0 is 0, as in PyTorch. NaN stays NaN. */
#include "core/simd.h"
#include "nn/layer.h"

SIMD_CLONES
static void forward(const Layer *layer, const LayerCall *call) {
    const float *x = call->x;
    float *y = call->y;
    size_t count = call->tile->n * shape_size(layer->out);
    for (size_t i = 0; i < count; i++)
        y[i] = x[i] < 0 ? 0 : x[i];
}

SIMD_CLONES
static void backward(const Layer *layer, const LayerCall *call) {
    const float *y = call->y, *dy = call->dy;
    float *dx = call->dx;
    size_t count = dx ? call->tile->n * shape_size(layer->out) : 0;
    for (size_t i = 0; i < count; i++)
        dx[i] = y[i] > 0 ? dy[i] : 0;
}

const LayerKind layer_relu = {
    .name = "relu",
    .label = "relu",
    .summary = "max(x, 0) of every number.",
    .example = "print(nn.new { input = { 3 }, nn.relu() }:forward(array.new { -1, 0, 2 }))",
    .fields = { .field = layer_name_only },
    .size = sizeof(Layer),
    .in_place = true,
    .backward_reads_y = true,
    .forward = forward,
    .backward = backward,
};
