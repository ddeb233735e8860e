/* conv2d.h — the struct of a conv2d layer, for the files that run one: conv2d.c by patches, which
 * conv_patches.c finds, and conv_depthwise.c channel by channel. */
#ifndef PERIGEE_NN_CONV2D_H
#define PERIGEE_NN_CONV2D_H

#include "nn/layer.h"
#include "nn/panel.h"

typedef struct Conv2d {
    Layer layer;
    size_t out;                                           /* maps */
    size_t kernel[2], stride[2], padding[2], dilation[2]; /* padding: or FIELD_PAIR_WORD, "same" */
    size_t groups;
    bool bias;

    size_t before[2];           /* zeros above and on the left */
    bool padded;                /* there are zeros on some side */
    size_t in_group, out_group; /* channels of a group, and its maps */
    size_t depth;               /* kh · kw · in_group: the length of a patch */
    size_t wide;                /* that, rounded up to what panels take */
    bool solid;                 /* a kernel row's pixels lie side by side, with all channels */
    bool winograd_forward, winograd_backward; /* Winograd's algorithm pays there (winograd.h) */
} Conv2d;

/* The bias among the layer's weights, or NULL. */
static inline const float *conv_bias(const Conv2d *conv, const float *weights) {
    return conv->bias ? weights + conv->layer.parameter[1].offset : NULL;
}

/* Is every group one channel and one map? The weights are then stored as (kh, kw) × channels. */
static inline bool conv_is_depthwise(const Conv2d *conv) {
    return conv->groups > 1 && conv->in_group == 1 && conv->out_group == 1;
}

/* The calls of such a layer; backward adds to dx, which is cleared, and to the weight's gradient.
 */
void conv_depthwise_forward(const Conv2d *conv, const LayerCall *call);
void conv_depthwise_backward(const Conv2d *conv, const LayerCall *call);

/* ---- Patches: conv_patches.c -----------------------------------------------------------------
 *
 * With channels innermost the patch that a kernel sees is kh contiguous runs of kw·channels
 * numbers, or, where a kernel's pixels lie apart or there are groups, kh·kw runs of a group's
 * channels. */

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
