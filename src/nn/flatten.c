/* flatten.c — an image as a flat vector, in the order that users and PyTorch number it: channel by
 * channel, and in each row by row. */
#include "nn/layer.h"
#include "nn/layout.h"

static bool configure(Layer *layer, Error *err) {
    (void)err;
    layer->out =
        (Shape){ .flat = true, .channels = shape_size(layer->in), .height = 1, .width = 1 };
    return true;
}

static void forward(const Layer *layer, const LayerCall *call) {
    layout_to_outer(layer->in, call->tile->n, call->x, call->y);
}

static void backward(const Layer *layer, const LayerCall *call) {
    if (call->dx)
        layout_to_inner(layer->in, call->tile->n, call->dy, call->dx);
}

const LayerKind layer_flatten = {
    .name = "flatten",
    .label = "flatten",
    .summary = "Images as flat vectors, map by map, for the linear layers behind.",
    .example = "print(nn.new { input = { 2, 3, 3 }, nn.flatten(), nn.linear { out = 4 } })",
    .fields = { .field = layer_name_only },
    .size = sizeof(Layer),
    .configure = configure,
    .forward = forward,
    .backward = backward,
};
