/* kernel.h — kernels: a table, one entry a kernel.
 *
 *     linear  x·s
 *     rbf     exp(−gamma ‖x − s‖²)
 *     poly    (gamma x·s + coef0)^degree
 *
 * A kernel is a function of one number per pair, its *base*: the inner product x·s, or for rbf the
 * squared distance ‖x‖² + ‖s‖² − 2 x·s, never below 0. Bases of many pairs are one matrix product,
 * do not depend on gamma, coef0 or degree, and all that a gradient needs beside them is the
 * kernel's slope with respect to its base. */
#ifndef PERIGEE_SVM_KERNEL_H
#define PERIGEE_SVM_KERNEL_H

#include "core/error.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum KernelKind { KERNEL_LINEAR, KERNEL_RBF, KERNEL_POLY } KernelKind;

typedef struct Kernel {
    KernelKind kind;
    double gamma, coef0;
    int degree;
} Kernel;

/* The NULL-terminated names in the order of KernelKind, and the reverse (−1 if there is none). */
extern const char *const kernel_names[];
int kernel_find(const char *name);

/* gamma > 0, degree 1 … 32, everything finite, as far as the kernel uses it. */
bool kernel_check(const char *where, const Kernel *kernel, Error *err);

/* True if the base is the squared distance, false if it is the inner product. */
bool kernel_uses_distance(const Kernel *kernel);

/* Which of its parameters a kernel has. */
bool kernel_has_gamma(const Kernel *kernel);
bool kernel_has_degree(const Kernel *kernel); /* and coef0 */

/* value[i] = k(base[i]); value may be base itself. */
void kernel_values(const Kernel *kernel, const double *base, double *value, size_t n);

/* slope[i] = dk/dbase at base[i]; slope may be base itself. */
void kernel_slopes(const Kernel *kernel, const double *base, double *slope, size_t n);

/* ---- Bases of pairs ------------------------------------------------------------------------- */

/* Rows made ready for products: their squared norms, and for narrow rows a copy in double. Narrow
 * rows (such as a DNR combiner's) cost little, and attacks compare losses that differ by 1e-8; wide
 * ones (images, feature maps) are multiplied in float32. Borrows x. */
typedef struct KernelRows {
    const float *x; /* n × features */
    double *wide;   /* the same in double, or NULL */
    double *norm;   /* n: ‖x‖² */
    size_t n, features;
} KernelRows;

enum { KERNEL_NARROW = 64 }; /* features up to which products are in double */

bool kernel_rows_init(KernelRows *rows, const char *where, const float *x, size_t n,
                      size_t features, Error *err);
void kernel_rows_clear(KernelRows *rows);

/* A block of pairs: rows row … row+rows−1 of the one set, column … of the other. */
typedef struct KernelTile {
    size_t row, rows, column, columns;
} KernelTile;

/* base (tile.rows × tile.columns, row-major) for the pairs of the tile; `dots` is scratch of as
 * many floats. Runs on the calling thread if it is a worker's. */
void kernel_base(const Kernel *kernel, const KernelRows *a, const KernelRows *b, KernelTile tile,
                 float *dots, double *base);

#endif
