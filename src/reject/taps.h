/* taps.h — outputs of a net's layers for many samples, a tile of rows at a time.
 *
 * One forward pass yields all tapped layers; tiles bound the memory that its activations take. */
#ifndef PERIGEE_REJECT_TAPS_H
#define PERIGEE_REJECT_TAPS_H

#include "nn/network.h"

/* How many samples to pass through the net at once. */
size_t taps_tile(const Network *net);

/* The 0-based layer of that name; an unknown one is an error that lists the net's layers. `where`
 * is the user's function. */
bool taps_find(const Network *net, const char *where, const char *name, size_t *layer, Error *err);

/* output[t] (n × network_output_size(net, tap[t]), the caller's memory) = layer tap[t]'s output. An
 * interrupt leaves the rest unwritten: ask progress_was_interrupted. */
bool taps_extract(Network *net, const size_t *tap, size_t taps, const float *x, size_t n,
                  float *const *output, Progress *progress, Error *err);

#endif
