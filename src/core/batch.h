/* batch.h — rows of samples on their way through a model or a part of one. */
#ifndef PERIGEE_CORE_BATCH_H
#define PERIGEE_CORE_BATCH_H

#include <stddef.h>

typedef struct Batch {
    const float *x; /* n × features, contiguous rows */
    size_t n, features;
    const char *where; /* the user's function, for messages */
} Batch;

/* Rows first … first+n−1 of a batch. */
Batch batch_rows(const Batch *batch, size_t first, size_t n);

#endif
