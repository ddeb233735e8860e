/* array_create.h — arrays from a rule or a generator. */
#ifndef PERIGEE_CORE_ARRAY_CREATE_H
#define PERIGEE_CORE_ARRAY_CREATE_H

#include "core/rng.h"
#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Every element becomes `value`; false if the array's type does not hold it. */
bool array_fill(const char *where, Array *a, double value, Error *err);

/* Multiply a contiguous float32 array in its place, in double. False at the first product that
 * float32 does not hold; what stands before it is multiplied then. */
bool array_scale(const char *where, Array *a, double factor, Error *err);

/* Ones on diagonal k of a 2-d array (0 the main one, positive above it). */
void array_fill_diagonal(Array *a, ptrdiff_t k);

/* NumPy's diag: of a vector the matrix with it on diagonal k, of a matrix its diagonal k, a copy.
 */
Array *array_diag(const Array *a, ptrdiff_t k, Error *err);

/* A matrix of zeros, rows × cols, with a vector on its diagonal k, which is as long. */
Array *array_diag_matrix(const Array *vector, const size_t size[2], ptrdiff_t k, Error *err);

/* Labels (…) to (…, classes): 1 where the label is the class, else 0. A label that is none of the
 * classes, which are 1-d and distinct, is an error. Both are int32 and contiguous. */
Array *array_onehot(const Array *labels, const Array *classes, DType dtype, Error *err);

/* Numbers at even steps. */
typedef struct Range {
    double start, stop, step;
} Range;

/* start, start + step, …, before stop: ⌈(stop − start) / step⌉ elements. */
Array *array_arange(DType dtype, const Range *range, Error *err);

/* n numbers from start to stop, both included; the step follows from them. */
Array *array_linspace(DType dtype, const Range *range, size_t n, Error *err);

/* Uniform in [low, high) (for int32 arrays integers low … high − 1), or normal, in row-major order
 * of a contiguous array, whose type must hold the bounds. False: an interrupt made it give up
 * (progress.h). */
bool array_fill_uniform(Array *a, double low, double high, Rng *rng);
bool array_fill_normal(Array *a, double mean, double deviation, Rng *rng);

/* A random order of origin … origin + n − 1, int32. */
Array *array_permutation(size_t n, int32_t origin, Rng *rng, Error *err);

#endif
