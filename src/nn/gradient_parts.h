/* gradient_parts.h — room for a weight gradient that is summed over a batch piece by piece.
 *
 * Each piece of `rows` samples adds its gradients up in a vector of its own; the vectors are then
 * added in the order of the pieces. A batch is cut into the least power of two of pieces that have
 * 16 samples at most: their number divides well among workers. There are fewer, and larger ones,
 * where there would be more than 64 or they would take more than 512 MB. All this follows from the
 * batch and the network alone, so the sum's bits do not depend on who works on what. */
#ifndef PERIGEE_NN_GRADIENT_PARTS_H
#define PERIGEE_NN_GRADIENT_PARTS_H

#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct GradientParts {
    size_t rows, count; /* samples of a piece; vectors */
    float **vector;     /* count of them, `weights` numbers each, not cleared; owned */
} GradientParts;

/* How many pieces a batch of n samples has. */
size_t gradient_parts_of(size_t n, size_t weights);

/* For batches of n samples (one at least) or fewer. On failure nothing is held. */
bool gradient_parts_init(GradientParts *parts, size_t n, size_t weights, Error *err);
void gradient_parts_clear(GradientParts *parts);

#endif
