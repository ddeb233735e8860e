/* winograd.c — some tiles at a time: spread to the 36 places, one product at each, gathered. What
 * stands at a place is rows of tiles, a tile's channels side by side. */
#include "nn/winograd.h"

#include "core/simd.h"
#include "nn/panel.h"

#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__) && PERIGEE_SIMD_MOST > 0

/* Tiles worked on at a time, and the most channels or maps. */
enum { TILES = 24, MOST = 512 };

/* In images of fewer tiles what they are multiplied by is read for too little. */
enum { TILES_LEAST = 4 };

/* More products of channels and maps would leave the caches: what they are multiplied by is read
 * again for every few tiles. */
static const size_t MOST_KERNELS = 1 << 16;

/* A tile's pixels in an image: its rows (out of the image: zeros) from column 0 of the tile on, and
 * the columns from … to − 1 that lie in the image. Of an output: how many rows do. */
typedef struct Patch {
    const float *row[6];
    float *out[4];
    size_t from, to, rows, channels;
} Patch;

/* A product of rows × depth by depth × columns; adds: to what is there. */
typedef struct Product {
    size_t rows, depth, columns;
    bool adds;
} Product;

/* √½, and the inverses of the points' distances from all others, multiplied: G's factors. */
#define POINT 0.70710678118654752f
#define INNER (-2.0f / 3)
#define OUTER (1.0f / 6)

#include "nn/lanes_avx512.h"
#include "nn/winograd_block.h"
#include "nn/lanes_end.h"

#include "nn/lanes_avx2.h"
#include "nn/winograd_block.h"
#include "nn/lanes_end.h"

static bool is_wide(void) {
    return PERIGEE_SIMD_MOST > 1 && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("bmi2");
}

static const float zeros[6 * MOST];

/* ---- Which tile ------------------------------------------------------------------------------ */

static size_t tiles_across(const Winograd *images) {
    return (images->out_width + 3) / 4;
}

static size_t tiles_of(const Winograd *images) {
    return (images->out_height + 3) / 4 * tiles_across(images);
}

/* A tile's corner: the sample, and the output pixel. */
typedef struct Corner {
    size_t sample, y, x;
} Corner;

static Corner find_corner(const Winograd *images, size_t tile) {
    size_t tiles = tiles_of(images), across = tiles_across(images), inside = tile % tiles;
    return (Corner){ tile / tiles, inside / across * 4, inside % across * 4 };
}

/* The six by six pixels that the tile sees. */
static Patch input_patch(const Winograd *images, const float *x, Corner corner) {
    size_t channels = images->channels, row = images->width * channels;
    ptrdiff_t y = (ptrdiff_t)corner.y - (ptrdiff_t)images->padding[0];
    ptrdiff_t left = (ptrdiff_t)corner.x - (ptrdiff_t)images->padding[1];
    ptrdiff_t right = (ptrdiff_t)images->width - left;
    Patch patch = { .channels = channels,
                    .from = left < 0 ? (size_t)-left : 0,
                    .to = right > 6   ? 6
                          : right < 0 ? 0
                                      : (size_t)right };
    x += corner.sample * images->height * row;
    for (ptrdiff_t i = 0; i < 6; i++)
        patch.row[i] = y + i < 0 || y + i >= (ptrdiff_t)images->height
                           ? zeros
                           : x + (y + i) * (ptrdiff_t)row + left * (ptrdiff_t)channels;
    return patch;
}

/* The tile's pixels in the output; to be read, or to be written. */
static size_t output_place(const Winograd *images, Corner corner) {
    return ((corner.sample * images->out_height + corner.y) * images->out_width + corner.x) *
           images->maps;
}

static Patch output_patch(const Winograd *images, Corner corner) {
    size_t down = images->out_height - corner.y, across = images->out_width - corner.x;
    return (Patch){ .channels = images->maps,
                    .to = across < 4 ? across : 4,
                    .rows = down < 4 ? down : 4 };
}

static Patch slope_patch(const Winograd *images, const float *dy, Corner corner) {
    Patch patch = output_patch(images, corner);
    for (size_t i = 0; i < 4; i++)
        patch.row[i] = i < patch.rows ? dy + output_place(images, corner) +
                                            i * images->out_width * images->maps
                                      : zeros;
    return patch;
}

/* ---- Some tiles ------------------------------------------------------------------------------ */

/* From one place to the next: a cache line more than the tiles need, so that the same numbers of
 * different places do not meet in one line of the cache. */
static size_t step_of(size_t channels) {
    return TILES * channels + 16;
}

static void spread_tiles(const WinogradCall *call, size_t first, size_t count, float *places) {
    size_t channels = call->images->channels, step = step_of(channels);
    for (size_t t = 0; t < count; t++) {
        Patch patch = input_patch(call->images, call->x, find_corner(call->images, first + t));
        float *to = places + t * channels;
        if (is_wide())
            avx512_spread_tile(&patch, to, step, true);
        else
            avx2_spread_tile(&patch, to, step, true);
    }
}

static void spread_slopes(const Winograd *images, const float *dy, size_t first, size_t count,
                          float *places) {
    size_t step = step_of(images->maps);
    for (size_t t = 0; t < count; t++) {
        Patch patch = slope_patch(images, dy, find_corner(images, first + t));
        float *to = places + t * images->maps;
        if (is_wide())
            avx512_spread_tile(&patch, to, step, false);
        else
            avx2_spread_tile(&patch, to, step, false);
    }
}

static void multiply_places(const Winograd *images, const float *places, const float *filter,
                            size_t count, float *products) {
    const Product size = { count, images->channels, images->maps, false };
    for (size_t k = 0; k < WINOGRAD_PLACES; k++) {
        const float *a = places + k * step_of(size.depth);
        const float *b = filter + k * size.depth * size.columns;
        float *c = products + k * step_of(size.columns);
        if (is_wide())
            avx512_multiply(a, b, &size, c);
        else
            avx2_multiply(a, b, &size, c);
    }
}

static void gather_tiles(const Winograd *images, const float *products, size_t first, size_t count,
                         const float *bias, float *y) {
    size_t maps = images->maps, step = step_of(maps);
    for (size_t t = 0; t < count; t++) {
        Corner corner = find_corner(images, first + t);
        Patch patch = output_patch(images, corner);
        for (size_t i = 0; i < 4; i++)
            patch.out[i] = y + output_place(images, corner) + i * images->out_width * maps;
        if (is_wide())
            avx512_gather_tile(products + t * maps, step, bias, &patch);
        else
            avx2_gather_tile(products + t * maps, step, bias, &patch);
    }
}

/* ---- Calls ----------------------------------------------------------------------------------- */

bool winograd_pays(const Winograd *images) {
    size_t tiles = tiles_of(images), out = images->out_height * images->out_width;
    size_t in = images->height * images->width;
    size_t pixels = in < out ? in : out; /* the plain way skips zeros on one side or the other */
    return panel_fits(images->channels) && panel_fits(images->maps) && images->channels <= MOST &&
           images->maps <= MOST && images->channels * images->maps <= MOST_KERNELS &&
           tiles >= TILES_LEAST && tiles * 5 * WINOGRAD_PLACES <= pixels * 4 * 9;
}

size_t winograd_scratch(const Winograd *images) {
    return WINOGRAD_PLACES * (step_of(images->channels) + step_of(images->maps));
}

size_t winograd_outer_scratch(const Winograd *images) {
    return winograd_scratch(images) + WINOGRAD_PLACES * images->channels * images->maps;
}

void winograd_filter(const float *weights, size_t channels, size_t maps, float *filter) {
    if (is_wide())
        avx512_filter(weights, channels * maps, filter);
    else
        avx2_filter(weights, channels * maps, filter);
}

void winograd_convolve(const WinogradCall *call, const float *filter, const float *bias, float *y) {
    const Winograd *images = call->images;
    float *places = call->scratch, *products = places + WINOGRAD_PLACES * step_of(images->channels);
    size_t tiles = images->n * tiles_of(images);
    for (size_t first = 0; first < tiles; first += TILES) {
        size_t count = tiles - first < TILES ? tiles - first : TILES;
        spread_tiles(call, first, count, places);
        multiply_places(images, places, filter, count, products);
        gather_tiles(images, products, first, count, bias, y);
    }
}

static void outer_places(const Winograd *images, const float *places, const float *slopes,
                         const Product *size, float *sums) {
    for (size_t k = 0; k < WINOGRAD_PLACES; k++) {
        const float *a = places + k * step_of(images->channels);
        const float *b = slopes + k * step_of(images->maps);
        float *c = sums + k * size->depth * size->columns;
        if (is_wide())
            avx512_outer(a, b, size, c);
        else
            avx2_outer(a, b, size, c);
    }
}

void winograd_outer(const WinogradCall *call, const float *dy, float *dweights) {
    const Winograd *images = call->images;
    float *places = call->scratch, *slopes = places + WINOGRAD_PLACES * step_of(images->channels);
    float *sums = call->scratch + winograd_scratch(images);
    size_t tiles = images->n * tiles_of(images), kernels = images->channels * images->maps;
    for (size_t first = 0; first < tiles; first += TILES) {
        size_t count = tiles - first < TILES ? tiles - first : TILES;
        const Product size = { count, images->channels, images->maps, first > 0 };
        spread_tiles(call, first, count, places);
        spread_slopes(images, dy, first, count, slopes);
        outer_places(images, places, slopes, &size, sums);
    }
    if (is_wide())
        avx512_unfilter(sums, kernels, dweights);
    else
        avx2_unfilter(sums, kernels, dweights);
}

#else

bool winograd_pays(const Winograd *images) {
    (void)images;
    return false;
}

size_t winograd_scratch(const Winograd *images) {
    (void)images;
    return 0;
}

size_t winograd_outer_scratch(const Winograd *images) {
    (void)images;
    return 0;
}

/* Never called where nothing pays. */
void winograd_filter(const float *weights, size_t channels, size_t maps, float *filter) {
    (void)weights, (void)channels, (void)maps, (void)filter;
}

void winograd_convolve(const WinogradCall *call, const float *filter, const float *bias, float *y) {
    (void)call, (void)filter, (void)bias, (void)y;
}

void winograd_outer(const WinogradCall *call, const float *dy, float *dweights) {
    (void)call, (void)dy, (void)dweights;
}

#endif
