/* libsvm.h — the only door to libsvm: binary C-SVC problems on a precomputed kernel matrix.
 *
 * The matrix of all samples is in memory once, as libsvm wants it, and every problem (a class
 * against the rest, a fold's share of the samples) reads it there through pointers to the rows that
 * take part; or a problem is solved on some of the samples alone, whose matrix is its own. */
#ifndef PERIGEE_SVM_LIBSVM_H
#define PERIGEE_SVM_LIBSVM_H

#include "core/types.h"
#include "svm/binary_problem.h"

#include <stdint.h>

/* The kernel matrix of n samples. 8·n² bytes. */
typedef struct LibsvmMatrix {
    size_t n;
    double *cells; /* NULL: it is not made */
} LibsvmMatrix;

/* From the kernel's values, n × n. */
bool libsvm_matrix_init(LibsvmMatrix *matrix, const char *where, const float *values, size_t n,
                        Error *err);
void libsvm_matrix_clear(LibsvmMatrix *matrix);

/* Bytes that libsvm asks for while it solves one problem of n samples, without a look at the
 * answer: where it gets none the program ends. */
double libsvm_solve_bytes(size_t n);

/* And with the matrix of a part. */
double libsvm_part_bytes(size_t samples);

/* How many problems of so many bytes there is memory to solve at the same time; `threads` at most.
 */
int libsvm_solvers(double bytes, int threads);

/* What one solver at work needs; an array of `count`, NULL without memory. */
typedef struct LibsvmScratch LibsvmScratch;
LibsvmScratch *libsvm_scratch_new(size_t n, int count);
void libsvm_scratch_free(LibsvmScratch *scratch);
LibsvmScratch *libsvm_scratch_at(LibsvmScratch *scratch, int worker);
void libsvm_scratch_drop(LibsvmScratch *scratch); /* the matrices of parts, in all of the array */

/* Solve one problem whose numbers have been checked, and for which there is memory. Re-entrant with
 * scratch of its own. */
void libsvm_solve(const LibsvmMatrix *matrix, BinaryProblem *problem, LibsvmScratch *scratch);

/* The same where none but some samples, in rising order, take part, from the kernel's values of all
 * n; the others' alphas are 0. Both sides must occur. False without memory for the matrix. */
typedef struct LibsvmPart {
    const float *values;
    size_t n;
    const size_t *sample;
    size_t samples;
} LibsvmPart;
bool libsvm_solve_part(const LibsvmPart *part, BinaryProblem *problem, LibsvmScratch *scratch);

/* The version, "3.24". Returns text. */
const char *libsvm_version_text(char text[16]);

#endif
