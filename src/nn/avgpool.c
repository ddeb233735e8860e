/* avgpool.c — the mean under a window, per channel. Zeros of the padding count as its numbers
 * unless count_include_pad is false; where a last window hangs over the padding's edge, what is
 * beyond does not. */
#include "core/simd.h"
#include "nn/layer.h"
#include "nn/window.h"

#include <string.h>

typedef struct Avgpool {
    Layer layer;
    Window window;
    bool count_include_pad;
} Avgpool;

static const Field fields[] = {
    WINDOW_KERNEL(Avgpool, window),
    WINDOW_STRIDE(Avgpool, window),
    WINDOW_PADDING(Avgpool, window),
    WINDOW_CEIL(Avgpool, window),
    { "count_include_pad", FIELD_BOOLEAN, offsetof(Avgpool, count_include_pad),
      .meaning = "the padding's zeros are numbers under the window" },
    LAYER_NAME,
    { .name = NULL },
};

static const Avgpool initial = { .window = { .dilation = { 1, 1 } }, .count_include_pad = true };

static bool configure(Layer *layer, Error *err) {
    return window_configure(&((Avgpool *)layer)->window, layer, err);
}

/* The pixels under one window, rows × columns of them from `corner` on, and what each counts. */
typedef struct Patch {
    size_t corner, rows, columns;
    float share;
} Patch;

/* Numbers under a window along an axis: up to the padding's edge. */
static size_t counted(const Avgpool *pool, int axis, size_t in, size_t out) {
    const Window *window = &pool->window;
    size_t left = in + 2 * window->padding[axis] - out * window->stride[axis];
    return left < window->kernel[axis] ? left : window->kernel[axis];
}

/* Of output pixel p, counted through the tile. */
static Patch find_patch(const Avgpool *pool, size_t p) {
    const Shape *in = &pool->layer.in, *out = &pool->layer.out;
    size_t image = p / (out->height * out->width), inside = p % (out->height * out->width);
    size_t oy = inside / out->width, ox = inside % out->width;
    WindowSpan y = window_span(&pool->window, 0, in->height, oy);
    WindowSpan x = window_span(&pool->window, 1, in->width, ox);
    Patch patch = { .corner = ((image * in->height + y.at) * in->width + x.at) * in->channels,
                    .rows = y.last - y.first,
                    .columns = x.last - x.first };
    size_t count = pool->count_include_pad
                       ? counted(pool, 0, in->height, oy) * counted(pool, 1, in->width, ox)
                       : patch.rows * patch.columns;
    patch.share = 1 / (float)count;
    return patch;
}

SIMD_CLONES
static void forward(const Layer *layer, const LayerCall *call) {
    size_t channels = layer->in.channels, row = layer->in.width * channels;
    size_t pixels = call->tile->n * layer->out.height * layer->out.width;
    float *restrict y = call->y;
    for (size_t p = 0; p < pixels; p++, y += channels) {
        Patch patch = find_patch((const Avgpool *)layer, p);
        memset(y, 0, channels * sizeof *y);
        for (size_t r = 0; r < patch.rows; r++)
            for (size_t k = 0; k < patch.columns; k++) {
                const float *at = call->x + patch.corner + r * row + k * channels;
                for (size_t c = 0; c < channels; c++)
                    y[c] += at[c];
            }
        for (size_t c = 0; c < channels; c++)
            y[c] *= patch.share;
    }
}

SIMD_CLONES
static void backward(const Layer *layer, const LayerCall *call) {
    size_t channels = layer->in.channels, row = layer->in.width * channels;
    size_t pixels = call->dx ? call->tile->n * layer->out.height * layer->out.width : 0;
    const float *dy = call->dy;
    if (call->dx)
        memset(call->dx, 0, call->tile->n * shape_size(layer->in) * sizeof *call->dx);
    for (size_t p = 0; p < pixels; p++, dy += channels) {
        Patch patch = find_patch((const Avgpool *)layer, p);
        for (size_t r = 0; r < patch.rows; r++)
            for (size_t k = 0; k < patch.columns; k++) {
                float *restrict dx = call->dx + patch.corner + r * row + k * channels;
                for (size_t c = 0; c < channels; c++)
                    dx[c] += patch.share * dy[c];
            }
    }
}

const LayerKind layer_avgpool = {
    .name = "avgpool",
    .label = "avgpool",
    .summary = "The mean under a window, map by map.",
    .example = "print(nn.new { input = { 1, 4, 4 }, nn.avgpool { kernel = 2 } })",
    .fields = { fields, &initial },
    .size = sizeof(Avgpool),
    .configure = configure,
    .forward = forward,
    .backward = backward,
};
