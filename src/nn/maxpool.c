/* maxpool.c — the largest number under a window, per channel; padding is never the largest,
 * and a NaN is. Backward finds the place again instead of keeping it: the first of equals in
 * reading order gets the whole gradient, as in PyTorch. */
#include "core/simd.h"
#include "nn/layer.h"
#include "nn/window.h"

#include <string.h>

typedef struct Maxpool {
    Layer layer;
    Window window;
} Maxpool;

static const Field fields[] = {
    WINDOW_KERNEL(Maxpool, window),
    WINDOW_STRIDE(Maxpool, window),
    WINDOW_PADDING(Maxpool, window),
    { "dilation", FIELD_PAIR, offsetof(Maxpool, window.dilation), 1, LAYER_LARGEST_SIZE,
      .meaning = "pixels from one number under the window to the next" },
    WINDOW_CEIL(Maxpool, window),
    LAYER_NAME,
    { .name = NULL },
};

static const Maxpool initial = { .window = { .dilation = { 1, 1 } } };

static bool configure(Layer *layer, Error *err) {
    return window_configure(&((Maxpool *)layer)->window, layer, err);
}

/* The pixels under one window: rows × columns of them, whose first is at `corner` in the call's
 * input and the others so many numbers on. */
typedef struct Patch {
    size_t corner, rows, columns, down, right;
} Patch;

/* Of output pixel p, counted through the tile. */
static Patch find_patch(const Maxpool *pool, size_t p) {
    const Shape *in = &pool->layer.in, *out = &pool->layer.out;
    size_t image = p / (out->height * out->width), inside = p % (out->height * out->width);
    WindowSpan y = window_span(&pool->window, 0, in->height, inside / out->width);
    WindowSpan x = window_span(&pool->window, 1, in->width, inside % out->width);
    return (Patch){ .corner = ((image * in->height + y.at) * in->width + x.at) * in->channels,
                    .rows = y.last - y.first,
                    .columns = x.last - x.first,
                    .down = pool->window.dilation[0] * in->width * in->channels,
                    .right = pool->window.dilation[1] * in->channels };
}

SIMD_CLONES
static void find_largest(const float *x, const Patch *patch, size_t channels, float *restrict y) {
    memcpy(y, x + patch->corner, channels * sizeof *y);
    for (size_t row = 0; row < patch->rows; row++)
        for (size_t column = 0; column < patch->columns; column++) {
            const float *at = x + patch->corner + row * patch->down + column * patch->right;
            for (size_t c = 0; c < channels; c++)
                y[c] = at[c] > y[c] || at[c] != at[c] ? at[c] : y[c];
        }
}

static void forward(const Layer *layer, const LayerCall *call) {
    size_t channels = layer->in.channels;
    size_t pixels = call->tile->n * layer->out.height * layer->out.width;
    for (size_t p = 0; p < pixels; p++) {
        Patch patch = find_patch((const Maxpool *)layer, p);
        find_largest(call->x, &patch, channels, call->y + p * channels);
    }
}

/* The largest of a window's numbers, and the slopes that are still to be given, per channel. */
static size_t scratch(const Layer *layer) {
    return 2 * layer->in.channels;
}

/* Give what is left to the pixels that equal the largest: the first one takes it. */
SIMD_CLONES
static void give(const float *restrict at, const float *restrict largest, size_t channels,
                 float *restrict left, float *restrict dx) {
    for (size_t c = 0; c < channels; c++) {
        bool here = at[c] == largest[c] || at[c] != at[c];
        dx[c] += here ? left[c] : 0;
        left[c] = here ? 0 : left[c];
    }
}

static void backward(const Layer *layer, const LayerCall *call) {
    size_t channels = layer->in.channels;
    size_t pixels = call->tile->n * layer->out.height * layer->out.width;
    float *dx = call->dx, *largest = call->tile->scratch, *left = largest + channels;
    if (!dx)
        return;
    memset(dx, 0, call->tile->n * shape_size(layer->in) * sizeof *dx);
    for (size_t p = 0; p < pixels; p++) {
        Patch patch = find_patch((const Maxpool *)layer, p);
        find_largest(call->x, &patch, channels, largest);
        memcpy(left, call->dy + p * channels, channels * sizeof *left);
        for (size_t row = 0; row < patch.rows; row++)
            for (size_t column = 0; column < patch.columns; column++) {
                size_t at = patch.corner + row * patch.down + column * patch.right;
                give(call->x + at, largest, channels, left, dx + at);
            }
    }
}

const LayerKind layer_maxpool = {
    .name = "maxpool",
    .label = "pool",
    .summary = "The largest number under a window, map by map.",
    .example = "print(nn.new { input = { 1, 4, 4 }, nn.maxpool { kernel = 2 } })",
    .fields = { fields, &initial },
    .size = sizeof(Maxpool),
    .backward_reads_x = true,
    .configure = configure,
    .scratch = scratch,
    .forward = forward,
    .backward = backward,
};
