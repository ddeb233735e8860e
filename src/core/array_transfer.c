#include "core/array_transfer.h"

#include "core/array.h"
#include "core/array_stream.h"
#include "core/fail.h"
#include "core/parallel.h"

#include <string.h>

static const size_t WORTH_SPLITTING = 1 << 16;

/* A tile of 32 × 32 elements is read and written within the L1 cache. */
enum { TILE = 32, PIECE = 1 << 14 }; /* elements of a piece, about */

typedef struct Transfer {
    Stream from, to;
    size_t total;
} Transfer;

static void copy_runs(void *context, size_t first_run, size_t last_run, int worker) {
    const Transfer *t = context;
    StreamScratch in, out;
    (void)worker;
    in.filled = 0;
    for (size_t run = first_run; run < last_run; run++) {
        size_t first = run * STREAM_RUN, left = t->total - first;
        size_t n = left < STREAM_RUN ? left : STREAM_RUN;
        const void *values = stream_read(&t->from, t->to.dtype, first, n, &in);
        memcpy(stream_target(&t->to, t->to.dtype, first, &out), values,
               n * dtype_size(t->to.dtype));
        stream_commit(&t->to, t->to.dtype, first, n, &out);
    }
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

/* One strip of the plane: `count` ≤ TILE indices of `along`, all of `across`. */
static void transpose_strip(const char *from, ptrdiff_t across_stride, char *to,
                            ptrdiff_t along_stride, size_t count, size_t across, size_t size) {
    for (size_t start = 0; start < across; start += TILE) {
        size_t end = start + TILE < across ? start + TILE : across;
        for (size_t i = 0; i < count; i++) {
            if (size == sizeof(uint32_t)) {
                const uint32_t *f = (const uint32_t *)from + i;
                uint32_t *t = (uint32_t *)to + (ptrdiff_t)i * along_stride;
                for (size_t j = start; j < end; j++)
                    t[j] = f[(ptrdiff_t)j * across_stride];
            } else {
                const uint64_t *f = (const uint64_t *)from + i;
                uint64_t *t = (uint64_t *)to + (ptrdiff_t)i * along_stride;
                for (size_t j = start; j < end; j++)
                    t[j] = f[(ptrdiff_t)j * across_stride];
            }
        }
    }
}

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
        transpose_strip(from->data + source * size, from->stride[0],
                        tiling->transfer->to.data + target * size, tiling->along_in_to,
                        left < TILE ? left : TILE, from->shape[0], (size_t)size);
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

/* ---- What does not fit into int32 ------------------------------------------------------------ */

static bool check_int32(const char *where, const Array *from, Error *err) {
    Stream s = stream_of(from, from->ndim, from->shape);
    StreamScratch scratch;
    size_t total = array_size(from);
    scratch.filled = 0;
    for (size_t first = 0; first < total; first += STREAM_RUN) {
        size_t n = total - first < STREAM_RUN ? total - first : STREAM_RUN;
        const double *values = stream_read(&s, DTYPE_F64, first, n, &scratch);
        for (size_t i = 0; i < n; i++)
            if (!(values[i] > -2147483649.0 && values[i] < 2147483648.0))
                return error_set(err, ERROR_ARGUMENT, "%s: %g does not fit into an int32 array",
                                 where, values[i]);
    }
    return true;
}

bool array_transfer(const char *where, const Array *from, Array *to, Error *err) {
    if (to->dtype == DTYPE_I32 && from->dtype != DTYPE_I32 && !check_int32(where, from, err))
        return false;
    Transfer t = { .from = stream_of(from, to->ndim, to->shape),
                   .to = stream_of(to, to->ndim, to->shape),
                   .total = array_size(to) };
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
    else
        parallel_for(items, parallel_piece(PIECE, each), body, context);
    return true;
}

static bool broadcasts_to(const Array *a, const Array *out) {
    bool fits = a->ndim <= out->ndim;
    for (int d = 1; fits && d <= a->ndim; d++) {
        size_t n = a->shape[a->ndim - d];
        fits = n == 1 || n == out->shape[out->ndim - d];
    }
    return fits;
}

bool array_assign(const char *where, const Array *values, Array *out, Error *err) {
    char first[128], second[128];
    if (!broadcasts_to(values, out))
        return error_set(err, ERROR_ARGUMENT, "%s: values of shape %s do not fit into %s", where,
                         array_shape_text(values->ndim, values->shape, first),
                         array_shape_text(out->ndim, out->shape, second));
    if (values->buffer != out->buffer)
        return array_transfer(where, values, out, err);
    Array *copy = array_copy(where, values, err);
    bool ok = copy && array_transfer(where, copy, out, err);
    array_free(copy);
    return ok;
}
