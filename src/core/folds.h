/* folds.h — dividing samples into folds for cross-validation. */
#ifndef PERIGEE_CORE_FOLDS_H
#define PERIGEE_CORE_FOLDS_H

#include "core/rng.h"
#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which samples to divide, for whom. */
typedef struct FoldsOf {
    const char *where; /* the user's function */
    const int32_t *y;  /* n labels */
    size_t n;
    int k; /* 2 ≤ k ≤ n folds */
} FoldsOf;

/* fold[i] in 0 … k−1 for n samples: as evenly as possible within every class and over all. The
 * samples of each class are taken in random order and dealt out in turn, each class going on where
 * the class before it stopped. */
bool folds_stratified(const FoldsOf *of, Rng *rng, int32_t *fold, Error *err);

#endif
