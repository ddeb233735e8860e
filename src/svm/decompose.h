/* decompose.h — many binary problems on one set of samples, solved by decomposition: E. Osuna, R.
 * Freund and F. Girosi, "An improved training algorithm for support vector machines", NNSP 1997.
 *
 * Most samples are no support vectors, and never near to it. So a problem is solved on a part of
 * them, in rounds:
 *
 *     choose   each group's part: samples that violate the KKT conditions of one of its problems,
 *              or are close to it
 *     solve    the group's problems on the part's kernel matrix (smo.h); all else stays
 *     tell     all samples: sum[t] += Σ K(x_t, x_s) · what beta_s changed by, over all parts
 *     judge    every problem on all samples
 *
 * until no problem has a violation of its tolerance. Where parts have no room, or where most
 * samples matter and no cache holds their rows, all groups share one part of a round, other samples
 * of those that matter each time. Kernel values come from a matrix of all pairs, where there is
 * one: then this is a shrinking that keeps the solver's numbers in the cache. Where there is none
 * they are computed in tiles, multiplied and forgotten but for some samples', and the memory is a
 * choice. The sums are at the end what the decision functions say of all samples, so that out-of-
 * fold scores need no kernel value of their own. */
#ifndef PERIGEE_SVM_DECOMPOSE_H
#define PERIGEE_SVM_DECOMPOSE_H

#include "core/progress.h"
#include "svm/kernel.h"
#include "svm/libsvm.h"

typedef struct DecomposeTask {
    const char *where;
    const Kernel *kernel; /* a built-in one */
    const KernelRows *rows;
    const float *matrix; /* its values of all pairs; then rows->n alone is looked at. Or NULL … */
    double memory;       /* … and bytes that kernel values may take; 0: as seems good */
    BinaryProblem *problem;
    size_t count;
    bool solved;           /* out: false if a stop was asked for first */
    size_t rounds, common; /* out: rounds that it took, and those whose part all groups shared */
} DecomposeTask;
bool decompose_solve(DecomposeTask *task, Progress *progress, Error *err);

/* Samples of a part at most, where there is no matrix, and the bytes that kernel values take then.
 */
size_t decompose_part(size_t n, double memory);
double decompose_bytes(size_t n, double memory);

/* What parts of a whole matrix take of its memory, beside it. */
#define DECOMPOSE_SHARE 0.25

/* The least memory that can be asked for. */
enum { DECOMPOSE_LEAST = 1 << 24 };

#endif
