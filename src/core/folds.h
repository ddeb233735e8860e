/* folds.h — dividing samples into folds for cross-validation. */
#ifndef PERIGEE_CORE_FOLDS_H
#define PERIGEE_CORE_FOLDS_H

#include "core/labels.h"
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

/* Folds that a user numbered by any integers, as 0 … of->k−1: of->k gets how many they are, two or
 * more. fold may be `given` itself. */
bool folds_number(FoldsOf *of, const int32_t *given, int32_t *fold, Error *err);

/* Out-of-fold scores: each sample's (classes->count, in that order) are by a model that did not
 * learn from its fold. */
typedef struct FoldScores {
    const int32_t *y, *fold; /* n of each; folds are 0 … folds−1 */
    const Labels *classes;
    const double *scores;
    size_t n;
    int folds;
} FoldScores;

/* The share of all samples whose best score (the first of equals) is their label's, and the
 * standard deviation of the folds' own shares; a fold without samples has none. */
typedef struct FoldAccuracy {
    double all, spread;
} FoldAccuracy;
FoldAccuracy folds_accuracy(const FoldScores *of);

#endif
