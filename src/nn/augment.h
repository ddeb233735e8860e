/* augment.h — images changed at random before they are learned, each by a generator of its own: by
 * the batch's seed and the sample's place in it, so that the same seed gives the same images for
 * any number of threads. */
#ifndef PERIGEE_NN_AUGMENT_H
#define PERIGEE_NN_AUGMENT_H

#include "core/fields.h"
#include "core/rng.h"
#include "nn/layer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero: nothing is done. */
typedef struct Augment {
    size_t shift; /* by up to this many pixels, zeros behind it */
    size_t crop;  /* a random part that is up to this many pixels lower and narrower, made large */
    double flip;  /* the probability that an image is mirrored, left and right */
    double noise; /* the standard deviation of what is added to every number */
} Augment;

extern const Fields augment_fields; /* with the strengths that a word alone stands for */

bool augment_is_any(const Augment *augment);

/* Does it want images, or will it take flat samples? */
bool augment_needs_image(const Augment *augment);

/* A channel-first image that is changed in place, and its generator. */
typedef struct Picture {
    Shape shape;
    float *image;
    Rng *rng;
} Picture;

/* Into the picture: `from` moved by up to `most` pixels in both directions, zeros behind it. */
void augment_shift(Picture picture, const float *from, size_t most);

/* All but the shift: crop, flip and noise, in this order; room has the image's size. */
void augment_image(Picture picture, const Augment *augment, float *room);

#endif
