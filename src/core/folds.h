/* folds.h — dividing samples into folds for cross-validation. */
#ifndef PERIGEE_CORE_FOLDS_H
#define PERIGEE_CORE_FOLDS_H

#include "core/rng.h"
#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* fold[i] in 0 … k−1 for n samples: as evenly as possible within every class and over all. The
 * samples of each class are taken in random order and dealt out in turn, each class going on where
 * the class before it stopped. 2 ≤ k ≤ n. */
bool folds_stratified(const char *where, const int32_t *y, size_t n, int k, Rng *rng, int32_t *fold,
                      Error *err);

#endif
