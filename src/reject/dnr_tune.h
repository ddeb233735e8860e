/* dnr_tune.h — choosing C and gamma of a Dnr's SVMs by cross-validation.
 *
 * The way of a fit: one pass through the net; every layer's classifier by its own accuracy on the
 * samples that it was trained without, all values of the grid on one matrix of distances
 * (svc_search.h); and then the combiner, on the out-of-fold scores of the layers as chosen, by the
 * same folds. A part that is no SVM stays as it is and is judged as such. */
#ifndef PERIGEE_REJECT_DNR_TUNE_H
#define PERIGEE_REJECT_DNR_TUNE_H

#include "reject/dnr.h"
#include "svm/svc_search.h"

/* One of the layers' classifiers, or the combiner. */
typedef struct DnrTuned {
    SvcGrid grid;   /* of an SVM: C and gamma to try; the folds are the whole's */
    SvcFound found; /* its tables are the caller's, oof is not; of no SVM they have one place */
    double seconds; /* out: that it took */
    bool done;      /* out: false where an interrupt came first */
} DnrTuned;

typedef struct DnrTuning {
    SolverKind solver;  /* that the search trains with, whatever the parts' own */
    bool fit;           /* in the end, with the parts' own solvers and the same folds */
    const Folds *folds; /* samples, and any two or more integers for folds, as dnr_fit takes them */
    DnrTuned *part;     /* one per layer, then the combiner's */
    double bytes;       /* out: memory that it needed, about */
    double seconds;     /* out: that all of it took */
    bool done;          /* out: everything was judged, set and, with `fit`, trained */
} DnrTuning;

/* What dnr.tune takes, over DnrTuning; grids and folds are its caller's to read. */
extern const Fields dnr_tune_fields;

/* The part's SVM, whose C and gamma can be tuned; NULL where it is none. */
const Svc *dnr_tunes(const Dnr *dnr, size_t part);

/* Everything is checked before anything is trained. The chosen values are set when all is judged,
 * and with `fit` the Dnr is trained by them; after a failure or an interrupt (true is returned,
 * tuning->done is false) it is what it was before. */
bool dnr_tune(Dnr *dnr, DnrTuning *tuning, Progress *progress, Error *err);

#endif
