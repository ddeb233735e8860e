/* digits.h — the built-in digits: 28 × 28 images drawn as a hand would draw them, for want of
 * MNIST.
 *
 * A skeleton of pen strokes (digit_skeletons.h) is shaken point by point, bent by a smooth field,
 * slanted, stretched and turned, drawn with a pen of varying width and pressure, softened, fitted
 * into a box of about 20 pixels and centred by its mass, as MNIST is. Each image has a generator of
 * its own: the same options give the same bits whatever the number of threads. */
#ifndef PERIGEE_DATA_DIGITS_H
#define PERIGEE_DATA_DIGITS_H

#include "core/fields.h"
#include "core/progress.h"
#include "data/dataset.h"

typedef struct DigitsOptions {
    size_t n;
    uint64_t seed;
    int class_count; /* digits to draw from; 0 for all ten */
    int32_t classes[10];
} DigitsOptions;

/* The options of it that go by name; the classes are a list. */
extern const Field digits_fields[];

/* n images in random order with as many of each class as n allows (counts differ by one at most).
 * Fails on a class that is not a digit or is given twice. After an interrupt: only those drawn so
 * far. */
Dataset *digits_new(const DigitsOptions *options, Progress *progress, Error *err);

/* One image of 28 · 28 values in [0, 1] from the generator. */
void digits_draw(int digit, Rng *rng, float *image);

#endif
