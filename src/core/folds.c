#include "core/folds.h"

#include "core/fail.h"
#include "core/labels.h"

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
