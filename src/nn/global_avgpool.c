/* global_avgpool.c — the mean of each map: an image as a flat vector of its channels. */
#include "core/simd.h"
#include "nn/layer.h"

#include <string.h>

static bool configure(Layer *layer, Error *err) {
    if (!layer_wants_image(layer, err))
        return false;
    layer->out = (Shape){ .flat = true, .channels = layer->in.channels, .height = 1, .width = 1 };
    return true;
}

SIMD_CLONES
static void forward(const Layer *layer, const LayerCall *call) {
    size_t channels = layer->in.channels, pixels = layer->in.height * layer->in.width;
    const float *x = call->x;
    float *restrict y = call->y;
    for (size_t i = 0; i < call->tile->n; i++, y += channels) {
        memset(y, 0, channels * sizeof *y);
        for (size_t p = 0; p < pixels; p++, x += channels)
            for (size_t c = 0; c < channels; c++)
                y[c] += x[c];
        for (size_t c = 0; c < channels; c++)
            y[c] /= (float)pixels;
    }
}

SIMD_CLONES
static void backward(const Layer *layer, const LayerCall *call) {
    size_t channels = layer->in.channels, pixels = layer->in.height * layer->in.width;
    const float *dy = call->dy;
    float *restrict dx = call->dx;
    for (size_t i = 0; dx && i < call->tile->n; i++, dy += channels)
        for (size_t p = 0; p < pixels; p++, dx += channels)
            for (size_t c = 0; c < channels; c++)
                dx[c] = dy[c] / (float)pixels;
}

const LayerKind layer_global_avgpool = {
    .name = "global_avgpool",
    .label = "globalpool",
    .summary = "The mean of each map, as a flat vector.",
    .example = "print(nn.new { input = { 8, 4, 4 }, nn.global_avgpool() })",
    .fields = { .field = layer_name_only },
    .size = sizeof(Layer),
    .configure = configure,
    .forward = forward,
    .backward = backward,
};
