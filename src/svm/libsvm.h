/* libsvm.h — the only door to libsvm: binary C-SVC problems on a precomputed kernel matrix.
 *
 *     min ½ Σ_ij a_i a_j y_i y_j K_ij − Σ a_i,   0 ≤ a_i ≤ C·weight(y_i),   Σ a_i y_i = 0
 *
 * The matrix lies in memory as libsvm wants it, once, and every problem (a class against the rest,
 * a fold's share of the samples) reads it there through pointers to the rows that take part. */
#ifndef PERIGEE_SVM_LIBSVM_H
#define PERIGEE_SVM_LIBSVM_H

#include "core/error.h"
#include "core/progress.h"
#include "svm/kernel.h"

#include <stdint.h>

/* The kernel matrix of n samples. 8·n² bytes. */
typedef struct LibsvmMatrix {
    size_t n;
    double *cells;
} LibsvmMatrix;

/* From the bases of all pairs (gram.h). */
bool libsvm_matrix_init(LibsvmMatrix *matrix, const char *where, const Kernel *kernel,
                        const float *gram, size_t n, Error *err);
void libsvm_matrix_clear(LibsvmMatrix *matrix);
double libsvm_matrix_at(const LibsvmMatrix *matrix, size_t i, size_t j);

typedef struct LibsvmProblem {
    const int8_t *side; /* n: +1, −1, or 0 for a sample that takes no part; both sides must occur */
    double C, positive, negative; /* C and what it is multiplied by on either side */
    double tolerance;
    double *alpha; /* out: n, y_i·a_i, 0 where a sample is no support vector */
    double b;      /* out: f(x) = Σ alpha_i k(x_i, x) + b, positive on the positive side */
} LibsvmProblem;

/* Solve all, several at a time. *solved is false if a stop was asked for before the last began: the
 * answers are then incomplete (a problem that has begun is finished: libsvm cannot be left). */
bool libsvm_solve(const char *where, const LibsvmMatrix *matrix, LibsvmProblem *problem,
                  size_t count, bool *solved, Progress *progress, Error *err);

/* The version as text: "3.24". */
const char *libsvm_version_text(void);

#endif
