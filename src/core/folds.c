#include "core/folds.h"

#include "core/fail.h"

#include <math.h>
#include <stdlib.h>

bool folds_stratified(const FoldsOf *of, Rng *rng, int32_t *fold, Error *err) {
    const char *where = of->where;
    const int32_t *y = of->y;
    size_t n = of->n;
    int k = of->k;
    if (k < 2 || (size_t)k > n)
        return error_set(err, ERROR_ARGUMENT,
                         "%s: folds: expected from 2 to the %zu samples, got %d", where, n, k);
    Labels classes;
    if (!labels_from(where, y, n, &classes, err))
        return false;
    size_t *order = malloc(n * sizeof *order);
    if (!order) {
        labels_clear(&classes);
        return error_memory(err, where, n * sizeof *order);
    }
    rng_permutation(rng, n, order);
    size_t dealt = 0;
    for (size_t c = 0; c < classes.count; c++)
        for (size_t i = 0; i < n; i++)
            if (y[order[i]] == classes.label[c])
                fold[order[i]] = (int32_t)(dealt++ % (size_t)k);
    free(order);
    labels_clear(&classes);
    return true;
}

bool folds_number(FoldsOf *of, const int32_t *given, int32_t *fold, Error *err) {
    Labels used;
    if (!labels_from(of->where, given, of->n, &used, err))
        return false;
    of->k = (int)used.count;
    for (size_t i = 0; i < of->n; i++)
        fold[i] = (int32_t)labels_find(&used, given[i]);
    labels_clear(&used);
    return of->k >= 2 ||
           error_set(err, ERROR_ARGUMENT, "%s: folds: expected two folds or more", of->where);
}

static bool is_right(const FoldScores *of, size_t i) {
    size_t count = of->classes->count, best = 0;
    const double *row = of->scores + i * count;
    for (size_t c = 1; c < count; c++)
        best = row[c] > row[best] ? c : best;
    return of->classes->label[best] == of->y[i];
}

FoldAccuracy folds_accuracy(const FoldScores *of) {
    size_t right = 0;
    double folds = 0, mean = 0, squares = 0; /* as B. P. Welford updates them */
    for (int k = 0; k < of->folds; k++) {
        size_t in_fold = 0, right_here = 0;
        for (size_t i = 0; i < of->n; i++) {
            in_fold += of->fold[i] == k;
            right_here += of->fold[i] == k && is_right(of, i);
        }
        if (in_fold == 0)
            continue;
        double share = (double)right_here / (double)in_fold, before = share - mean;
        mean += before / ++folds;
        squares += before * (share - mean);
        right += right_here;
    }
    return (FoldAccuracy){ (double)right / (double)of->n, folds > 0 ? sqrt(squares / folds) : 0 };
}
