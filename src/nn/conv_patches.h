/* conv_patches.h — the patches that a convolution's kernel sees: where they lie in the input, as
 * rows of a matrix, and back.
 *
 * With channels innermost a patch is kh contiguous runs of kw·channels numbers, or, where a
 * kernel's pixels lie apart or there are groups, kh·kw runs of a group's channels. */
#ifndef PERIGEE_NN_CONV_PATCHES_H
#define PERIGEE_NN_CONV_PATCHES_H

#include "nn/conv2d.h"
#include "nn/panel.h"

/* Output pixels worked on at a time: their gradients stay in the first-level cache with a part of
 * the weights, their patches in the second. */
enum { CHUNK = 96 };

/* An output pixel, counted through the tile's samples: the image it reads, where its patch's corner
 * lies in it (outside, where there is padding), and how many pixels its row has from it on. */
typedef struct Corner {
    size_t image; /* the offset of the sample in the input */
    ptrdiff_t y, x;
    size_t left;
} Corner;

/* Output pixels first … first + count − 1 of a call, counted through its samples, in one group. */
typedef struct Chunk {
    const Conv2d *conv;
    const LayerCall *call;
    size_t first, count, group;
    Corner corner[CHUNK];
} Chunk;

/* Those from `first` on, as many as there are, at most CHUNK; in the first group. */
void chunk_start(Chunk *chunk, const Conv2d *conv, const LayerCall *call, size_t first);

/* The chunk's patches as rows of a matrix. */
void chunk_gather(const Chunk *chunk, float *patch);

/* The gradients of a chunk's patches, `stride` numbers from one patch to the next. */
typedef struct Patches {
    const float *values;
    size_t stride;
} Patches;

/* The reverse: add the patches' gradients to the pixels they were made from. */
void chunk_scatter(const Chunk *chunk, const Patches *patches);

/* The same patches as rows of a panel, where they lie or gathered into the tile's scratch; `at` has
 * CHUNK places. */
PanelRows chunk_rows(const Chunk *chunk, const float **at);

#endif
