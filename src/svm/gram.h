/* gram.h — the bases (see kernel.h) of all pairs of one set of samples.
 *
 * A symmetric n × n matrix, made once per training set whatever is trained on it: its classes, its
 * folds, and for a grid search all values of gamma. Only the tiles on and above the diagonal are
 * computed; the others are their mirror images. */
#ifndef PERIGEE_SVM_GRAM_H
#define PERIGEE_SVM_GRAM_H

#include "svm/kernel.h"

/* The bases: n × n float32, row-major; released with gram_free. NULL with an Error if there is not
 * enough memory, or if a sample has a value that is not finite (the message names the sample, from
 * 1). */
float *gram_new(const Kernel *kernel, const Batch *batch, Error *err);
void gram_free(float *gram);

/* The same with the kernel's values in place of the bases, where one kernel is all that is asked
 * for: each value is computed once for both of its places. */
float *gram_values(const Kernel *kernel, const Batch *batch, Error *err);

/* The same into memory of the caller's, of a built-in kernel; the rows have been checked. */
bool gram_fill(const Kernel *kernel, const KernelRows *rows, float *gram, Error *err);

/* Does a row hold a value that is not finite? As gram_new complains. */
bool gram_check_finite(const char *where, const KernelRows *rows, Error *err);

/* Is it a kernel value that solvers can reckon with? Not NaN, infinite, or near the end of float32,
 * as those of polynomials of features that are not scaled. gram_check_values looks at n × n of
 * them, all of whose rows have been filled; both complain of a kernel and two samples. */
bool gram_is_value(float value);
typedef struct SamplePair {
    size_t i, j;
    float value;
} SamplePair;
bool gram_refuse_value(const char *where, const Kernel *kernel, const SamplePair *pair, Error *err);
bool gram_check_values(const char *where, const Kernel *kernel, const float *values, size_t n,
                       Error *err);

/* The numbers of all pairs of n samples, on their way into a solver's matrix. */
typedef struct Gram {
    const float *numbers; /* n × n */
    size_t n;
    const Kernel *kernel; /* makes values of bases; NULL: they are values */
} Gram;

#endif
