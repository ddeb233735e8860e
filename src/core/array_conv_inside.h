/* array_conv_inside.h — a convolution's sizes, and what the files of it (array_conv*.c) have from
 * one another. */
#ifndef PERIGEE_CORE_ARRAY_CONV_INSIDE_H
#define PERIGEE_CORE_ARRAY_CONV_INSIDE_H

#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct Convolution Convolution;

/* Sizes, and how the work is cut: an item is `group` samples, whose patches are laid out `band`
 * rows of an output map at a time; those of several samples together.
 *
 * Inside, channels are innermost, so that a kernel's row of a patch is one contiguous run:
 *
 *     image (group, h, w, c)    patch (pixels, kh·kw·c)    maps (group, pixels, o), if not large
 *
 * and the weight is (o, kh, kw, c). */
typedef struct Plan {
    const char *where;
    size_t stride[2], padding[2];
    DType dtype;
    size_t size;           /* of an element */
    size_t n, c, h, w;     /* of the input */
    size_t o, kh, kw;      /* of the kernels */
    size_t oh, ow, pixels; /* of an output map */
    size_t depth;          /* kh·kw·c, of a patch */
    size_t group, band;
    bool large;                         /* maps are, so that they are worked on where they lie */
    const char *x, *weight, *bias, *dy; /* contiguous, of the type; those that are needed */
    char *out;                          /* y, dx or the sums of the weight's gradient */
    char *scratch;                      /* for each worker */
    size_t image_bytes, maps_bytes, scratch_bytes;
} Plan;

/* Some samples in a worker's scratch, and where their results go. */
typedef struct Item {
    const Plan *plan;
    size_t first, count; /* samples */
    char *image, *maps, *patch, *out;
} Item;

/* Rows of the output maps of an item. */
typedef struct Band {
    size_t first, rows;
} Band;

static inline size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* ---- Sizes: array_conv_shapes.c -------------------------------------------------------------- */

/* Check the shapes, and set all of a plan but its pointers and scratch. */
bool conv_plan(const Convolution *conv, Plan *p, Error *err);

/* The shape of x with other channels, height and width. */
Sizes conv_output_shape(const Convolution *conv, const Plan *p);

/* Has dy that shape? */
bool conv_check_slope(const Convolution *conv, const Plan *p, const Array *dy, Error *err);

/* ---- Where numbers lie: array_conv_layout.c -------------------------------------------------- */

/* Channels × pixels of each sample. */
typedef struct Channels {
    size_t channels, pixels;
} Channels;

/* The item's samples of an array (n, channels, pixels) to, or from, (count, pixels, channels). */
void conv_turn_in(const Item *item, const char *from, Channels size, char *to);
void conv_turn_out(const Item *item, const char *from, Channels size, char *to);

/* patch = the item's patches, for the pixels of a band; or image += patch. */
void conv_gather(const Item *item, Band band);
void conv_scatter(const Item *item, Band band);

#endif
