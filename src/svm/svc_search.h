/* svc_search.h — choosing C and gamma by cross-validation.
 *
 * The bases of all pairs of samples (gram.h) are computed once; each gamma makes one kernel matrix
 * of them, on which all values of C, all folds and all classes are trained side by side. */
#ifndef PERIGEE_SVM_SVC_SEARCH_H
#define PERIGEE_SVM_SVC_SEARCH_H

#include "svm/svc.h"

typedef struct SvcGrid {
    const double *C;
    size_t Cs;
    const double *gamma; /* ignored (gammas 0 or not) by kernels that have none */
    size_t gammas;
    const int32_t *fold; /* one per sample, 0 … folds−1 */
    int folds;
} SvcGrid;

/* What is to be searched. `params` says everything that the grid does not. */
typedef struct SvcSearch {
    const SvcParams *params;
    const SvcGrid *grid;
    const Samples *samples;
    const char *where; /* what messages begin with: the user's function */
} SvcSearch;

/* What svm.search takes; data, C and gamma are its caller's to read. */
typedef struct SvcSearchOptions {
    SvcParams svc; /* first: its fields are among these */
    int folds;
    bool fit;
} SvcSearchOptions;
extern const Fields svc_search_fields;

typedef struct SvcFound {
    double
        *accuracy;  /* the caller's, Cs × gammas (at least one column): the share of samples whose
                       label the machine trained without their fold predicts; NaN if not reached */
    double *spread; /* the same for the standard deviation of the folds' own shares; or NULL */
    double *oof;    /* n × classes for the scores that the best is judged by; or NULL */
    size_t rows, columns;
    size_t C, gamma; /* the place of the best; the first in the order given wins a tie */
    bool any;        /* false where an interrupt came before the first column was full */
} SvcFound;

/* Is there anything that svc_search would refuse before it trains? It looks at no sample's x. */
bool svc_search_check(const SvcSearch *search, Error *err);

/* An interrupt leaves the columns that are done. */
bool svc_search(const SvcSearch *search, SvcFound *found, Progress *progress, Error *err);

/* Memory that it takes with samples of so many classes; `sum` (FIT_SUM bytes) gets the arithmetic.
 */
double svc_search_bytes(const SvcSearch *search, size_t classes, char *sum);

/* Columns of the grid's table: gammas, or 1 for a kernel without gamma. */
size_t svc_search_columns(const SvcParams *params, const SvcGrid *grid);

#endif
