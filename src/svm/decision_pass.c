#include "svm/decision_pass.h"

#include "core/array.h"
#include "core/blas.h"
#include "core/buffer_pool.h"
#include "core/denormals.h"
#include "core/fail.h"
#include "core/parallel.h"
#include "core/simd.h"
#include "svm/own_decision.h"
#include "svm/product.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- A pass: some rows against all support vectors ------------------------------------------- */

void decision_pass_clear(DecisionPass *pass) {
    kernel_rows_clear(&pass->x);
    free(pass->scratch);
    pool_give(pass->room, pass->room_capacity);
    pool_give(pass->slopes, pass->slopes_capacity);
}

/* Arrays one after the other in one block, which the pool keeps for the next pass; without a block
 * they are only counted. */
typedef struct Carving {
    char *block;
    size_t used;
} Carving;

static void *carve(Carving *carving, size_t bytes) {
    const size_t line = 64;
    void *array = carving->block ? carving->block + carving->used : NULL;
    carving->used += (bytes + line - 1) / line * line;
    return array;
}

static void carve_scratch(const DecisionPass *pass, Carving *carving, Scratch *scratch) {
    size_t pairs = pass->block * pass->wide, sums = pass->block * pass->features;
    scratch->dots = carve(carving, pairs * sizeof(float));
    scratch->base = carve(carving, pairs * sizeof(double));
    if (!pass->gradients)
        return;
    scratch->narrow = carve(carving, sums * sizeof(float));
    scratch->part = carve(carving, sums * sizeof(double));
    scratch->sum = carve(carving, sums * sizeof(double));
}

static size_t tile_count(const DecisionPass *pass, size_t n) {
    return parallel_pieces(n, DECISION_ROWS) * pass->pieces;
}

/* Where there are fewer rows of tiles than workers, each tile of a gradient is a job. */
static void carve_shares(DecisionPass *pass, Carving *carving) {
    size_t tiles = tile_count(pass, pass->most);
    if (tiles / pass->pieces < (size_t)pass->workers && pass->pieces > 1)
        pass->shares = carve(carving, tiles * pass->block * pass->features * sizeof(double));
}

static void carve_all(DecisionPass *pass, Carving *carving) {
    size_t pieces = pass->most * pass->pieces;
    if (pass->values)
        pass->parts = carve(carving, pieces * pass->functions * sizeof(double));
    if (pass->largest)
        pass->nearest = carve(carving, pieces * sizeof(double));
    for (int i = 0; i < pass->workers; i++)
        carve_scratch(pass, carving, &pass->scratch[i]);
    if (pass->gradients)
        carve_shares(pass, carving);
}

static bool take_memory(DecisionPass *pass) {
    Carving carving = { NULL, 0 };
    pass->scratch = calloc((size_t)pass->workers, sizeof *pass->scratch);
    if (!pass->scratch)
        return false;
    carve_all(pass, &carving);
    pass->room = pool_take(carving.used, &pass->room_capacity);
    carving = (Carving){ pass->room, 0 };
    if (!pass->room)
        return false;
    carve_all(pass, &carving);
    return !pass->gradients || (pass->slopes = pool_take(pass->most * pass->m * sizeof(double),
                                                         &pass->slopes_capacity)) != NULL;
}

bool decision_pass_init(DecisionPass *pass, const Batch *batch, Error *err) {
    const Decision *decision = pass->decision;
    const Array *sv = decision->sv;
    const Batch vectors = { array_f32(sv), sv->shape[0], sv->shape[1], batch->where };
    if (!decision->rows->x && !kernel_rows_init(decision->rows, &vectors, err))
        return false;
    if (decision->kernel.kind->base != BASE_OWN)
        kernel_rows_pack(decision->rows);
    pass->m = decision_vectors(decision);
    pass->functions = decision_functions(decision);
    pass->features = decision_features(decision);
    pass->pieces = parallel_pieces(pass->m, DECISION_COLUMNS);
    pass->block = pass->most < DECISION_ROWS ? pass->most : DECISION_ROWS;
    pass->wide = pass->m < DECISION_COLUMNS ? pass->m : DECISION_COLUMNS;
    pass->workers = parallel_inside() ? 1 : parallel_threads();
    return take_memory(pass) ||
           error_memory(err, batch->where, pass->most * pass->m * sizeof(double));
}

KernelTile decision_tile(const DecisionPass *pass, size_t index) {
    size_t row = index / pass->pieces * DECISION_ROWS,
           column = index % pass->pieces * DECISION_COLUMNS;
    size_t rows = pass->n - row, columns = pass->m - column;
    return (KernelTile){ row, rows < DECISION_ROWS ? rows : DECISION_ROWS, column,
                         columns < DECISION_COLUMNS ? columns : DECISION_COLUMNS };
}

double *decision_slopes(const DecisionPass *pass, KernelTile tile) {
    return pass->slopes + tile.row * pass->m + tile.rows * tile.column;
}

static KernelPairs pairs_of(const DecisionPass *pass) {
    return (KernelPairs){ &pass->decision->kernel, &pass->x, pass->decision->rows };
}

/* ---- Forward --------------------------------------------------------------------------------- */

/* The parts of f that K · alphaᵀ over the tile's support vectors gives. */
static void sum_values(const DecisionPass *pass, KernelTile tile, const double *values) {
    size_t functions = pass->functions, stride = pass->pieces * functions;
    const double *alpha = array_f64(pass->decision->alpha) + tile.column;
    double *part = pass->parts + tile.row * stride + tile.column / DECISION_COLUMNS * functions;
    if (product_fits())
        product_weigh(tile.rows, tile.columns, values,
                      (ProductWeights){ alpha, functions, pass->m, stride }, part);
    else
        blas_dgemm(false, true, tile.rows, functions, tile.columns, 1, values, tile.columns, alpha,
                   pass->m, 0, part, stride);
}

/* As it is seen on the way back. */
Kernel decision_seen(const DecisionPass *pass) {
    Kernel kernel = pass->decision->kernel;
    kernel.gamma /= pass->wider > 0 ? pass->wider : 1;
    return kernel;
}

/* From the kernels' values: what the way back needs of the tile. */
static void keep_slopes(const DecisionPass *pass, size_t count, const double *base,
                        double *values) {
    Kernel seen = decision_seen(pass);
    if (pass->bases) {
        memcpy(values, base, count * sizeof *values);
        return;
    }
    if (seen.gamma != pass->decision->kernel.gamma)
        kernel_values(&seen, base, values, count);
    kernel_slopes(&seen, base, values, count);
}

/* Some side by side: otherwise each one waits for the one before it. */
SIMD_CLONES
static double least_of(const double *values, size_t n) {
    enum { LANES = 64 };
    double least[LANES];
    size_t i = 0;
    for (size_t k = 0; k < LANES; k++)
        least[k] = values[0];
    for (; i + LANES <= n; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            least[k] = values[i + k] < least[k] ? values[i + k] : least[k];
    for (; i < n; i++)
        least[0] = values[i] < least[0] ? values[i] : least[0];
    for (size_t k = 1; k < LANES; k++)
        least[0] = least[k] < least[0] ? least[k] : least[0];
    return least[0];
}

static void keep_nearest(const DecisionPass *pass, KernelTile tile, const double *base) {
    double *nearest = pass->nearest + tile.row * pass->pieces + tile.column / DECISION_COLUMNS;
    for (size_t i = 0; i < tile.rows; i++)
        nearest[i * pass->pieces] = least_of(base + i * tile.columns, tile.columns);
}

static void fill_largest(const DecisionPass *pass) {
    const Kernel *kernel = &pass->decision->kernel;
    double decay = kernel->kind->decay(kernel);
    for (size_t i = 0; i < pass->n; i++)
        pass->largest[i] = exp(-decay * least_of(pass->nearest + i * pass->pieces, pass->pieces));
}

static void forward_body(void *context, size_t first, size_t last, int worker) {
    const DecisionPass *pass = context;
    const Scratch *scratch = &pass->scratch[worker];
    KernelPairs pairs = pairs_of(pass);
    DenormalMode caller = denormals_flush();
    for (size_t t = first; t < last; t++) {
        KernelTile tile = decision_tile(pass, t);
        size_t count = tile.rows * tile.columns;
        double *values = pass->gradients ? decision_slopes(pass, tile) : scratch->base;
        kernel_fill(&pairs, tile, scratch->dots, scratch->base, values);
        if (pass->largest) /* with gradients, whose values have a place of their own */
            keep_nearest(pass, tile, scratch->base);
        if (pass->values)
            sum_values(pass, tile, values);
        if (pass->gradients)
            keep_slopes(pass, count, scratch->base, values);
    }
    denormals_restore(caller);
}

/* f = its parts in their order, and b. */
static void add_parts(const DecisionPass *pass, double *f) {
    const double *b = array_f64(pass->decision->b), *part = pass->parts;
    for (size_t i = 0; i < pass->n; i++, f += pass->functions) {
        memcpy(f, part, pass->functions * sizeof *f);
        part += pass->functions;
        for (size_t k = 1; k < pass->pieces; k++, part += pass->functions)
            for (size_t c = 0; c < pass->functions; c++)
                f[c] += part[c];
        for (size_t c = 0; c < pass->functions; c++)
            f[c] += b[c];
    }
}

bool decision_pass_forward(DecisionPass *pass, const Batch *batch, double *f, Error *err) {
    kernel_rows_clear(&pass->x);
    if (!kernel_rows_init(&pass->x, batch, err))
        return false;
    pass->n = batch->n;
    parallel_for(tile_count(pass, pass->n), 1, forward_body, pass);
    if (pass->values)
        add_parts(pass, f);
    if (pass->largest)
        fill_largest(pass);
    return true;
}

/* ---- Backward -------------------------------------------------------------------------------- */

SIMD_CLONES
static void multiply(double *values, const double *factors, size_t n) {
    for (size_t i = 0; i < n; i++)
        values[i] *= factors[i];
}

SIMD_CLONES
static void add(double *sum, const double *part, size_t n) {
    for (size_t i = 0; i < n; i++)
        sum[i] += part[i];
}

SIMD_CLONES
static void to_float(const double *from, float *to, size_t n) {
    for (size_t i = 0; i < n; i++)
        to[i] = (float)from[i];
}

/* out = D · S, in the precision of the support vectors' own products. */
static void weigh_vectors(const DecisionPass *pass, KernelTile tile, const Scratch *scratch,
                          double *out) {
    const KernelRows *rows = pass->decision->rows;
    size_t d = pass->features, m = tile.columns, from = tile.column * d;
    if (rows->wide) {
        blas_dgemm(false, false, tile.rows, d, m, 1, scratch->base, m, rows->wide + from, d, 0, out,
                   d);
        return;
    }
    to_float(scratch->base, scratch->dots, tile.rows * m);
    if (!product_sum(tile.rows, m, d, scratch->dots, rows->x + from, scratch->narrow))
        blas_sgemm(false, false, tile.rows, d, m, 1, scratch->dots, m, rows->x + from, d, 0,
                   scratch->narrow, d);
    for (size_t i = 0; i < tile.rows * d; i++)
        out[i] = scratch->narrow[i];
}

/* D·S → 2(rowsum(D)·x − D·S), in place. */
static void distance_gradient(const DecisionPass *pass, KernelTile tile, const double *D,
                              double *out) {
    size_t d = pass->features;
    for (size_t i = 0; i < tile.rows; i++) {
        const float *x = pass->x.x + (tile.row + i) * d;
        double sum = 0, *to = out + i * d;
        for (size_t j = 0; j < tile.columns; j++)
            sum += D[i * tile.columns + j];
        for (size_t k = 0; k < d; k++)
            to[k] = 2 * (sum * x[k] - to[k]);
    }
}

/* D of a tile: (w · alpha) ∘ slopes. */
static void fill_factors(const DecisionPass *pass, KernelTile tile, double *D) {
    const double *slopes = decision_slopes(pass, tile);
    size_t count = tile.rows * tile.columns;
    if (!pass->w) {
        memcpy(D, slopes, count * sizeof *D);
        return;
    }
    blas_dgemm(false, false, tile.rows, tile.columns, pass->functions, 1,
               pass->w + tile.row * pass->functions, pass->functions,
               array_f64(pass->decision->alpha) + tile.column, pass->m, 0, D, tile.columns);
    multiply(D, slopes, count);
}

/* out (tile.rows × features): the sum over the tile's support vectors of D · dbase/dx. */
static void pull_tile(const DecisionPass *pass, KernelTile tile, const Scratch *scratch,
                      double *out) {
    KernelBase base = pass->decision->kernel.kind->base;
    fill_factors(pass, tile, scratch->base);
    if (base == BASE_OWN) {
        KernelPairs pairs = pairs_of(pass);
        kernel_pull(&pairs, tile, scratch->base, out);
        return;
    }
    weigh_vectors(pass, tile, scratch, out);
    if (base == BASE_DISTANCE)
        distance_gradient(pass, tile, scratch->base, out);
}

/* Rows of tiles, one after the other. */
static void backward_body(void *context, size_t first, size_t last, int worker) {
    const DecisionPass *pass = context;
    const Scratch *scratch = &pass->scratch[worker];
    DenormalMode caller = denormals_flush();
    for (size_t block = first; block < last; block++) {
        KernelTile tile = decision_tile(pass, block * pass->pieces);
        size_t size = tile.rows * pass->features;
        pull_tile(pass, tile, scratch, scratch->sum);
        for (size_t k = 1; k < pass->pieces; k++) {
            pull_tile(pass, decision_tile(pass, block * pass->pieces + k), scratch, scratch->part);
            add(scratch->sum, scratch->part, size);
        }
        to_float(scratch->sum, pass->gradient + tile.row * pass->features, size);
    }
    denormals_restore(caller);
}

/* Tiles, each into a place of its own. */
static void share_body(void *context, size_t first, size_t last, int worker) {
    const DecisionPass *pass = context;
    DenormalMode caller = denormals_flush();
    for (size_t t = first; t < last; t++)
        pull_tile(pass, decision_tile(pass, t), &pass->scratch[worker],
                  pass->shares + t * pass->block * pass->features);
    denormals_restore(caller);
}

static void add_shares(const DecisionPass *pass) {
    size_t distance = pass->block * pass->features;
    for (size_t t = 0; t < tile_count(pass, pass->n); t += pass->pieces) {
        KernelTile tile = decision_tile(pass, t);
        size_t size = tile.rows * pass->features;
        double *sum = pass->shares + t * distance;
        for (size_t k = 1; k < pass->pieces; k++)
            add(sum, sum + k * distance, size);
        to_float(sum, pass->gradient + tile.row * pass->features, size);
    }
}

void decision_pass_backward(DecisionPass *pass, const double *w, float *gradient) {
    size_t tiles = tile_count(pass, pass->n);
    pass->w = w;
    pass->gradient = gradient;
    if (pass->shares) {
        parallel_for(tiles, 1, share_body, pass);
        add_shares(pass);
    } else {
        parallel_for(tiles / pass->pieces, 1, backward_body, pass);
    }
}

/* ---- Public ---------------------------------------------------------------------------------- */

static bool is_own(const Decision *decision) {
    return decision->kernel.kind->calls != NULL;
}

bool decision_values(const Decision *decision, const Batch *batch, double *f, Error *err) {
    if (is_own(decision))
        return own_values(decision, batch, f, err);
    DecisionPass pass = { .decision = decision, .most = batch->n, .values = true };
    bool ok = decision_pass_init(&pass, batch, err) && decision_pass_forward(&pass, batch, f, err);
    decision_pass_clear(&pass);
    return ok;
}

/* The weights of the pass's rows, which are rows from `first` on of the request's. */
static const double *weigh(const DecisionPass *pass, const GradientRequest *request, size_t first,
                           double *f) {
    size_t functions = pass->functions;
    if (request->scores)
        memcpy(request->scores + first * functions, f, pass->n * functions * sizeof *f);
    if (request->w)
        return request->w + first * functions;
    double *w = f + pass->most * functions;
    for (size_t i = 0; i < pass->n; i++)
        request->weigh(request->context, request->first_row + first + i, f + i * functions,
                       w + i * functions);
    return w;
}

/* A row of tiles for each worker, twice: few enough that slopes are still in a cache. */
size_t decision_rows_at_once(size_t n) {
    size_t most = 2 * (size_t)parallel_threads() * DECISION_ROWS;
    return n < most ? n : most;
}

bool decision_gradient(DecisionView view, const Batch *batch, const GradientRequest *request,
                       Error *err) {
    if (is_own(view.decision))
        return own_gradient(view, batch, request, err);
    bool decays = view.decision->kernel.kind->decay != NULL;
    DecisionPass pass = { .decision = view.decision,
                          .wider = view.wider,
                          .most = decision_rows_at_once(batch->n),
                          .largest = decays ? request->largest : NULL,
                          .values = request->scores || !request->w,
                          .gradients = true };
    size_t count = 2 * pass.most * decision_functions(view.decision);
    double *f = malloc(count * sizeof *f);
    bool ok = f || error_memory(err, batch->where, count * sizeof *f);
    ok = ok && decision_pass_init(&pass, batch, err);
    for (size_t first = 0; ok && first < batch->n; first += pass.most) {
        size_t left = batch->n - first;
        Batch rows = batch_rows(batch, first, left < pass.most ? left : pass.most);
        ok = decision_pass_forward(&pass, &rows, f, err);
        pass.largest += pass.largest ? rows.n : 0;
        if (ok)
            decision_pass_backward(&pass, weigh(&pass, request, first, f),
                                   request->gradient + first * pass.features);
    }
    free(f);
    decision_pass_clear(&pass);
    return ok;
}

DecisionPass *decision_forward(DecisionView view, const Batch *batch, double *f, Error *err) {
    DecisionPass *pass = malloc(sizeof *pass);
    if (!pass) {
        error_memory(err, batch->where, sizeof *pass);
        return NULL;
    }
    bool decays = view.decision->kernel.kind->decay != NULL;
    *pass = (DecisionPass){ .decision = view.decision,
                            .wider = view.wider,
                            .most = batch->n,
                            .largest = decays ? view.largest : NULL,
                            .values = true,
                            .gradients = true };
    if (is_own(view.decision)
            ? (pass->own = own_forward(view, batch, f, err)) != NULL
            : decision_pass_init(pass, batch, err) && decision_pass_forward(pass, batch, f, err))
        return pass;
    decision_pass_free(pass);
    return NULL;
}

bool decision_backward(DecisionPass *pass, const double *w, float *gradient, Error *err) {
    if (pass->own)
        return own_backward(pass->own, w, gradient, err);
    decision_pass_backward(pass, w, gradient);
    return true;
}

void decision_pass_free(DecisionPass *pass) {
    if (!pass)
        return;
    decision_pass_clear(pass);
    own_pass_free(pass->own);
    free(pass);
}
