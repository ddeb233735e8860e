/* taps.h — outputs of a net's layers for many samples, a tile of rows at a time.
 *
 * One forward pass yields all tapped layers; tiles bound the memory that its activations take. */
#ifndef PERIGEE_REJECT_TAPS_H
#define PERIGEE_REJECT_TAPS_H

#include "nn/network.h"

/* How many samples to pass through the net at once. */
size_t taps_tile(const Network *net);

/* The outputs of the samples' layers into the memory that the taps name. An interrupt leaves the
 * rest unwritten: ask progress_was_interrupted. */
typedef struct TapsJob {
    Network *net;
    const Samples *samples;
    Taps taps;
} TapsJob;
bool taps_extract(const TapsJob *job, Progress *progress, Error *err);

#endif
