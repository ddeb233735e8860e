/* array_linalg.h — products of vectors and matrices. Transposed and sliced matrices go to BLAS as
 * they are, without a copy, where one of their strides is 1. Types by the rule of
 * array_types.h; int32 products are computed in double and must fit. */
#ifndef PERIGEE_CORE_ARRAY_LINALG_H
#define PERIGEE_CORE_ARRAY_LINALG_H

#include "core/types.h"

#include <stdbool.h>

/* (…, m, k) × (…, k, n) → (…, m, n); a 1-d array is a row on the left and a column on the right,
 * and its axis disappears. The leading axes broadcast. */
Array *array_matmul(const Array *a, const Array *b, Error *err);

/* Σ a·b of two 1-d arrays of the same size, summed in double. */
bool array_dot(const Array *a, const Array *b, double *value, Error *err);

/* x·weightᵀ + bias: x (…, in), weight (out, in), bias (out) or NULL, to (…, out); int32 gives f64.
 */
Array *array_linear(const Array *x, const Array *weight, const Array *bias, Error *err);

/* a (m) and b (n), flattened, to a[i]·b[j] (m × n). */
Array *array_outer(const Array *a, const Array *b, Error *err);

#endif
