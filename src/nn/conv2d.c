/* conv2d.c — convolution (cross-correlation, as in every network library) by im2col and one GEMM:
 *
 *     y[oy, ox, :] = bias + Σ over (ky, kx, c)  x[oy·stride + ky − padding, …, c] · weight[ky, kx,
 * c, :]
 *
 * With channels innermost a patch is `kh` contiguous runs of kw·channels numbers. A patch matrix is
 * made for a few rows of the output at a time, small enough to stay in the cache with the weights,
 * and made again in backward rather than kept. Weights are stored as they are multiplied:
 * (kh, kw, in) × out. */
#include "core/blas.h"
#include "core/simd.h"
#include "nn/layer.h"

#include <string.h>

enum { HEIGHT, WIDTH };

typedef struct Conv2d {
    Layer layer;
    size_t kernel[2], stride[2], padding[2];
    size_t depth; /* kh · kw · input channels: the length of a patch */
} Conv2d;

/* Floats of patches made at a time: a quarter of a megabyte. */
static const size_t PATCH_ROOM = 64 * 1024;

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

/* Rows of the output (each `width` pixels) whose patches are made at a time. */
static size_t rows_at_a_time(const Conv2d *conv) {
    size_t rows = PATCH_ROOM / (conv->layer.out.width * conv->depth);
    return rows > 0 ? rows : 1;
}

static size_t scratch(const Layer *layer) {
    const Conv2d *conv = (const Conv2d *)layer;
    return rows_at_a_time(conv) * layer->out.width * conv->depth;
}

/* Where kernel row ky of the patch at (oy, ox) meets the input: numbers `skip` … `skip + count − 1`
 * of that row's kw·channels lie inside and start at x + at; the rest is padding. */
typedef struct Run {
    size_t at, skip, count;
} Run;

static Run find_run(const Conv2d *conv, size_t oy, size_t ox, size_t ky) {
    const Layer *layer = &conv->layer;
    size_t channels = layer->in.channels;
    ptrdiff_t y = (ptrdiff_t)(oy * conv->stride[0] + ky) - (ptrdiff_t)conv->padding[0];
    ptrdiff_t left = (ptrdiff_t)(ox * conv->stride[1]) - (ptrdiff_t)conv->padding[1];
    ptrdiff_t right = left + (ptrdiff_t)conv->kernel[1];
    ptrdiff_t width = (ptrdiff_t)layer->in.width;
    ptrdiff_t from = left < 0 ? 0 : left, to = right > width ? width : right;
    if (y < 0 || y >= (ptrdiff_t)layer->in.height || to <= from)
        return (Run){ 0 };
    return (Run){ .at = (size_t)(y * width + from) * channels,
                  .skip = (size_t)(from - left) * channels,
                  .count = (size_t)(to - from) * channels };
}

/* The patches of output rows first … first+rows−1, counted through the tile's samples. */
SIMD_CLONES
static void gather_patches(const Conv2d *conv, const float *x, size_t first, size_t rows,
                           float *patch) {
    const Layer *layer = &conv->layer;
    size_t size = shape_size(layer->in), run_length = conv->kernel[1] * layer->in.channels;
    for (size_t row = first; row < first + rows; row++) {
        const float *image = x + row / layer->out.height * size;
        size_t oy = row % layer->out.height;
        for (size_t ox = 0; ox < layer->out.width; ox++)
            for (size_t ky = 0; ky < conv->kernel[0]; ky++, patch += run_length) {
                Run run = find_run(conv, oy, ox, ky);
                if (run.count < run_length)
                    memset(patch, 0, run_length * sizeof *patch);
                const float *from = image + run.at;
                for (size_t i = 0; i < run.count; i++)
                    patch[run.skip + i] = from[i];
            }
    }
}

/* The reverse: add the patches' gradients to the pixels they were made from. */
SIMD_CLONES
static void scatter_patches(const Conv2d *conv, const float *patch, size_t first, size_t rows,
                            float *dx) {
    const Layer *layer = &conv->layer;
    size_t size = shape_size(layer->in), run_length = conv->kernel[1] * layer->in.channels;
    for (size_t row = first; row < first + rows; row++) {
        float *image = dx + row / layer->out.height * size;
        size_t oy = row % layer->out.height;
        for (size_t ox = 0; ox < layer->out.width; ox++)
            for (size_t ky = 0; ky < conv->kernel[0]; ky++, patch += run_length) {
                Run run = find_run(conv, oy, ox, ky);
                float *to = image + run.at;
                for (size_t i = 0; i < run.count; i++)
                    to[i] += patch[run.skip + i];
            }
    }
}

static void fill_rows(const float *row, size_t rows, size_t columns, float *out) {
    for (size_t i = 0; i < rows; i++)
        memcpy(out + i * columns, row, columns * sizeof *out);
}

static void forward(const Layer *layer, const float *weights, const Tile *tile, const float *x,
                    float *y) {
    const Conv2d *conv = (const Conv2d *)layer;
    const float *bias = weights + layer->parameter[1].offset;
    size_t width = layer->out.width, channels = layer->out.channels;
    size_t step = rows_at_a_time(conv), total = tile->n * layer->out.height;
    for (size_t row = 0; row < total; row += step) {
        size_t rows = row + step < total ? step : total - row, pixels = rows * width;
        float *out = y + row * width * channels;
        gather_patches(conv, x, row, rows, tile->scratch);
        fill_rows(bias, pixels, channels, out);
        blas_sgemm(false, false, pixels, channels, conv->depth, 1, tile->scratch, conv->depth,
                   weights, channels, 1, out, channels);
    }
}

SIMD_CLONES
static void add_columns(const float *dy, size_t rows, size_t columns, float *sum) {
    for (size_t i = 0; i < rows; i++)
        for (size_t c = 0; c < columns; c++)
            sum[c] += dy[i * columns + c];
}

static void backward(const Layer *layer, const float *weights, const Tile *tile, const float *x,
                     const float *y, const float *dy, float *dx, float *dweights) {
    const Conv2d *conv = (const Conv2d *)layer;
    (void)y;
    size_t width = layer->out.width, channels = layer->out.channels, depth = conv->depth;
    size_t step = rows_at_a_time(conv), total = tile->n * layer->out.height;
    if (dx)
        memset(dx, 0, tile->n * shape_size(layer->in) * sizeof *dx);
    if (dweights)
        add_columns(dy, total * width, channels, dweights + layer->parameter[1].offset);
    for (size_t row = 0; row < total; row += step) {
        size_t rows = row + step < total ? step : total - row, pixels = rows * width;
        const float *slope = dy + row * width * channels;
        if (dweights) {
            gather_patches(conv, x, row, rows, tile->scratch);
            blas_sgemm(true, false, depth, channels, pixels, 1, tile->scratch, depth, slope,
                       channels, 1, dweights, channels);
        }
        if (dx) {
            blas_sgemm(false, true, pixels, depth, channels, 1, slope, channels, weights, channels,
                       0, tile->scratch, depth);
            scatter_patches(conv, tile->scratch, row, rows, dx);
        }
    }
}

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
    .forward = forward,
    .backward = backward,
    .export = export,
    .import = import,
};
