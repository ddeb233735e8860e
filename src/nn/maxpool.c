/* maxpool.c — the largest number under a window, per channel. Backward finds the place again
 * instead of keeping it: the first of equals in reading order gets the whole gradient, as in
 * PyTorch. */
#include "core/fail.h"
#include "core/simd.h"
#include "nn/layer.h"

#include <string.h>

typedef struct Maxpool {
    Layer layer;
    size_t kernel[2], stride[2];
} Maxpool;

static const Field fields[] = {
    { "kernel", FIELD_PAIR, offsetof(Maxpool, kernel), 1, LAYER_LARGEST_SIZE, .required = true,
      .meaning = "the window's size, or { height, width }" },
    { "stride", FIELD_PAIR, offsetof(Maxpool, stride), 1, LAYER_LARGEST_SIZE,
      .initial = "the kernel", .meaning = "pixels from one window to the next" },
    LAYER_NAME,
    { .name = NULL },
};

static bool configure(Layer *layer, Error *err) {
    Maxpool *pool = (Maxpool *)layer;
    char text[64];
    if (pool->stride[0] == 0)
        memcpy(pool->stride, pool->kernel, sizeof pool->stride);
    if (!layer_wants_image(layer, err))
        return false;
    layer->out.height = layer_window_count(layer->in.height, pool->kernel[0], pool->stride[0], 0);
    layer->out.width = layer_window_count(layer->in.width, pool->kernel[1], pool->stride[1], 0);
    if (layer->out.height == 0 || layer->out.width == 0)
        return error_set(err, ERROR_ARGUMENT, "a kernel of %zu x %zu is larger than the input %s",
                         pool->kernel[0], pool->kernel[1], shape_text(layer->in, text));
    return true;
}

/* Position in x of the first pixel under the window of output pixel p, counted through the tile. */
static size_t window_start(const Maxpool *pool, size_t p) {
    const Shape *in = &pool->layer.in, *out = &pool->layer.out;
    size_t image = p / (out->height * out->width), inside = p % (out->height * out->width);
    size_t y = inside / out->width * pool->stride[0], x = inside % out->width * pool->stride[1];
    return ((image * in->height + y) * in->width + x) * in->channels;
}

SIMD_CLONES
static void forward(const Layer *layer, const LayerCall *call) {
    const Maxpool *pool = (const Maxpool *)layer;
    const float *x = call->x;
    float *y = call->y;
    size_t channels = layer->in.channels, pixels = layer->out.height * layer->out.width;
    for (size_t p = 0; p < call->tile->n * pixels; p++, y += channels) {
        const float *corner = x + window_start(pool, p);
        memcpy(y, corner, channels * sizeof *y);
        for (size_t ky = 0; ky < pool->kernel[0]; ky++)
            for (size_t kx = 0; kx < pool->kernel[1]; kx++) {
                const float *at = corner + (ky * layer->in.width + kx) * channels;
                for (size_t c = 0; c < channels; c++)
                    y[c] = at[c] > y[c] ? at[c] : y[c];
            }
    }
}

/* The offset from the window's corner of channel c's first largest number. */
static size_t find_largest(const Maxpool *pool, const float *corner, size_t c) {
    size_t channels = pool->layer.in.channels, best = c;
    for (size_t ky = 0; ky < pool->kernel[0]; ky++)
        for (size_t kx = 0; kx < pool->kernel[1]; kx++) {
            size_t at = (ky * pool->layer.in.width + kx) * channels + c;
            if (corner[at] > corner[best])
                best = at;
        }
    return best;
}

static void backward(const Layer *layer, const LayerCall *call) {
    const Maxpool *pool = (const Maxpool *)layer;
    const float *x = call->x, *dy = call->dy;
    float *dx = call->dx;
    if (!dx)
        return;
    size_t channels = layer->in.channels, pixels = layer->out.height * layer->out.width;
    memset(dx, 0, call->tile->n * shape_size(layer->in) * sizeof *dx);
    for (size_t p = 0; p < call->tile->n * pixels; p++, dy += channels) {
        size_t start = window_start(pool, p);
        for (size_t c = 0; c < channels; c++)
            dx[start + find_largest(pool, x + start, c)] += dy[c];
    }
}

const LayerKind layer_maxpool = {
    .name = "maxpool",
    .label = "pool",
    .summary = "The largest number under a window, map by map.",
    .example = "print(nn.new { input = { 1, 4, 4 }, nn.maxpool { kernel = 2 } })",
    .fields = { .field = fields },
    .size = sizeof(Maxpool),
    .backward_reads_x = true,
    .configure = configure,
    .forward = forward,
    .backward = backward,
};
