#include "core/array_transfer.h"

#include "core/array.h"
#include "core/array_stream.h"
#include "core/fail.h"
#include "core/parallel.h"

#include <stdatomic.h>

static const size_t WORTH_SPLITTING = 1 << 16;

/* A tile of 32 × 32 elements is read and written within the L1 cache. */
enum { TILE = 32, PIECE = 1 << 14 }; /* elements of a piece, about */

typedef struct Transfer {
    Stream from, to;
    size_t total;
    atomic_bool misfit; /* an element that the type of `to` does not hold */
} Transfer;

static void copy_runs(void *context, size_t first_run, size_t last_run, int worker) {
    Transfer *t = context;
    Conversion *convert = conversion(t->from.dtype, t->to.dtype);
    StreamScratch in, out;
    bool fits = true;
    (void)worker;
    in.filled = 0;
    for (size_t i = first_run; i < last_run; i++) {
        Run run = run_at(i * STREAM_RUN, t->total);
        const void *values = stream_read(&t->from, t->from.dtype, run, &in);
        fits &= convert(values, stream_target(&t->to, run, &out), run.n);
        stream_commit(&t->to, run, &out);
    }
    if (!fits)
        atomic_store(&t->misfit, true);
}

/* ---- Transposing copies ------------------------------------------------------------------------
 *
 * Where the source's unit stride is not on its last axis, reading row by row uses one element of
 * every cache line. Tiles over the last axis (`across`) and the one with the unit stride (`along`)
 * use all of them:
 *
 *     from:  `along` has stride 1, `across` a long one
 *     to:    `across` has stride 1, `along` a long one
 */
typedef struct Tiling {
    const Transfer *transfer;
    int along;             /* the axis of `from` with stride 1, counted from the innermost */
    size_t outer;          /* elements of all axes but these two */
    size_t tiles;          /* tiles of TILE along `along` */
    ptrdiff_t along_in_to; /* stride of that axis in `to` */
} Tiling;

/* One strip of the plane, from and to these places: `count` ≤ TILE indices of `along`, all of
 * `across`. */
typedef struct Strip {
    const char *from;
    char *to;
    size_t count;
} Strip;

#define TRANSPOSE_STRIP(T)                                                                         \
    static void transpose_strip_##T(const Tiling *tiling, const Strip *strip) {                    \
        const Stream *from = &tiling->transfer->from;                                              \
        size_t across = from->shape[0];                                                            \
        for (size_t start = 0; start < across; start += TILE) {                                    \
            size_t end = start + TILE < across ? start + TILE : across;                            \
            for (size_t i = 0; i < strip->count; i++) {                                            \
                const T *f = (const T *)strip->from + i;                                           \
                T *t = (T *)strip->to + (ptrdiff_t)i * tiling->along_in_to;                        \
                for (size_t j = start; j < end; j++)                                               \
                    t[j] = f[(ptrdiff_t)j * from->stride[0]];                                      \
            }                                                                                      \
        }                                                                                          \
    }

TRANSPOSE_STRIP(uint8_t)
TRANSPOSE_STRIP(uint32_t)
TRANSPOSE_STRIP(uint64_t)

/* Items are strips: tiles of `along` within each index of the outer axes. */
static void copy_strips(void *context, size_t first, size_t last, int worker) {
    const Tiling *tiling = context;
    const Stream *from = &tiling->transfer->from;
    ptrdiff_t size = (ptrdiff_t)dtype_size(from->dtype);
    (void)worker;
    for (size_t item = first; item < last; item++) {
        size_t start = item % tiling->tiles * TILE, rest = item / tiling->tiles;
        size_t left = from->shape[tiling->along] - start;
        ptrdiff_t source = (ptrdiff_t)start, target = (ptrdiff_t)start * tiling->along_in_to;
        ptrdiff_t step = 1; /* of axis d in `to` */
        for (int d = 0; d < from->ndim; d++) {
            if (d != 0 && d != tiling->along) {
                ptrdiff_t index = (ptrdiff_t)(rest % from->shape[d]);
                rest /= from->shape[d];
                source += index * from->stride[d];
                target += index * step;
            }
            step *= (ptrdiff_t)from->shape[d];
        }
        Strip strip = { from->data + source * size, tiling->transfer->to.data + target * size,
                        left < TILE ? left : TILE };
        if (size == 1)
            transpose_strip_uint8_t(tiling, &strip);
        else if (size == sizeof(uint32_t))
            transpose_strip_uint32_t(tiling, &strip);
        else
            transpose_strip_uint64_t(tiling, &strip);
    }
}

/* True if tiles serve this copy, which is then described. */
static bool plan_tiles(const Transfer *t, Tiling *tiling) {
    const Stream *from = &t->from;
    if (from->dtype != t->to.dtype || !t->to.contiguous || from->ndim < 2 || from->stride[0] == 1 ||
        from->stride[0] == 0)
        return false;
    int along = 1;
    size_t step = from->shape[0];
    while (along < from->ndim && from->stride[along] != 1)
        step *= from->shape[along++];
    if (along == from->ndim)
        return false;
    size_t plane = from->shape[0] * from->shape[along];
    *tiling = (Tiling){ .transfer = t,
                        .along = along,
                        .outer = t->total / plane,
                        .tiles = (from->shape[along] + TILE - 1) / TILE,
                        .along_in_to = (ptrdiff_t)step };
    return true;
}

/* ---- Copies ---------------------------------------------------------------------------------- */

/* Copy `from`, broadcast, into every element of `to`, with which it shares no memory. False if an
 * element did not fit: then `to` holds some value in its place. With `whole` it may give up after
 * an interrupt, and *whole tells; without, it does not: nobody shall see half of a new value. */
static bool transfer(const Array *from, Array *to, bool *whole) {
    Sizes shape = array_sizes(to);
    Transfer t = { .from = stream_of(from, &shape),
                   .to = stream_of(to, &shape),
                   .total = array_size(to) };
    if (whole)
        *whole = true;
    if (t.total == 0)
        return true;
    Tiling tiling;
    ParallelBody *body = copy_runs;
    void *context = &t;
    size_t items = (t.total + STREAM_RUN - 1) / STREAM_RUN, each = STREAM_RUN;
    if (plan_tiles(&t, &tiling)) {
        body = copy_strips;
        context = &tiling;
        items = tiling.outer * tiling.tiles;
        each = t.total / items;
    }
    if (t.total < WORTH_SPLITTING)
        body(context, 0, items, 0);
    else if (whole)
        *whole = parallel_try(items, parallel_piece(PIECE, each), body, context);
    else
        parallel_for(items, parallel_piece(PIECE, each), body, context);
    return !t.misfit;
}

Array *array_astype(const char *where, const Array *a, DType dtype, Error *err) {
    Sizes shape = array_sizes(a);
    double misfit;
    bool whole;
    Array *out = array_uninitialised(where, dtype, &shape, err);
    if (!out)
        return NULL;
    bool fits = transfer(a, out, &whole);
    if (whole && (fits || !stream_misfit(a, dtype, &misfit)))
        return out;
    array_free(out);
    if (whole)
        dtype_refuse(where, dtype, misfit, err);
    else
        error_interrupted(err, where);
    return NULL;
}

Array *array_contiguous(const char *where, const Array *a, DType dtype, Error *err) {
    if (a->dtype != dtype || !array_is_contiguous(a))
        return array_astype(where, a, dtype, err);
    Array *same = array_view(a, err);
    if (same)
        same->origin = ORIGIN_ARRAY;
    return same;
}

Array *array_copy(const char *where, const Array *a, Error *err) {
    Array *out = array_astype(where, a, a->dtype, err);
    if (out && a->origin == ORIGIN_MASK)
        out->origin = ORIGIN_MASK;
    return out;
}

Array *array_from_doubles(const char *where, const Array *values, DType dtype, Error *err) {
    if (dtype != DTYPE_F32)
        return array_contiguous(where, values, dtype, err);
    Sizes shape = array_sizes(values);
    Array *out = array_uninitialised(where, dtype, &shape, err);
    bool whole = true;
    if (out)
        transfer(values, out, &whole);
    if (whole)
        return out;
    array_free(out);
    error_interrupted(err, where);
    return NULL;
}

bool array_mask_takes(const char *where, const Array *values, const Array *out, Error *err) {
    if (out->origin != ORIGIN_MASK || values->origin == ORIGIN_MASK)
        return true;
    Array *all = array_astype(where, values, DTYPE_F64, err);
    bool ok = all != NULL;
    for (size_t i = 0; ok && i < array_size(all); i++) {
        double value = array_f64(all)[i];
        if (value != 0 && value != 1)
            ok = error_set(
                err, ERROR_ARGUMENT,
                "%s: a mask holds 0 and 1, got %.15g; x:astype(\"i32\") makes integers of "
                "it",
                where, value);
    }
    array_free(all);
    return ok;
}

/* A single number that the type holds: nothing to find out about it while writing. */
static bool is_one_that_fits(const Array *values, DType dtype) {
    return array_size(values) == 1 &&
           dtype_holds(dtype, array_get(values, (size_t[ARRAY_MAX_DIMS]){ 0 }));
}

bool array_assign(const char *where, const Array *values, Array *out, Error *err) {
    char first[128], second[128];
    Sizes target = array_sizes(out), shape = array_sizes(values);
    if (!array_writable(where, out, err))
        return false;
    if (!sizes_take(&target, &shape))
        return error_set(err, ERROR_ARGUMENT, "%s: values of shape %s do not fit into %s", where,
                         array_shape_text(values->ndim, values->shape, first),
                         array_shape_text(out->ndim, out->shape, second));
    if (!array_mask_takes(where, values, out, err))
        return false;
    bool safe = values->dtype == out->dtype || out->dtype == DTYPE_F64 ||
                values->dtype == DTYPE_U8 ||
                (values->dtype == DTYPE_I32 && out->dtype != DTYPE_U8) ||
                is_one_that_fits(values, out->dtype);
    if (safe && values->buffer != out->buffer)
        return transfer(values, out, NULL);
    /* A copy: of what is about to be overwritten, or of what may turn out not to fit. */
    Array *copy = array_astype(where, values, out->dtype, err);
    bool ok = copy && transfer(copy, out, NULL);
    array_free(copy);
    return ok;
}
