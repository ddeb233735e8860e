/* batch.h — rows of samples on their way through a model or a part of one. */
#ifndef PERIGEE_CORE_BATCH_H
#define PERIGEE_CORE_BATCH_H

#include <stddef.h>

typedef struct Batch {
    const float *x; /* n × features, contiguous rows */
    size_t n, features;
    const char *where; /* the user's function, for messages */
    /* Where x is NULL: the rows as bytes (core/bytes.h), and room for as many of them as are looked
     * at together (model.h's pieces, which are batches of floats again). */
    const unsigned char *bytes;
    float *room;
} Batch;

/* Rows first … first+n−1 of a batch, as floats: of bytes until the next call, in its room. */
Batch batch_rows(const Batch *batch, size_t first, size_t n);

#endif
