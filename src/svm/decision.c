#include "svm/decision.h"

#include "core/array.h"
#include "core/blas.h"
#include "core/fail.h"
#include "core/parallel.h"
#include "core/simd.h"

#include <stdlib.h>
#include <string.h>

size_t decision_functions(const Decision *decision) {
    return decision->alpha->shape[0];
}

size_t decision_features(const Decision *decision) {
    return decision->sv->shape[1];
}

static bool check_shapes(const char *where, const DecisionParts *parts, Error *err) {
    const Array *sv = parts->sv, *alpha = parts->alpha, *b = parts->b;
    char sv_text[128], alpha_text[128], b_text[128];
    if (sv->ndim == 2 && alpha->ndim == 2 && b->ndim == 1 && alpha->shape[1] == sv->shape[0] &&
        alpha->shape[0] == b->shape[0] && array_size(sv) > 0 && array_size(b) > 0)
        return true;
    return error_set(err, ERROR_ARGUMENT,
                     "%s: sv %s, alpha %s and b %s do not agree: expected (m, features), "
                     "(classes, m) and (classes,), none of them empty",
                     where, array_shape_text(sv->ndim, sv->shape, sv_text),
                     array_shape_text(alpha->ndim, alpha->shape, alpha_text),
                     array_shape_text(b->ndim, b->shape, b_text));
}

bool decision_init(Decision *decision, const char *where, const DecisionParts *parts, Error *err) {
    if (!kernel_check(where, parts->kernel, err) || !check_shapes(where, parts, err))
        return false;
    Decision made = { .kernel = *parts->kernel };
    made.sv = array_contiguous(where, parts->sv, DTYPE_F32, err);
    made.alpha = made.sv ? array_contiguous(where, parts->alpha, DTYPE_F64, err) : NULL;
    made.b = made.alpha ? array_contiguous(where, parts->b, DTYPE_F64, err) : NULL;
    bool ok = made.b != NULL;
    if (ok) {
        Batch vectors = { array_f32(made.sv), made.sv->shape[0], made.sv->shape[1], where };
        ok = kernel_rows_init(&made.rows, &vectors, err);
    }
    if (ok)
        *decision = made;
    else
        decision_clear(&made);
    return ok;
}

void decision_clear(Decision *decision) {
    kernel_rows_clear(&decision->rows);
    array_free(decision->sv);
    array_free(decision->alpha);
    array_free(decision->b);
    *decision = (Decision){ 0 };
}

/* ---- One call's work ------------------------------------------------------------------------ */

/* A batch of fewer rows than FEW_ROWS is cut into pieces of COLUMNS support vectors. */
enum { FEW_ROWS = 32, COLUMNS = 256 };

/* What one worker needs for a tile, a block of rows × `most` support vectors. The last three are
 * for gradients. */
typedef struct Scratch {
    float *dots;   /* block × most */
    double *base;  /* block × most */
    double *slope; /* block × most: D */
    float *narrow; /* block × features: D·S as sgemm gives it */
    double *sum;   /* block × features */
} Scratch;

typedef struct Work {
    const Decision *decision;
    KernelRows x;
    const double *w; /* n × functions, or NULL where values are asked for */
    size_t n, m, functions, features, outputs;
    size_t block; /* rows at a time: by_columns all n */
    size_t most;  /* support vectors at a time: all m, or by_columns a piece of them */
    int workers;
    Scratch *scratch; /* one per worker */
    bool by_columns;  /* support vectors are cut into pieces, not rows */
    double *part;     /* by_columns: pieces × n × outputs */
    double *f;        /* the answers: n × functions, or n × features */
    float *gradient;
} Work;

/* Rows of a block: enough for the matrix product, few enough to stay in the cache. */
static size_t block_rows(size_t n, size_t m) {
    size_t rows = m <= 4096 ? 128 : m >= 32768 ? 16 : 524288 / m;
    return rows < n ? rows : n;
}

static void work_clear(Work *work) {
    kernel_rows_clear(&work->x);
    for (int i = 0; work->scratch && i < work->workers; i++) {
        free(work->scratch[i].dots);
        free(work->scratch[i].base);
        free(work->scratch[i].slope);
        free(work->scratch[i].narrow);
        free(work->scratch[i].sum);
    }
    free(work->scratch);
    free(work->part);
}

static bool scratch_init(const Work *work, Scratch *scratch) {
    size_t pairs = work->block * work->most + 1, sums = work->block * work->features;
    scratch->dots = malloc(pairs * sizeof(float));
    scratch->base = malloc(pairs * sizeof(double));
    if (!work->w)
        return scratch->dots && scratch->base;
    scratch->slope = malloc(pairs * sizeof(double));
    scratch->narrow = malloc(sums * sizeof(float));
    scratch->sum = malloc(sums * sizeof(double));
    return scratch->dots && scratch->base && scratch->slope && scratch->narrow && scratch->sum;
}

static bool work_init(Work *work, const Decision *decision, const Batch *batch, const double *w,
                      Error *err) {
    size_t n = batch->n;
    int workers = parallel_inside() ? 1 : parallel_threads();
    *work = (Work){ .decision = decision,
                    .w = w,
                    .n = n,
                    .m = decision->rows.n,
                    .functions = decision_functions(decision),
                    .features = decision_features(decision),
                    .workers = workers };
    work->outputs = w ? work->features : work->functions;
    work->by_columns = n < FEW_ROWS;
    work->block = work->by_columns ? n : block_rows(n, work->m);
    work->most = work->by_columns && work->m > COLUMNS ? COLUMNS : work->m;
    if (!kernel_rows_init(&work->x, batch, err))
        return false;
    work->scratch = calloc((size_t)workers, sizeof *work->scratch);
    bool ok = work->scratch != NULL;
    size_t parts = parallel_pieces(work->m, COLUMNS);
    for (int i = 0; ok && i < workers; i++)
        ok = scratch_init(work, &work->scratch[i]);
    if (ok && work->by_columns)
        ok = (work->part = malloc(parts * n * work->outputs * sizeof(double))) != NULL;
    if (ok)
        return true;
    work_clear(work);
    return error_memory(err, batch->where,
                        (size_t)workers * work->block * work->most * sizeof(double));
}

/* ---- One tile: rows of x against some of the support vectors -------------------------------- */

/* out (tile.rows × functions) = K · alphaᵀ over the tile's support vectors. */
static void tile_values(const Work *work, KernelTile tile, Scratch *scratch, double *out) {
    const Decision *decision = work->decision;
    kernel_base(&(KernelPairs){ &decision->kernel, &work->x, &decision->rows }, tile, scratch->dots,
                scratch->base);
    kernel_values(&decision->kernel, scratch->base, scratch->base, tile.rows * tile.columns);
    blas_dgemm(false, true, tile.rows, work->functions, tile.columns, 1, scratch->base,
               tile.columns, array_f64(decision->alpha) + tile.column, work->m, 0, out,
               work->functions);
}

SIMD_CLONES
static void multiply(double *values, const double *factors, size_t n) {
    for (size_t i = 0; i < n; i++)
        values[i] *= factors[i];
}

SIMD_CLONES
static void to_float(const double *from, float *to, size_t n) {
    for (size_t i = 0; i < n; i++)
        to[i] = (float)from[i];
}

/* out = D · S, in the precision of the support vectors' own products. */
static void weigh_vectors(const Work *work, KernelTile tile, Scratch *scratch, double *out) {
    const KernelRows *rows = &work->decision->rows;
    size_t d = work->features, m = tile.columns, from = tile.column * d;
    if (rows->wide) {
        blas_dgemm(false, false, tile.rows, d, m, 1, scratch->slope, m, rows->wide + from, d, 0,
                   out, d);
        return;
    }
    to_float(scratch->slope, scratch->dots, tile.rows * m);
    blas_sgemm(false, false, tile.rows, d, m, 1, scratch->dots, m, rows->x + from, d, 0,
               scratch->narrow, d);
    for (size_t i = 0; i < tile.rows * d; i++)
        out[i] = scratch->narrow[i];
}

/* D·S → 2(rowsum(D)·x − D·S), in place. */
static void distance_gradient(const Work *work, KernelTile tile, const double *slope, double *out) {
    size_t d = work->features;
    for (size_t i = 0; i < tile.rows; i++) {
        const float *x = work->x.x + (tile.row + i) * d;
        double sum = 0, *to = out + i * d;
        for (size_t j = 0; j < tile.columns; j++)
            sum += slope[i * tile.columns + j];
        for (size_t k = 0; k < d; k++)
            to[k] = 2 * (sum * x[k] - to[k]);
    }
}

/* out = the sum over the support vectors of D · dbase/dx. */
static void pull(const Work *work, KernelTile tile, Scratch *scratch, double *out) {
    const Kernel *kernel = &work->decision->kernel;
    if (kernel->kind->base == BASE_OWN) {
        kernel_pull(&(KernelPairs){ kernel, &work->x, &work->decision->rows }, tile, scratch->slope,
                    out);
        return;
    }
    weigh_vectors(work, tile, scratch, out);
    if (kernel->kind->base == BASE_DISTANCE)
        distance_gradient(work, tile, scratch->slope, out);
}

/* out (tile.rows × features): the tile's share of the gradient. */
static void tile_gradient(const Work *work, KernelTile tile, Scratch *scratch, double *out) {
    const Decision *decision = work->decision;
    size_t pairs = tile.rows * tile.columns;
    kernel_base(&(KernelPairs){ &decision->kernel, &work->x, &decision->rows }, tile, scratch->dots,
                scratch->base);
    kernel_slopes(&decision->kernel, scratch->base, scratch->base, pairs);
    blas_dgemm(false, false, tile.rows, tile.columns, work->functions, 1,
               work->w + tile.row * work->functions, work->functions,
               array_f64(decision->alpha) + tile.column, work->m, 0, scratch->slope, tile.columns);
    multiply(scratch->slope, scratch->base, pairs);
    pull(work, tile, scratch, out);
}

/* ---- The batch ------------------------------------------------------------------------------- */

static void rows_body(void *context, size_t first, size_t last, int worker) {
    const Work *work = context;
    Scratch *scratch = &work->scratch[worker];
    KernelTile tile = { first, last - first, 0, work->m };
    if (work->w) {
        tile_gradient(work, tile, scratch, scratch->sum);
        to_float(scratch->sum, work->gradient + first * work->features, tile.rows * work->features);
    } else {
        tile_values(work, tile, scratch, work->f + first * work->functions);
    }
}

static void columns_body(void *context, size_t first, size_t last, int worker) {
    const Work *work = context;
    KernelTile tile = { 0, work->n, first, last - first };
    double *part = work->part + first / COLUMNS * work->n * work->outputs;
    if (work->w)
        tile_gradient(work, tile, &work->scratch[worker], part);
    else
        tile_values(work, tile, &work->scratch[worker], part);
}

/* The pieces' sums, in their order. */
static void add_parts(const Work *work) {
    size_t size = work->n * work->outputs;
    for (size_t k = 1; k < parallel_pieces(work->m, COLUMNS); k++)
        for (size_t i = 0; i < size; i++)
            work->part[i] += work->part[k * size + i];
    if (work->w)
        to_float(work->part, work->gradient, size);
    else
        memcpy(work->f, work->part, size * sizeof *work->f);
}

static void run(Work *work) {
    if (work->by_columns) {
        parallel_for(work->m, COLUMNS, columns_body, work);
        add_parts(work);
    } else {
        parallel_for(work->n, work->block, rows_body, work);
    }
}

bool decision_values(const Decision *decision, const Batch *batch, double *f, Error *err) {
    Work work;
    if (!work_init(&work, decision, batch, NULL, err))
        return false;
    work.f = f;
    run(&work);
    const double *b = array_f64(decision->b);
    for (size_t i = 0; i < batch->n; i++)
        for (size_t c = 0; c < work.functions; c++)
            f[i * work.functions + c] += b[c];
    work_clear(&work);
    return true;
}

bool decision_gradient(const Decision *decision, const Batch *batch, const GradientRequest *request,
                       Error *err) {
    Work work;
    if (!work_init(&work, decision, batch, request->w, err))
        return false;
    work.gradient = request->gradient;
    run(&work);
    work_clear(&work);
    return true;
}
