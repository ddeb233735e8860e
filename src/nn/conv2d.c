/* conv2d.c — convolution (cross-correlation, as in every network library):
 *
 *     y[oy, ox, :] = bias + Σ_ky,kx,c x[oy·stride + ky − padding, …, c] · weight[ky, kx, c, :]
 *
 * With channels innermost a patch is kh contiguous runs of kw·channels numbers. Where panel.h can
 * multiply and there is no padding, patches are read where they lie. Otherwise those of some output
 * pixels at a time are gathered into a matrix, for a panel or for BLAS; backward gathers them again
 * rather than keep them. Weights are stored as they are multiplied: (kh, kw, in) × out. */
#include "core/blas.h"
#include "core/fail.h"
#include "core/simd.h"
#include "nn/layer.h"
#include "nn/panel.h"

#include <string.h>

typedef struct Conv2d {
    Layer layer;
    size_t out; /* maps */
    size_t kernel[2], stride[2], padding[2];
    size_t depth; /* kh · kw · input channels: the length of a patch */
} Conv2d;

static const Field fields[] = {
    { "out", FIELD_SIZE, offsetof(Conv2d, out), 1, LAYER_LARGEST_SIZE, .required = true,
      .meaning = "maps in the output" },
    { "kernel", FIELD_PAIR, offsetof(Conv2d, kernel), 1, LAYER_LARGEST_SIZE, .required = true,
      .meaning = "its size, or { height, width }" },
    { "stride", FIELD_PAIR, offsetof(Conv2d, stride), 1, LAYER_LARGEST_SIZE,
      .meaning = "pixels from one place to the next" },
    { "padding", FIELD_PAIR, offsetof(Conv2d, padding), 0, LAYER_LARGEST_SIZE,
      .meaning = "zeros added on every side" },
    LAYER_NAME,
    { .name = NULL },
};

static const Conv2d initial = { .stride = { 1, 1 } };

/* Output pixels worked on at a time: their gradients stay in the first-level cache with a part of
 * the weights, their patches in the second. */
enum { CHUNK = 96 };

/* Output pixels first … first + count − 1 of a call, counted through its samples. */
typedef struct Chunk {
    const Conv2d *conv;
    const LayerCall *call;
    size_t first, count;
} Chunk;

static bool configure(Layer *layer, Error *err) {
    Conv2d *conv = (Conv2d *)layer;
    const size_t *kernel = conv->kernel, *stride = conv->stride, *padding = conv->padding;
    char text[64];
    if (!layer_wants_image(layer, err))
        return false;
    size_t height = layer_window_count(layer->in.height, kernel[0], stride[0], padding[0]);
    size_t width = layer_window_count(layer->in.width, kernel[1], stride[1], padding[1]);
    if (height == 0 || width == 0)
        return error_set(err, ERROR_ARGUMENT,
                         "a kernel of %zu x %zu is larger than the input %s with a padding of "
                         "%zu, %zu",
                         kernel[0], kernel[1], shape_text(layer->in, text), padding[0], padding[1]);
    layer->out = (Shape){ .channels = conv->out, .height = height, .width = width };
    const Sizes weight = { 4, { conv->out, layer->in.channels, kernel[0], kernel[1] } };
    conv->depth = layer->fan_in = layer->in.channels * kernel[0] * kernel[1];
    return layer_add_parameter(layer, "weight", &weight, err) &&
           layer_add_parameter(layer, "bias", &(Sizes){ 1, { conv->out } }, err);
}

static size_t scratch(const Layer *layer) {
    return CHUNK * ((const Conv2d *)layer)->depth;
}

/* ---- Patches --------------------------------------------------------------------------------- */

/* An output pixel, counted through the tile's samples: the image it reads, and where its patch's
 * corner lies in it (outside, where there is padding). */
typedef struct Corner {
    size_t image; /* the offset of the sample in the input */
    ptrdiff_t y, x;
} Corner;

static Corner find_corner(const Conv2d *conv, size_t pixel) {
    const Layer *layer = &conv->layer;
    size_t pixels = layer->out.height * layer->out.width, inside = pixel % pixels;
    size_t oy = inside / layer->out.width, ox = inside % layer->out.width;
    return (Corner){ pixel / pixels * shape_size(layer->in),
                     (ptrdiff_t)(oy * conv->stride[0]) - (ptrdiff_t)conv->padding[0],
                     (ptrdiff_t)(ox * conv->stride[1]) - (ptrdiff_t)conv->padding[1] };
}

/* Where kernel row ky of a patch meets the input: numbers `skip` … `skip + count − 1` of that row's
 * kw·channels lie inside and start at offset `at`; the rest is padding. */
typedef struct Run {
    size_t at, skip, count;
} Run;

static Run find_run(const Conv2d *conv, Corner corner, size_t ky) {
    const Layer *layer = &conv->layer;
    size_t channels = layer->in.channels;
    ptrdiff_t y = corner.y + (ptrdiff_t)ky, left = corner.x;
    ptrdiff_t right = left + (ptrdiff_t)conv->kernel[1], width = (ptrdiff_t)layer->in.width;
    ptrdiff_t from = left < 0 ? 0 : left, to = right > width ? width : right;
    if (y < 0 || y >= (ptrdiff_t)layer->in.height || to <= from)
        return (Run){ 0 };
    return (Run){ .at = corner.image + (size_t)(y * width + from) * channels,
                  .skip = (size_t)(from - left) * channels,
                  .count = (size_t)(to - from) * channels };
}

/* The chunk's patches as rows of a matrix. */
SIMD_CLONES
static void gather_patches(const Chunk *chunk, float *patch) {
    const Conv2d *conv = chunk->conv;
    const float *x = chunk->call->x;
    size_t length = conv->kernel[1] * conv->layer.in.channels;
    for (size_t i = 0; i < chunk->count; i++) {
        Corner corner = find_corner(conv, chunk->first + i);
        for (size_t ky = 0; ky < conv->kernel[0]; ky++, patch += length) {
            Run run = find_run(conv, corner, ky);
            if (run.count < length)
                memset(patch, 0, length * sizeof *patch);
            for (size_t k = 0; k < run.count; k++)
                patch[run.skip + k] = x[run.at + k];
        }
    }
}

/* The reverse: add the patches' gradients to the pixels they were made from. */
SIMD_CLONES
static void scatter_patches(const Chunk *chunk, const float *patch) {
    const Conv2d *conv = chunk->conv;
    float *dx = chunk->call->dx;
    size_t length = conv->kernel[1] * conv->layer.in.channels;
    for (size_t i = 0; i < chunk->count; i++) {
        Corner corner = find_corner(conv, chunk->first + i);
        for (size_t ky = 0; ky < conv->kernel[0]; ky++, patch += length) {
            Run run = find_run(conv, corner, ky);
            for (size_t k = 0; k < run.count; k++)
                dx[run.at + k] += patch[run.skip + k];
        }
    }
}

/* The same patches as rows of a panel, where they lie or gathered into scratch; at has CHUNK
 * places. */
static PanelRows locate_patches(const Chunk *chunk, const float **at) {
    const Conv2d *conv = chunk->conv;
    const Layer *layer = &conv->layer;
    float *gathered = chunk->call->tile->scratch;
    size_t row = layer->in.width * layer->in.channels, count = chunk->count;
    if (conv->padding[0] + conv->padding[1] > 0) {
        gather_patches(chunk, gathered);
        for (size_t i = 0; i < count; i++)
            at[i] = gathered + i * conv->depth;
        return (PanelRows){ at, count, 1, conv->depth, 0 };
    }
    for (size_t i = 0; i < count; i++) {
        Corner corner = find_corner(conv, chunk->first + i);
        at[i] = chunk->call->x + corner.image + (size_t)corner.y * row +
                (size_t)corner.x * layer->in.channels;
    }
    return (PanelRows){ at, count, conv->kernel[0], conv->kernel[1] * layer->in.channels, row };
}

/* Output pixels of all samples. */
static size_t count_pixels(const Layer *layer, const LayerCall *call) {
    return call->tile->n * layer->out.height * layer->out.width;
}

static Chunk chunk_at(const Layer *layer, const LayerCall *call, size_t first) {
    size_t left = count_pixels(layer, call) - first;
    return (Chunk){ (const Conv2d *)layer, call, first, left < CHUNK ? left : CHUNK };
}

/* ---- Forward --------------------------------------------------------------------------------- */

static void forward_panel(const Chunk *chunk, const float *bias, float *y) {
    const float *at[CHUNK];
    float *out[CHUNK];
    size_t channels = chunk->conv->layer.out.channels;
    PanelRows rows = locate_patches(chunk, at);
    for (size_t i = 0; i < chunk->count; i++)
        out[i] = y + i * channels;
    panel_multiply(&rows, chunk->call->weights, channels, bias, out);
}

static void forward_product(const Chunk *chunk, const float *bias, float *y) {
    size_t channels = chunk->conv->layer.out.channels, depth = chunk->conv->depth;
    float *patch = chunk->call->tile->scratch;
    gather_patches(chunk, patch);
    for (size_t i = 0; i < chunk->count; i++)
        memcpy(y + i * channels, bias, channels * sizeof *y);
    blas_sgemm(false, false, chunk->count, channels, depth, 1, patch, depth, chunk->call->weights,
               channels, 1, y, channels);
}

static void forward(const Layer *layer, const LayerCall *call) {
    const float *bias = call->weights + layer->parameter[1].offset;
    size_t channels = layer->out.channels, pixels = count_pixels(layer, call);
    for (size_t first = 0; first < pixels; first += CHUNK) {
        Chunk chunk = chunk_at(layer, call, first);
        float *y = call->y + chunk.first * channels;
        if (panel_fits(channels))
            forward_panel(&chunk, bias, y);
        else
            forward_product(&chunk, bias, y);
    }
}

/* ---- Backward -------------------------------------------------------------------------------- */

static void backward_weights(const Chunk *chunk, const float *slope) {
    size_t channels = chunk->conv->layer.out.channels, depth = chunk->conv->depth;
    const LayerCall *call = chunk->call;
    const float *at[CHUNK];
    if (panel_fits(channels)) {
        PanelRows rows = locate_patches(chunk, at);
        panel_outer(&rows, slope, channels, call->dweights);
        return;
    }
    float *patch = call->tile->scratch;
    gather_patches(chunk, patch);
    blas_sgemm(true, false, depth, channels, chunk->count, 1, patch, depth, slope, channels, 1,
               call->dweights, channels);
}

/* Input gradients by panels need each kernel position's weights transposed, out × in. */
static bool transposes(const Conv2d *conv) {
    return panel_fits(conv->layer.in.channels);
}

static size_t prepared(const Layer *layer) {
    const Conv2d *conv = (const Conv2d *)layer;
    return transposes(conv) ? layer->parameter[0].count : 0;
}

static void prepare(const Layer *layer, const float *weights, float *turned) {
    const Conv2d *conv = (const Conv2d *)layer;
    size_t in = layer->in.channels, out = layer->out.channels, positions = conv->depth / in;
    if (!transposes(conv))
        return;
    for (size_t k = 0; k < positions; k++, weights += in * out, turned += in * out)
        for (size_t o = 0; o < out; o++)
            for (size_t c = 0; c < in; c++)
                turned[o * in + c] = weights[c * out + o];
}

/* dx += slope · turned weights of kernel position (ky, kx), for the output pixels that reach an
 * input pixel from there: different ones, so that none is added to twice in one panel. */
static void backward_position(const Chunk *chunk, const float *slope, size_t position) {
    const Conv2d *conv = chunk->conv;
    const Layer *layer = &conv->layer;
    size_t in = layer->in.channels, out = layer->out.channels, used = 0;
    ptrdiff_t ky = (ptrdiff_t)(position / conv->kernel[1]);
    ptrdiff_t kx = (ptrdiff_t)(position % conv->kernel[1]);
    const float *at[CHUNK];
    float *to[CHUNK];
    for (size_t i = 0; i < chunk->count; i++) {
        Corner corner = find_corner(conv, chunk->first + i);
        ptrdiff_t y = corner.y + ky, x = corner.x + kx;
        if (y < 0 || y >= (ptrdiff_t)layer->in.height || x < 0 || x >= (ptrdiff_t)layer->in.width)
            continue;
        at[used] = slope + i * out;
        to[used++] =
            chunk->call->dx + corner.image + ((size_t)y * layer->in.width + (size_t)x) * in;
    }
    PanelRows rows = { at, used, 1, out, 0 };
    panel_multiply(&rows, chunk->call->tile->prepared + position * in * out, in, NULL, to);
}

static void backward_input(const Chunk *chunk, const float *slope) {
    const Conv2d *conv = chunk->conv;
    size_t channels = conv->layer.out.channels, depth = conv->depth;
    float *patch = chunk->call->tile->scratch;
    if (transposes(conv)) {
        for (size_t k = 0; k < conv->kernel[0] * conv->kernel[1]; k++)
            backward_position(chunk, slope, k);
        return;
    }
    blas_sgemm(false, true, chunk->count, depth, channels, 1, slope, channels, chunk->call->weights,
               channels, 0, patch, depth);
    scatter_patches(chunk, patch);
}

static void backward(const Layer *layer, const LayerCall *call) {
    size_t channels = layer->out.channels, pixels = count_pixels(layer, call);
    if (call->dx)
        memset(call->dx, 0, call->tile->n * shape_size(layer->in) * sizeof *call->dx);
    if (call->dweights)
        layer_add_columns(call->dy, pixels, channels, call->dweights + layer->parameter[1].offset);
    for (size_t first = 0; first < pixels; first += CHUNK) {
        Chunk chunk = chunk_at(layer, call, first);
        const float *slope = call->dy + chunk.first * channels;
        if (call->dweights)
            backward_weights(&chunk, slope);
        if (call->dx)
            backward_input(&chunk, slope);
    }
}

/* ---- Files ----------------------------------------------------------------------------------- */

/* (kh, kw, in, out) to (out, in, kh, kw), by walking the first in order. */
static void export(const Layer *layer, int p, const float *own, float *torch) {
    const Conv2d *conv = (const Conv2d *)layer;
    if (p == 1) {
        memcpy(torch, own, layer->parameter[p].count * sizeof *torch);
        return;
    }
    size_t in = layer->in.channels, out = layer->out.channels, taps = conv->depth / in;
    for (size_t k = 0; k < taps; k++)
        for (size_t c = 0; c < in; c++)
            for (size_t o = 0; o < out; o++)
                torch[(o * in + c) * taps + k] = *own++;
}

static void import(const Layer *layer, int p, const ParameterPiece *piece, float *own) {
    const Conv2d *conv = (const Conv2d *)layer;
    if (p == 1) {
        memcpy(own + piece->first, piece->values, piece->n * sizeof *own);
        return;
    }
    size_t in = layer->in.channels, out = layer->out.channels, taps = conv->depth / in;
    size_t k = piece->first % taps, c = piece->first / taps % in, o = piece->first / conv->depth;
    for (size_t i = 0; i < piece->n; i++) {
        own[(k * in + c) * out + o] = piece->values[i];
        if (++k < taps)
            continue;
        k = 0;
        o += ++c == in;
        c = c == in ? 0 : c;
    }
}

const LayerKind layer_conv2d = {
    .name = "conv2d",
    .label = "conv",
    .summary = "Convolution of images: out maps, each a weighted sum under a kernel that slides by "
               "stride.",
    .example = "local layer = nn.conv2d { out = 8, kernel = 5, stride = 2, name = \"conv\" }\n"
               "print(nn.new { input = { 1, 28, 28 }, layer })",
    .fields = { fields, &initial },
    .size = sizeof(Conv2d),
    .backward_reads_x = true,
    .configure = configure,
    .scratch = scratch,
    .prepared = prepared,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .export = export,
    .import = import,
};
