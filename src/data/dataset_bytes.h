/* dataset_bytes.h — datasets of samples that are bytes in their files: pictures.
 *
 * Readers fill rows of bytes; what becomes of 0 … 255 is settled here alone: 0 … 1 as float32. */
#ifndef PERIGEE_DATA_DATASET_BYTES_H
#define PERIGEE_DATA_DATASET_BYTES_H

#include "data/dataset.h"

/* Room for n samples of that shape with their labels, to be filled. */
typedef struct ByteSamples {
    unsigned char *rows; /* n × the product of `sample` */
    int32_t *labels;     /* those of y */
    size_t n, features;
    Sizes sample;
    Array *y;
} ByteSamples;

bool byte_samples_new(const char *where, size_t n, const Sizes *sample, ByteSamples *out,
                      Error *err);
void byte_samples_free(ByteSamples *samples);

/* The dataset of them; they are as empty afterwards as byte_samples_free leaves them. */
Dataset *byte_samples_dataset(const char *where, ByteSamples *samples, const char *source,
                              Error *err);

#endif
