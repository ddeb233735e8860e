/* libsvm.h — the only door to libsvm: binary C-SVC problems on a precomputed kernel matrix.
 *
 * The matrix is in memory once, as libsvm wants it, and every problem (a class against the rest,
 * a fold's share of the samples) reads it there through pointers to the rows that take part. */
#ifndef PERIGEE_SVM_LIBSVM_H
#define PERIGEE_SVM_LIBSVM_H

#include "core/types.h"
#include "svm/gram.h"

#include <stdint.h>

/* One binary problem (solver.h) and its answer. */
typedef struct BinaryProblem {
    const int8_t *side; /* n: +1, −1, or 0 for a sample that takes no part; both sides must occur */
    double C, positive, negative; /* C and what it is multiplied by on either side */
    double tolerance;             /* of the KKT violation at which the solver stops */
    double *alpha;                /* out: n, y_i·a_i, 0 if a sample is not a support vector */
    double b;      /* out: f(x) = Σ alpha_i k(x_i, x) + b, positive on the positive side */
    size_t group;  /* problems of one number have about the same support vectors, such as a class
                      against the rest without one fold or another; small numbers */
    double *value; /* out, unless NULL: n, f(x_t) − b of every sample, taking part or not; where
                      solver_tells says so */
} BinaryProblem;

/* The kernel matrix of n samples. 8·n² bytes. */
typedef struct LibsvmMatrix {
    size_t n;
    double *cells;
} LibsvmMatrix;

bool libsvm_matrix_init(LibsvmMatrix *matrix, const char *where, const Gram *gram, Error *err);
void libsvm_matrix_clear(LibsvmMatrix *matrix);
double libsvm_matrix_at(const LibsvmMatrix *matrix, size_t i, size_t j);

/* Bytes that libsvm asks for while it solves one problem of n samples, without a look at the
 * answer: where it gets none the program ends. */
double libsvm_solve_bytes(size_t n);

/* How many such problems may be solved at the same time by as many threads, or by one where memory
 * is short; 0 where it does not do for one. */
int libsvm_solvers(size_t n, int threads);

/* What one solver at work needs; an array of `count`, NULL without memory. */
typedef struct LibsvmScratch LibsvmScratch;
LibsvmScratch *libsvm_scratch_new(size_t n, int count);
void libsvm_scratch_free(LibsvmScratch *scratch);
LibsvmScratch *libsvm_scratch_at(LibsvmScratch *scratch, int worker);

/* Solve one problem whose numbers have been checked, and for which there is memory. Re-entrant with
 * scratch of its own. */
void libsvm_solve(const LibsvmMatrix *matrix, BinaryProblem *problem, LibsvmScratch *scratch);

/* The version, "3.24". Returns text. */
const char *libsvm_version_text(char text[16]);

#endif
