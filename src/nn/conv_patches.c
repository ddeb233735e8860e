/* conv_patches.c — where the patches of a convolution lie in its input, as rows of a matrix, and
 * back (conv2d.h). */
#include "nn/conv2d.h"

#include "core/simd.h"

#include <string.h>

/* ---- Corners --------------------------------------------------------------------------------- */

static Corner find_corner(const Conv2d *conv, size_t pixel) {
    const Layer *layer = &conv->layer;
    size_t pixels = layer->out.height * layer->out.width, inside = pixel % pixels;
    size_t oy = inside / layer->out.width, ox = inside % layer->out.width;
    return (Corner){ pixel / pixels * shape_size(layer->in),
                     (ptrdiff_t)(oy * conv->stride[0]) - (ptrdiff_t)conv->before[0],
                     (ptrdiff_t)(ox * conv->stride[1]) - (ptrdiff_t)conv->before[1],
                     layer->out.width - ox };
}

/* One division finds where a row starts; inside it the next pixel is a step to the right. */
void chunk_start(Chunk *chunk, const Conv2d *conv, const LayerCall *call, size_t first) {
    const Layer *layer = &conv->layer;
    size_t left = call->tile->n * layer->out.height * layer->out.width - first;
    ptrdiff_t step = (ptrdiff_t)conv->stride[1];
    chunk->conv = conv;
    chunk->call = call;
    chunk->first = first;
    chunk->count = left < CHUNK ? left : CHUNK;
    chunk->group = 0;
    for (size_t at = 0; at < chunk->count;) {
        Corner corner = find_corner(conv, first + at), *row = &chunk->corner[at];
        size_t rest = chunk->count - at, part = corner.left < rest ? corner.left : rest;
        for (size_t i = 0; i < part; i++)
            row[i] =
                (Corner){ corner.image, corner.y, corner.x + (ptrdiff_t)i * step, corner.left - i };
        at += part;
    }
}

/* ---- Runs ------------------------------------------------------------------------------------ */

/* Of a patch's runs: how many there are, and their numbers. */
static size_t count_runs(const Conv2d *conv) {
    return conv->kernel[0] * (conv->solid ? 1 : conv->kernel[1]);
}

static size_t run_length(const Conv2d *conv) {
    return conv->in_group * (conv->solid ? conv->kernel[1] : 1);
}

/* Where run r of a patch meets the input: numbers `skip` … `skip + count − 1` of it lie inside and
 * start at offset `at`; the rest is padding. */
typedef struct Run {
    size_t at, skip, count;
} Run;

static inline __attribute__((always_inline)) Run find_run(const Chunk *chunk, Corner corner,
                                                          size_t r) {
    const Conv2d *conv = chunk->conv;
    const Layer *layer = &conv->layer;
    size_t channels = conv->in_group, down = conv->solid ? r : r / conv->kernel[1];
    size_t across = conv->solid ? 0 : r % conv->kernel[1];
    ptrdiff_t y = corner.y + (ptrdiff_t)(down * conv->dilation[0]);
    ptrdiff_t left = corner.x + (ptrdiff_t)(across * conv->dilation[1]);
    ptrdiff_t right = left + (ptrdiff_t)(conv->solid ? conv->kernel[1] : 1);
    ptrdiff_t width = (ptrdiff_t)layer->in.width;
    ptrdiff_t from = left < 0 ? 0 : left, to = right > width ? width : right;
    if (y < 0 || y >= (ptrdiff_t)layer->in.height || to <= from)
        return (Run){ 0 };
    return (Run){ .at = corner.image + (size_t)(y * width + from) * layer->in.channels +
                        chunk->group * channels,
                  .skip = (size_t)(from - left) * channels,
                  .count = (size_t)(to - from) * channels };
}

/* ---- Gathered and scattered ------------------------------------------------------------------ */

SIMD_CLONES
void chunk_gather(const Chunk *chunk, float *patch) {
    const Conv2d *conv = chunk->conv;
    const float *x = chunk->call->x;
    size_t runs = count_runs(conv), length = run_length(conv);
    for (size_t i = 0; i < chunk->count; i++)
        for (size_t r = 0; r < runs; r++, patch += length) {
            Run run = find_run(chunk, chunk->corner[i], r);
            if (run.count < length)
                memset(patch, 0, length * sizeof *patch);
            for (size_t k = 0; k < run.count; k++)
                patch[run.skip + k] = x[run.at + k];
        }
}

/* Pixels of one image: `wide` of each of some rows of the output, whose first are the chunk's
 * pixels first, first + across, … */
typedef struct Band {
    size_t first, rows, wide, across;
} Band;

/* The band from pixel `at` on: whole rows, or a part of one. Where patches reach beyond the sides a
 * row goes alone: its pixels there have to wait for the row before. */
static Band find_band(const Chunk *chunk, size_t at) {
    const Corner *corner = &chunk->corner[at];
    size_t left = chunk->count - at, wide = corner->left < left ? corner->left : left;
    Band band = { at, 1, wide, wide };
    if (wide < chunk->conv->layer.out.width || chunk->conv->padded)
        return band;
    while ((band.rows + 1) * wide <= left && corner[band.rows * wide].image == corner->image)
        band.rows++;
    return band;
}

/* Its columns first … last − 1. */
static Band narrowed(Band band, size_t first, size_t last) {
    band.first += first;
    band.wide = last - first;
    return band;
}

/* Pixel by pixel. */
SIMD_CLONES
static void scatter_pixels(const Chunk *chunk, const Patches *patches, Band band) {
    const Conv2d *conv = chunk->conv;
    float *dx = chunk->call->dx;
    size_t runs = count_runs(conv), length = run_length(conv);
    for (size_t row = 0; row < band.rows; row++)
        for (size_t i = 0; i < band.wide; i++)
            for (size_t r = 0; r < runs; r++) {
                size_t pixel = band.first + row * band.across + i;
                Run run = find_run(chunk, chunk->corner[pixel], r);
                const float *from =
                    patches->values + pixel * patches->stride + r * length + run.skip;
                for (size_t k = 0; k < run.count; k++)
                    dx[run.at + k] += from[k];
            }
}

/* Add what a band's patches have of row y of the image: of each row of pixels one row of the
 * kernel, or none. No patch reaches beyond the image's sides. The sums are in the order that they
 * have pixel by pixel, however pixels are cut into bands. */
static void scatter_row(const Chunk *chunk, const Patches *patches, Band band, ptrdiff_t y) {
    const Conv2d *conv = chunk->conv;
    const Corner *corner = &chunk->corner[band.first];
    size_t channels = conv->layer.in.channels, length = run_length(conv), down = conv->stride[0];
    float *to = chunk->call->dx + corner->image +
                (size_t)(y * (ptrdiff_t)conv->layer.in.width + corner->x) * channels;
    const float *from[PANEL_SOURCES];
    PanelRuns runs = { from, 0, band.wide, length, patches->stride, conv->stride[1] * channels };
    size_t below = (size_t)(y - corner->y), reach = (conv->kernel[0] - 1) * conv->dilation[0];
    size_t row = below > reach ? (below - reach + down - 1) / down : 0;
    for (; row < band.rows && row * down <= below; row++) {
        size_t r = below - row * down, pixel = band.first + row * band.across;
        if (conv->dilation[0] > 1 && r % conv->dilation[0] != 0)
            continue;
        r = conv->dilation[0] > 1 ? r / conv->dilation[0] : r;
        from[runs.sources++] = patches->values + pixel * patches->stride + r * length;
        if (runs.sources < PANEL_SOURCES)
            continue;
        panel_add_runs(&runs, to);
        runs.sources = 0;
    }
    panel_add_runs(&runs, to);
}

static void scatter_rows(const Chunk *chunk, const Patches *patches, Band band) {
    const Conv2d *conv = chunk->conv;
    size_t reach = (band.rows - 1) * conv->stride[0] + (conv->kernel[0] - 1) * conv->dilation[0];
    ptrdiff_t first = chunk->corner[band.first].y, last = first + (ptrdiff_t)reach;
    ptrdiff_t height = (ptrdiff_t)conv->layer.in.height;
    for (ptrdiff_t y = first < 0 ? 0 : first; y <= last && y < height; y++)
        scatter_row(chunk, patches, band, y);
}

void chunk_scatter(const Chunk *chunk, const Patches *patches) {
    const Conv2d *conv = chunk->conv;
    ptrdiff_t most = (ptrdiff_t)conv->layer.in.width - (ptrdiff_t)conv->kernel[1];
    for (size_t at = 0; at < chunk->count;) {
        Band band = find_band(chunk, at);
        const Corner *corner = &chunk->corner[at];
        size_t first = 0, last = conv->solid ? band.wide : 0;
        while (first < last && corner[first].x < 0)
            first++;
        while (last > first && corner[last - 1].x > most)
            last--;
        scatter_pixels(chunk, patches, narrowed(band, 0, first));
        if (first < last)
            scatter_rows(chunk, patches, narrowed(band, first, last));
        scatter_pixels(chunk, patches, narrowed(band, last, band.wide));
        at += band.rows * band.wide;
    }
}

PanelRows chunk_rows(const Chunk *chunk, const float **at) {
    const Conv2d *conv = chunk->conv;
    const Layer *layer = &conv->layer;
    float *gathered = chunk->call->tile->scratch;
    size_t row = layer->in.width * layer->in.channels, count = chunk->count;
    if (conv->padded || !conv->solid) {
        chunk_gather(chunk, gathered);
        for (size_t i = 0; i < count; i++)
            at[i] = gathered + i * conv->depth;
        return (PanelRows){ at, count, 1, conv->depth, 0 };
    }
    for (size_t i = 0; i < count; i++) {
        const Corner *corner = &chunk->corner[i];
        at[i] = chunk->call->x + corner->image + (size_t)corner->y * row +
                (size_t)corner->x * layer->in.channels;
    }
    return (PanelRows){ at, count, conv->kernel[0], run_length(conv), row * conv->dilation[0] };
}
