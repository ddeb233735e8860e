/* flatten.c — an image as a flat vector, in the order that users and PyTorch number it: channel by
 * channel, and in each row by row. */
#include "nn/layer.h"
#include "nn/layout.h"

static bool configure(Layer *layer, const cJSON *options, Error *err) {
    (void)options, (void)err;
    layer->out =
        (Shape){ .flat = true, .channels = shape_size(layer->in), .height = 1, .width = 1 };
    return true;
}

static void forward(const Layer *layer, const float *weights, const Tile *tile, const float *x,
                    float *y) {
    (void)weights;
    layout_to_outer(layer->in, tile->n, x, y);
}

static void backward(const Layer *layer, const float *weights, const Tile *tile, const float *x,
                     const float *y, const float *dy, float *dx, float *dweights) {
    (void)weights, (void)x, (void)y, (void)dweights;
    if (dx)
        layout_to_inner(layer->in, tile->n, dy, dx);
}

static const char *const keys[] = { NULL };

const LayerKind flatten_kind = {
    .name = "flatten",
    .label = "flatten",
    .keys = keys,
    .size = sizeof(Layer),
    .configure = configure,
    .forward = forward,
    .backward = backward,
};
