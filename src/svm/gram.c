#include "svm/gram.h"

#include "core/denormals.h"
#include "core/fail.h"
#include "core/parallel.h"
#include "core/progress.h"
#include "svm/matrix_memory.h"
#include "svm/own_kernel.h"

#include <math.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

enum { TILE = 512 };

typedef struct GramWork {
    KernelPairs pairs; /* of rows with themselves */
    KernelRows rows;
    bool values;     /* the kernel's are wanted, not its bases */
    size_t n, tiles; /* tiles along one side */
    const char *where;
    float *gram;
    float **numbers; /* a tile's, one per worker */
    double **scratch;
} GramWork;

/* The index-th tile on or above the diagonal, counted row by row. */
static KernelTile tile_at(const GramWork *work, size_t index) {
    size_t i = 0, in_row = work->tiles;
    for (; index >= in_row; i++, in_row--)
        index -= in_row;
    size_t row = i * TILE, column = (i + index) * TILE, n = work->n;
    return (KernelTile){ row, n - row < TILE ? n - row : TILE, column,
                         n - column < TILE ? n - column : TILE };
}

/* Store a tile and its mirror image; small squares keep both in the cache. On the diagonal the
 * upper half alone counts: a product's sums may differ by their place. */
static void store_tile(float *gram, size_t n, KernelTile tile, const float *numbers) {
    enum { SQUARE = 16 };
    bool diagonal = tile.row == tile.column;
    for (size_t i = 0; i < tile.rows; i++)
        for (size_t j = diagonal ? i : 0; j < tile.columns; j++)
            gram[(tile.row + i) * n + tile.column + j] = numbers[i * tile.columns + j];
    for (size_t i0 = 0; i0 < tile.rows; i0 += SQUARE)
        for (size_t j = diagonal ? i0 : 0; j < tile.columns; j++)
            for (size_t i = i0; i < i0 + SQUARE && i < (diagonal ? j : tile.rows); i++)
                gram[(tile.column + j) * n + tile.row + i] = numbers[i * tile.columns + j];
}

static void narrow(const double *from, float *to, KernelTile tile) {
    for (size_t i = 0; i < tile.rows * tile.columns; i++)
        to[i] = (float)from[i];
}

static void tiles_body(void *context, size_t first, size_t last, int worker) {
    const GramWork *work = context;
    DenormalMode caller = denormals_flush();
    /* After a stop nothing is trained on half a matrix: the solver asks as well. */
    for (size_t t = first; t < last && !progress_interrupt_pending(); t++) {
        KernelTile tile = tile_at(work, t);
        float *numbers = work->numbers[worker];
        double *scratch = work->scratch[worker];
        if (work->values) {
            kernel_floats(&work->pairs, tile, scratch, numbers);
        } else {
            kernel_base(&work->pairs, tile, numbers, scratch);
            narrow(scratch, numbers, tile);
        }
        store_tile(work->gram, work->n, tile, numbers);
    }
    denormals_restore(caller);
}

enum { CALL_COLUMNS = 4 * TILE }; /* 8 MB of values */

/* The same of a kernel that somebody else computes: the tiles of a row of them in few calls. */
static bool call_tiles(const GramWork *work, double *values, float *numbers, Error *err) {
    const KernelRows *rows = &work->rows;
    const Batch all = { rows->x, rows->n, rows->features, work->where };
    size_t n = work->n;
    bool ok = own_kernel_check(work->pairs.kernel, &all, err);
    for (size_t row = 0; ok && row < n && !progress_interrupt_pending(); row += TILE)
        for (size_t column = row, wide = TILE; ok && column < n;
             column += wide, wide = CALL_COLUMNS) {
            KernelTile tile = { row, n - row < TILE ? n - row : TILE, column,
                                n - column < wide ? n - column : wide };
            KernelCall call = { work->pairs.kernel, batch_rows(&all, row, tile.rows),
                                batch_rows(&all, column, tile.columns), NULL };
            ok = call.kernel->kind->calls->values(&call, values, NULL, err) &&
                 own_kernel_check_values(&call, tile, values, err);
            if (!ok)
                break;
            narrow(values, numbers, tile);
            store_tile(work->gram, n, tile, numbers);
        }
    return ok;
}

static bool call_all(const GramWork *work, Error *err) {
    size_t most = (size_t)TILE * CALL_COLUMNS;
    double *values = malloc(most * sizeof *values);
    float *numbers = malloc(most * sizeof *numbers);
    bool ok = values && numbers ? call_tiles(work, values, numbers, err)
                                : error_memory(err, work->where, most * sizeof *values);
    free(values);
    free(numbers);
    return ok;
}

/* A sample with a NaN would keep the solver busy for ten million iterations. */
bool gram_check_finite(const char *where, const KernelRows *rows, Error *err) {
    for (size_t i = 0; i < rows->n; i++)
        if (!isfinite(rows->norm[i]))
            return error_set(err, ERROR_ARGUMENT,
                             "%s: sample %zu has a value that is NaN or infinite", where, i + 1);
    return true;
}

/* Sums of a few such values are still float32. */
static const float LARGEST = 1e30F;

bool gram_is_value(float value) {
    return fabsf(value) <= LARGEST;
}

bool gram_refuse_value(const char *where, const Kernel *kernel, const SamplePair *pair,
                       Error *err) {
    return error_set(err, ERROR_ARGUMENT,
                     "%s: the kernel %s answers %g for samples %zu and %zu; expected numbers up to "
                     "%g: scale the features",
                     where, own_kernel_words(kernel), (double)pair->value, pair->i + 1, pair->j + 1,
                     (double)LARGEST);
}

typedef struct ValuesCheck {
    const float *values;
    size_t n;
    atomic_size_t wrong; /* the first sample whose row has one that is none, or n */
} ValuesCheck;

static void check_body(void *context, size_t first, size_t last, int worker) {
    ValuesCheck *check = context;
    (void)worker;
    for (size_t i = first; i < last; i++) {
        const float *row = check->values + i * check->n;
        size_t wrong = 0, known = atomic_load(&check->wrong);
        for (size_t j = 0; j < check->n; j++)
            wrong += !gram_is_value(row[j]);
        while (wrong > 0 && i < known && !atomic_compare_exchange_weak(&check->wrong, &known, i)) {
        }
    }
}

bool gram_check_values(const char *where, const Kernel *kernel, const float *values, size_t n,
                       Error *err) {
    enum { ROWS = 64 };
    ValuesCheck check = { values, n, n };
    parallel_for(n, ROWS, check_body, &check);
    size_t i = atomic_load(&check.wrong), j = 0;
    if (i == n)
        return true;
    while (gram_is_value(values[i * n + j]))
        j++;
    return gram_refuse_value(where, kernel, &(SamplePair){ i, j, values[i * n + j] }, err);
}

static void work_clear(GramWork *work, int workers) {
    for (int i = 0; i < workers; i++) {
        if (work->numbers)
            free(work->numbers[i]);
        if (work->scratch)
            free(work->scratch[i]);
    }
    free(work->numbers);
    free(work->scratch);
    kernel_rows_clear(&work->rows);
}

static bool work_init(GramWork *work, int workers) {
    work->numbers = calloc((size_t)workers, sizeof *work->numbers);
    work->scratch = calloc((size_t)workers, sizeof *work->scratch);
    bool ok = work->numbers && work->scratch;
    for (int i = 0; ok && i < workers; i++) {
        work->numbers[i] = malloc((size_t)TILE * TILE * sizeof(float));
        work->scratch[i] = malloc((size_t)TILE * TILE * sizeof(double));
        ok = work->numbers[i] && work->scratch[i];
    }
    return ok;
}

static float *make(const Kernel *kernel, const Batch *batch, bool values, Error *err) {
    size_t n = batch->n;
    GramWork work = {
        .values = values, .n = n, .tiles = (n + TILE - 1) / TILE, .where = batch->where
    };
    work.pairs = (KernelPairs){ kernel, &work.rows, &work.rows };
    int workers = parallel_threads();
    size_t bytes;
    if (__builtin_mul_overflow(n * sizeof(float), n, &bytes))
        bytes = SIZE_MAX;
    if (!kernel_rows_init(&work.rows, batch, err))
        return NULL;
    kernel_rows_pack(&work.rows);
    if (gram_check_finite(batch->where, &work.rows, err)) {
        work.gram = matrix_take(bytes);
        bool ok = work.gram && (kernel->kind->calls || work_init(&work, workers));
        if (!ok)
            error_memory(err, batch->where, bytes);
        else if (kernel->kind->calls)
            ok = call_all(&work, err);
        else
            parallel_for(work.tiles * (work.tiles + 1) / 2, 1, tiles_body, &work);
        if (!ok) {
            gram_free(work.gram);
            work.gram = NULL;
        }
    }
    work_clear(&work, workers);
    return work.gram;
}

bool gram_fill(const Kernel *kernel, const KernelRows *rows, float *gram, Error *err) {
    GramWork work = { .values = true,
                      .n = rows->n,
                      .tiles = (rows->n + TILE - 1) / TILE,
                      .where = "svm",
                      .rows = *rows,
                      .gram = gram };
    work.pairs = (KernelPairs){ kernel, &work.rows, &work.rows };
    work.rows.packed = NULL;
    kernel_rows_pack(&work.rows);
    int workers = parallel_threads();
    bool ok = work_init(&work, workers) ||
              error_memory(err, "svm", (size_t)TILE * TILE * (sizeof(float) + sizeof(double)));
    if (ok)
        parallel_for(work.tiles * (work.tiles + 1) / 2, 1, tiles_body, &work);
    work.rows = (KernelRows){ .packed = work.rows.packed }; /* the others are the caller's */
    work_clear(&work, workers);
    return ok;
}

float *gram_new(const Kernel *kernel, const Batch *batch, Error *err) {
    return make(kernel, batch, false, err);
}

float *gram_values(const Kernel *kernel, const Batch *batch, Error *err) {
    return make(kernel, batch, true, err);
}

void gram_free(float *gram) {
    matrix_give(gram);
}
