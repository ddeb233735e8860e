/* decompose.h — binary problems on more samples than one wants to keep a kernel matrix of.
 *
 * All problems are solved together by decomposition (E. Osuna, R. Freund and F. Girosi, "An
 * improved training algorithm for support vector machines", NNSP 1997), in rounds:
 *
 *     choose   the block: samples that violate some problem's KKT conditions, or are close to it
 *     solve    each problem on its part of the block's kernel matrix (smo.h); the others stay
 *     tell     all samples: sum[t] += Σ K(x_t, x_s) · what beta_s changed by, over the block, in
 *              tiles of the kernel matrix that are computed, multiplied and forgotten
 *     judge    every problem on all samples
 *
 * until no problem has a violation of its tolerance. A block is as large as the memory lets it be:
 * where all support vectors fit in one, few rounds do. The sums are at the end what the decision
 * functions say of all samples, so that out-of-fold scores need no kernel value of their own. */
#ifndef PERIGEE_SVM_DECOMPOSE_H
#define PERIGEE_SVM_DECOMPOSE_H

#include "core/progress.h"
#include "svm/kernel.h"
#include "svm/libsvm.h"

typedef struct DecomposeTask {
    const char *where;
    const Kernel *kernel; /* a built-in one */
    const KernelRows *rows;
    double memory; /* bytes that kernel values may take; 0: as seems good */
    BinaryProblem *problem;
    size_t count;
    bool solved; /* out: false if a stop was asked for first */
} DecomposeTask;
bool decompose_solve(DecomposeTask *task, Progress *progress, Error *err);

/* Samples of a block at most, and the bytes of its matrix and of what solving on it takes. */
size_t decompose_block(size_t n, double memory);
double decompose_bytes(size_t n, double memory);

/* The least memory that can be asked for. */
enum { DECOMPOSE_LEAST = 1 << 24 };

#endif
