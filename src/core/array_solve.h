/* array_solve.h — linear equations, inverses and decompositions of matrices, by the LAPACK that is
 * inside OpenBLAS.
 *
 * Everything is computed in double; float32 is rounded in the end, int32 gives f64. NaN and
 * infinities are refused. One thread works, and an interrupt waits until it is done. */
#ifndef PERIGEE_CORE_ARRAY_SOLVE_H
#define PERIGEE_CORE_ARRAY_SOLVE_H

#include "core/types.h"

#include <stdbool.h>

/* The x of a·x = b: a (n, n), b (n) or (n, m), of which x has the shape. A singular a is an error.
 */
Array *array_solve(const Array *a, const Array *b, Error *err);

/* The inverse of a (n, n). */
Array *array_inv(const Array *a, Error *err);

/* x (m, n) = u · diag(s) · vt: u (m, k), s (k) descending, vt (k, n), k = min(m, n); or, `full`,
 * u (m, m) and vt (n, n). Both have orthogonal rows and columns. */
typedef struct Svd {
    Array *u, *s, *vt;
} Svd;
bool array_svd(const Array *x, bool full, Svd *out, Error *err);
void svd_free(Svd *svd);

/* The symmetric matrix (x + xᵀ) / 2 = v · diag(w) · vᵀ: w (n) ascending, v (n, n) with an
 * eigenvector a column. */
typedef struct Eigh {
    Array *w, *v;
} Eigh;
bool array_eigh(const Array *x, Eigh *out, Error *err);
void eigh_free(Eigh *eigh);

#endif
