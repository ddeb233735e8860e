/* decision_pass.h — values and gradients of decision functions, for whole batches.
 *
 * One matrix product gives the bases of all pairs, a second the sums. The pairs are cut into tiles
 * of a fixed number of rows and of support vectors, whose parts of a sum are added in the order of
 * the vectors, so that the bits follow from the batch alone, whoever computes which tile (see
 * parallel.h). */
#ifndef PERIGEE_SVM_DECISION_PASS_H
#define PERIGEE_SVM_DECISION_PASS_H

#include "svm/decision.h"

/* f: n × functions. */
bool decision_values(const Decision *decision, const Batch *batch, double *f, Error *err);

/* gradient[i] = d(w[i] · f(x[i]))/dx: with D = (w·alpha) ∘ k' it is D·S for kernels of the inner
 * product, and 2(rowsum(D)·x − D·S) for those of the distance. The request's columns are the
 * functions. Some rows at a time, which are multiplied with the support vectors once for both. */
bool decision_gradient(DecisionView view, const Batch *batch, const GradientRequest *request,
                       Error *err);

/* The same in two calls: values first, and all slopes k' kept (n × m doubles) for gradients of
 * them. Reads the batch's rows again; the decision must not change meanwhile. */
typedef struct DecisionPass DecisionPass;
DecisionPass *decision_forward(DecisionView view, const Batch *batch, double *f, Error *err);
bool decision_backward(DecisionPass *pass, const double *w, float *gradient, Error *err);
void decision_pass_free(DecisionPass *pass);

/* ---- The inside, for decision_pass.c and decision_ascent.c -------------------------------------
 */

/* A tile: enough rows for the matrix product, few enough of both for the cache. */
enum { DECISION_ROWS = 128, DECISION_COLUMNS = 512 };

/* What one worker needs for a tile. The last three are for gradients. */
typedef struct Scratch {
    float *dots;   /* rows × columns */
    double *base;  /* rows × columns: bases; then D */
    float *narrow; /* rows × features: D·S as sgemm gives it */
    double *part;  /* rows × features: a tile's part of the gradient */
    double *sum;   /* rows × features: of a row of tiles */
} Scratch;

/*          m support vectors
 *     ┌────────┬────────┬─────┐
 *     │ tile 0 │ tile 1 │  2  │  DECISION_ROWS rows of the batch
 *     ├────────┼────────┼─────┤
 *     │      3 │      4 │  5  │
 *     └────────┴────────┴─────┘
 *       DECISION_COLUMNS            slopes lie tile after tile, parts of f row after row
 */
struct DecisionPass {
    const Decision *decision; /* the first six are set by whoever makes a pass */
    double wider;             /* as in DecisionView */
    size_t most;              /* rows that there is room for */
    bool values, gradients;   /* what is wanted of it … */
    bool bases;               /* … and bases in place of slopes */
    double *largest; /* of the present rows: where their largest kernels go, of a kernel that
                        decays; NULL: they are not wanted */
    size_t m, functions, features;
    size_t pieces;      /* tiles in a row of them */
    size_t block, wide; /* rows and columns of the largest tile */
    int workers;
    Scratch *scratch; /* one per worker */
    void *room;       /* what these point into, and parts, nearest and shares */
    size_t room_capacity;
    double *parts;          /* most × pieces × functions; with values */
    double *slopes;         /* most × m; with gradients: slopes, bases, or what is pulled along */
    size_t slopes_capacity; /* as the pool says it */
    double *nearest;        /* most × pieces: the least base of each tile's rows; with largest */
    size_t n;               /* rows of the present batch */
    KernelRows x;
    const double *w; /* n × functions; NULL: `slopes` holds D itself */
    float *gradient; /* n × features */
    double *shares;  /* tiles × block × features, where each tile is a job of its own; or NULL */
    struct OwnPass *own; /* of a kernel that somebody else computes: it is all in there */
};

/* Room for `most` rows of the batch's kind, by what is set; and an end of it, whatever the answer.
 */
bool decision_pass_init(DecisionPass *pass, const Batch *batch, Error *err);
void decision_pass_clear(DecisionPass *pass);

/* The index-th tile, counted row by row, and what is kept of it. */
KernelTile decision_tile(const DecisionPass *pass, size_t index);
double *decision_slopes(const DecisionPass *pass, KernelTile tile);

/* The kernel as it is seen on the way back. */
Kernel decision_seen(const DecisionPass *pass);

/* There, with f of these rows (n × functions) if values are wanted; and back. */
bool decision_pass_forward(DecisionPass *pass, const Batch *rows, double *f, Error *err);
void decision_pass_backward(DecisionPass *pass, const double *w, float *gradient);

/* Rows to take at once of so many. */
size_t decision_rows_at_once(size_t n);

#endif
