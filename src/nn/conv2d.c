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
    size_t kernel[2], stride[2], padding[2];
    size_t depth; /* kh · kw · input channels: the length of a patch */
} Conv2d;

/* Output pixels worked on at a time: their gradients stay in the first-level cache with a part of
 * the weights, their patches in the second. */
enum { CHUNK = 96 };

static bool configure(Layer *layer, const cJSON *options, Error *err) {
    Conv2d *conv = (Conv2d *)layer;
    static const size_t one[2] = { 1, 1 }, zero[2] = { 0, 0 };
    size_t out;
    char text[64];
    if (!layer_option_size(options, "out", 1, NULL, &out, err) ||
        !layer_option_pair(options, "kernel", 1, NULL, conv->kernel, err) ||
        !layer_option_pair(options, "stride", 1, one, conv->stride, err) ||
        !layer_option_pair(options, "padding", 0, zero, conv->padding, err))
        return false;
    if (layer->in.flat)
        return error_set(err, ERROR_ARGUMENT, "conv2d takes images, its input is a flat %s",
                         shape_text(layer->in, text));
    size_t height =
        layer_window_count(layer->in.height, conv->kernel[0], conv->stride[0], conv->padding[0]);
    size_t width =
        layer_window_count(layer->in.width, conv->kernel[1], conv->stride[1], conv->padding[1]);
    if (height == 0 || width == 0)
        return error_set(err, ERROR_ARGUMENT,
                         "a kernel of %zu x %zu is larger than the input %s with a padding of "
                         "%zu, %zu",
                         conv->kernel[0], conv->kernel[1], shape_text(layer->in, text),
                         conv->padding[0], conv->padding[1]);
    layer->out = (Shape){ .channels = out, .height = height, .width = width };
    size_t shape[4] = { out, layer->in.channels, conv->kernel[0], conv->kernel[1] };
    conv->depth = layer->fan_in = shape[1] * shape[2] * shape[3];
    return layer_add_parameter(layer, "weight", 4, shape, err) &&
           layer_add_parameter(layer, "bias", 1, shape, err);
}

static bool describe(const Layer *layer, cJSON *options) {
    const Conv2d *conv = (const Conv2d *)layer;
    return cJSON_AddNumberToObject(options, "out", (double)layer->out.channels) &&
           layer_describe_pair(options, "kernel", conv->kernel) &&
           layer_describe_pair(options, "stride", conv->stride) &&
           layer_describe_pair(options, "padding", conv->padding);
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

/* The patches of output pixels first … first+count−1 as rows of a matrix. */
SIMD_CLONES
static void gather_patches(const Conv2d *conv, const float *x, size_t first, size_t count,
                           float *patch) {
    size_t length = conv->kernel[1] * conv->layer.in.channels;
    for (size_t pixel = first; pixel < first + count; pixel++) {
        Corner corner = find_corner(conv, pixel);
        for (size_t ky = 0; ky < conv->kernel[0]; ky++, patch += length) {
            Run run = find_run(conv, corner, ky);
            if (run.count < length)
                memset(patch, 0, length * sizeof *patch);
            for (size_t i = 0; i < run.count; i++)
                patch[run.skip + i] = x[run.at + i];
        }
    }
}

/* The reverse: add the patches' gradients to the pixels they were made from. */
SIMD_CLONES
static void scatter_patches(const Conv2d *conv, const float *patch, size_t first, size_t count,
                            float *dx) {
    size_t length = conv->kernel[1] * conv->layer.in.channels;
    for (size_t pixel = first; pixel < first + count; pixel++) {
        Corner corner = find_corner(conv, pixel);
        for (size_t ky = 0; ky < conv->kernel[0]; ky++, patch += length) {
            Run run = find_run(conv, corner, ky);
            for (size_t i = 0; i < run.count; i++)
                dx[run.at + i] += patch[run.skip + i];
        }
    }
}

/* The same patches as rows of a panel, where they lie or gathered into scratch; at has CHUNK
 * places. */
static PanelRows locate_patches(const Conv2d *conv, const float *x, size_t first, size_t count,
                                float *gathered, const float **at) {
    const Layer *layer = &conv->layer;
    size_t row = layer->in.width * layer->in.channels;
    if (conv->padding[0] + conv->padding[1] > 0) {
        gather_patches(conv, x, first, count, gathered);
        for (size_t i = 0; i < count; i++)
            at[i] = gathered + i * conv->depth;
        return (PanelRows){ at, count, 1, conv->depth, 0 };
    }
    for (size_t i = 0; i < count; i++) {
        Corner corner = find_corner(conv, first + i);
        at[i] = x + corner.image + (size_t)corner.y * row + (size_t)corner.x * layer->in.channels;
    }
    return (PanelRows){ at, count, conv->kernel[0], conv->kernel[1] * layer->in.channels, row };
}

/* ---- Forward --------------------------------------------------------------------------------- */

/* Output pixels of n samples. */
static size_t count_pixels(const Layer *layer, size_t n) {
    return n * layer->out.height * layer->out.width;
}

static void forward_panel(const Conv2d *conv, const float *weights, const float *bias,
                          const float *x, size_t first, size_t count, float *gathered, float *y) {
    const float *at[CHUNK];
    float *out[CHUNK];
    size_t channels = conv->layer.out.channels;
    PanelRows rows = locate_patches(conv, x, first, count, gathered, at);
    for (size_t i = 0; i < count; i++)
        out[i] = y + i * channels;
    panel_multiply(&rows, weights, channels, bias, out);
}

static void forward(const Layer *layer, const float *weights, const Tile *tile, const float *x,
                    float *y) {
    const Conv2d *conv = (const Conv2d *)layer;
    const float *bias = weights + layer->parameter[1].offset;
    size_t channels = layer->out.channels, pixels = count_pixels(layer, tile->n);
    for (size_t first = 0; first < pixels; first += CHUNK) {
        size_t count = first + CHUNK < pixels ? CHUNK : pixels - first;
        float *out = y + first * channels;
        if (panel_fits(channels)) {
            forward_panel(conv, weights, bias, x, first, count, tile->scratch, out);
            continue;
        }
        gather_patches(conv, x, first, count, tile->scratch);
        for (size_t i = 0; i < count; i++)
            memcpy(out + i * channels, bias, channels * sizeof *out);
        blas_sgemm(false, false, count, channels, conv->depth, 1, tile->scratch, conv->depth,
                   weights, channels, 1, out, channels);
    }
}

/* ---- Backward -------------------------------------------------------------------------------- */

static void backward_weights(const Conv2d *conv, const Tile *tile, const float *x,
                             const float *slope, size_t first, size_t count, float *dweights) {
    size_t channels = conv->layer.out.channels, depth = conv->depth;
    const float *at[CHUNK];
    if (panel_fits(channels)) {
        PanelRows rows = locate_patches(conv, x, first, count, tile->scratch, at);
        panel_outer(&rows, slope, channels, dweights);
        return;
    }
    gather_patches(conv, x, first, count, tile->scratch);
    blas_sgemm(true, false, depth, channels, count, 1, tile->scratch, depth, slope, channels, 1,
               dweights, channels);
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
static void backward_position(const Conv2d *conv, const float *turned, const float *slope,
                              size_t first, size_t count, size_t position, float *dx) {
    const Layer *layer = &conv->layer;
    size_t in = layer->in.channels, out = layer->out.channels, used = 0;
    ptrdiff_t ky = (ptrdiff_t)(position / conv->kernel[1]);
    ptrdiff_t kx = (ptrdiff_t)(position % conv->kernel[1]);
    const float *at[CHUNK];
    float *to[CHUNK];
    for (size_t i = 0; i < count; i++) {
        Corner corner = find_corner(conv, first + i);
        ptrdiff_t y = corner.y + ky, x = corner.x + kx;
        if (y < 0 || y >= (ptrdiff_t)layer->in.height || x < 0 || x >= (ptrdiff_t)layer->in.width)
            continue;
        at[used] = slope + i * out;
        to[used++] = dx + corner.image + ((size_t)y * layer->in.width + (size_t)x) * in;
    }
    PanelRows rows = { at, used, 1, out, 0 };
    panel_multiply(&rows, turned + position * in * out, in, NULL, to);
}

static void backward_input(const Conv2d *conv, const float *weights, const Tile *tile,
                           const float *slope, size_t first, size_t count, float *dx) {
    size_t channels = conv->layer.out.channels, depth = conv->depth;
    if (transposes(conv)) {
        for (size_t k = 0; k < conv->kernel[0] * conv->kernel[1]; k++)
            backward_position(conv, tile->prepared, slope, first, count, k, dx);
        return;
    }
    blas_sgemm(false, true, count, depth, channels, 1, slope, channels, weights, channels, 0,
               tile->scratch, depth);
    scatter_patches(conv, tile->scratch, first, count, dx);
}

static void backward(const Layer *layer, const float *weights, const Tile *tile, const float *x,
                     const float *y, const float *dy, float *dx, float *dweights) {
    const Conv2d *conv = (const Conv2d *)layer;
    (void)y;
    size_t channels = layer->out.channels, pixels = count_pixels(layer, tile->n);
    if (dx)
        memset(dx, 0, tile->n * shape_size(layer->in) * sizeof *dx);
    if (dweights)
        layer_add_columns(dy, pixels, channels, dweights + layer->parameter[1].offset);
    for (size_t first = 0; first < pixels; first += CHUNK) {
        size_t count = first + CHUNK < pixels ? CHUNK : pixels - first;
        const float *slope = dy + first * channels;
        if (dweights)
            backward_weights(conv, tile, x, slope, first, count, dweights);
        if (dx)
            backward_input(conv, weights, tile, slope, first, count, dx);
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

static void import(const Layer *layer, int p, const float *torch, float *own) {
    const Conv2d *conv = (const Conv2d *)layer;
    if (p == 1) {
        memcpy(own, torch, layer->parameter[p].count * sizeof *own);
        return;
    }
    size_t in = layer->in.channels, out = layer->out.channels, taps = conv->depth / in;
    for (size_t k = 0; k < taps; k++)
        for (size_t c = 0; c < in; c++)
            for (size_t o = 0; o < out; o++)
                *own++ = torch[(o * in + c) * taps + k];
}

static const char *const keys[] = { "out", "kernel", "stride", "padding", NULL };

const LayerKind conv2d_kind = {
    .name = "conv2d",
    .label = "conv",
    .keys = keys,
    .size = sizeof(Conv2d),
    .backward_reads_x = true,
    .configure = configure,
    .describe = describe,
    .scratch = scratch,
    .prepared = prepared,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .export = export,
    .import = import,
};
