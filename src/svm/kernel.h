/* kernel.h — what a kernel is, and the table of them.
 *
 * A kernel is a function of one number per pair, its *base*: the inner product x·s, the squared
 * distance ‖x‖² + ‖s‖² − 2 x·s (never below 0), or one of the kernel's own. Bases do not depend on
 * the kernel's parameters, those of many pairs are one matrix product, and all that a gradient
 * needs beside them is the kernel's slope with respect to its base. Each kernel is one file
 * (kernel_rbf.c, …) and one line in KERNEL_TABLE. */
#ifndef PERIGEE_SVM_KERNEL_H
#define PERIGEE_SVM_KERNEL_H

#include "core/batch.h"
#include "core/fields.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct Array Array;
typedef struct Error Error;
typedef struct KernelKind KernelKind;

enum { KERNEL_OWN = 8 };

/* A kernel with its parameters; those that its kind has no field for are ignored. Kinds that are
 * made at run time (own_kernel.h) are counted: whoever keeps a Kernel for longer than a call takes
 * it by kernel_assign. */
typedef struct Kernel {
    const KernelKind *kind;
    double gamma, coef0;
    double degree;          /* a whole number */
    double own[KERNEL_OWN]; /* further ones of a kind that is made at run time */
} Kernel;

typedef enum KernelBase { BASE_PRODUCT, BASE_DISTANCE, BASE_OWN } KernelBase;

/* What a kernel that is no function of a base is asked for: its values of whole batches, at once
 * and on the main thread, by functions that may fail (a kernel written in Lua). */
typedef struct KernelCall {
    const Kernel *kernel;
    Batch x, s;           /* n and m rows of the same features */
    const Array *vectors; /* s as an array that nobody writes; NULL: there is none */
} KernelCall;

typedef struct KernelCalls {
    /* values: n × m. With `kept`, *kept is what pull wants. */
    bool (*values)(const KernelCall *call, double *values, void **kept, Error *err);
    /* gradient (n × features): the sum over j of slope[i][j] · dk(x[i], s[j])/dx[i]. */
    bool (*pull)(void *kept, const double *slope, float *gradient, Error *err);
    void (*forget)(void *kept); /* NULL is fine */
    void (*release)(void *context);
} KernelCalls;

struct KernelKind {
    const char *name;    /* as users know it: "rbf" */
    const char *summary; /* its formula and what it is for; the help's first sentence */
    const char *example; /* one line for the help that runs */
    KernelBase base;
    const KernelCalls *calls; /* of a kind that is made at run time, which has nothing of what
                                 follows the fields; NULL: of the others */
    void *context;            /* for these */
    void (*count)(const KernelKind *kind, int change); /* those who hold such a kind */
    Fields fields; /* of a Kernel: which parameters it has; the first may be given without a name */

    /* value[i] = k(base[i]); value may be base itself. */
    void (*values)(const Kernel *kernel, const double *base, double *value, size_t n);
    /* slope[i] holds k(base[i]) and becomes dk/dbase there, so that no exponential is taken twice.
     */
    void (*slopes)(const Kernel *kernel, const double *base, double *slope, size_t n);

    /* k = exp(−decay · base), with the kernel's γ. NULL: it is not of that form. */
    double (*decay)(const Kernel *kernel);

    /* Of BASE_OWN: the base of one pair, and gradient += slope · dbase/dx. */
    double (*pair)(const float *x, const float *s, size_t features);
    void (*pull)(const float *x, const float *s, size_t features, double slope, double *gradient);
};

/* Every kernel: one line each. */
#define KERNEL_TABLE(KERNEL)                                                                       \
    KERNEL(linear)                                                                                 \
    KERNEL(rbf)                                                                                    \
    KERNEL(poly)

#define KERNEL_DECLARATION(name) extern const KernelKind kernel_##name;
KERNEL_TABLE(KERNEL_DECLARATION)
#undef KERNEL_DECLARATION

extern const KernelKind *const kernel_table[];   /* ends with NULL */
const KernelKind *kernel_find(const char *name); /* or NULL */

/* The parameters before anything is chosen. */
Kernel kernel_of(const KernelKind *kind);

/* Is every parameter that the kernel has within its range? */
bool kernel_check(const char *where, const Kernel *kernel, Error *err);

/* True if the kernel has a parameter of that name. */
bool kernel_has(const Kernel *kernel, const char *name);

/* Make a kernel that is kept equal to another; and let it go. One without a kind is fine. */
void kernel_assign(Kernel *kept, const Kernel *from);
void kernel_release(Kernel *kept);

void kernel_values(const Kernel *kernel, const double *base, double *value, size_t n);
void kernel_slopes(const Kernel *kernel, const double *base, double *slope, size_t n);

/* ---- Bases of pairs ------------------------------------------------------------------------- */

/* Rows made ready for products: their squared norms, and for narrow rows a copy in double. Narrow
 * rows (such as a DNR combiner's) cost little, and attacks compare losses that differ by 1e-8; wide
 * ones (images, feature maps) are multiplied in float32. Borrows x. Rows that are multiplied again
 * and again can be packed for it (product.h). */
typedef struct KernelRows {
    const float *x; /* n × features */
    double *wide;   /* the same in double, or NULL */
    double *norm;   /* n: ‖x‖² */
    size_t n, features;
    void *packed; /* of `wide` where that is, else of x; or NULL */
} KernelRows;

enum { KERNEL_NARROW = 64 }; /* features up to which products are in double */

bool kernel_rows_init(KernelRows *rows, const Batch *batch, Error *err);
void kernel_rows_pack(KernelRows *rows); /* if there is a way, and memory for it */
void kernel_rows_clear(KernelRows *rows);
size_t kernel_rows_bytes(size_t n, size_t features); /* that they take beside x, packed */

/* All pairs of a row of the one set with a row of the other. */
typedef struct KernelPairs {
    const Kernel *kernel;
    const KernelRows *a, *b;
} KernelPairs;

/* A block of them: rows row … row+rows−1 of a, column … column+columns−1 of b. */
typedef struct KernelTile {
    size_t row, rows, column, columns;
} KernelTile;

/* base (tile.rows × tile.columns, row-major) for the pairs of the tile; `dots` is scratch of as
 * many floats. Runs on the calling thread if it is a worker's. */
void kernel_base(const KernelPairs *pairs, KernelTile tile, float *dots, double *base);

/* The same and the kernel's values, which may take the place of the bases. */
void kernel_fill(const KernelPairs *pairs, KernelTile tile, float *dots, double *base,
                 double *values);

/* The kernel's values as float32, as solvers keep them: exponentials are of float32, too, whose
 * last bit they may miss. `scratch` holds as many doubles. */
void kernel_floats(const KernelPairs *pairs, KernelTile tile, double *scratch, float *values);

/* Of a kernel with a base of its own: gradient (tile.rows × features) = Σ_j slope[i][j] · the
 * base's gradient with respect to row i. */
void kernel_pull(const KernelPairs *pairs, KernelTile tile, const double *slope, double *gradient);

#endif
