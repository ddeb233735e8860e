#include "core/array_conv.h"

#include "core/array.h"
#include "core/array_conv_inside.h"
#include "core/array_reduce.h"
#include "core/array_shape.h"
#include "core/blas.h"
#include "core/fail.h"
#include "core/parallel.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Gradients of weights are summed in so many pieces at most. */
enum { SUMS = 16 };

/* ---- Products -------------------------------------------------------------------------------- */

/* A matrix or its transpose; `width`: from row to row. */
typedef struct Factor {
    const void *data;
    bool turned;
    size_t width;
} Factor;

/* C = A·B + beta·C; C's rows are `width` apart. */
typedef struct Product {
    size_t m, n, k;
    Factor a, b;
    double beta;
    void *c;
    size_t width;
} Product;

static void multiply(DType dtype, const Product *f) {
    if (f->k == 0 || f->m == 0 || f->n == 0)
        return;
    if (dtype == DTYPE_F32)
        blas_sgemm(f->a.turned, f->b.turned, f->m, f->n, f->k, 1, f->a.data, f->a.width, f->b.data,
                   f->b.width, (float)f->beta, f->c, f->width);
    else
        blas_dgemm(f->a.turned, f->b.turned, f->m, f->n, f->k, 1, f->a.data, f->a.width, f->b.data,
                   f->b.width, f->beta, f->c, f->width);
}

/* Some output pixels of an item, and the maps there: rows of channels, in the item's scratch; or,
 * where a map has pixels enough for BLAS, columns of channels where they lie, of one sample. */
typedef struct Piece {
    size_t pixels;
    char *patch, *maps;
    size_t width; /* of the maps, from row to row */
} Piece;

static size_t pieces_of(const Item *item) {
    return item->plan->large ? item->count : 1;
}

static Piece piece_of(const Item *item, Band band, const char *maps, size_t k) {
    const Plan *p = item->plan;
    size_t pixels = band.rows * p->ow, first = band.first * p->ow;
    size_t map = (item->first + k) * p->o * p->pixels + first;
    if (p->large)
        return (Piece){ pixels, item->patch + k * pixels * p->depth * p->size,
                        (char *)maps + map * p->size, p->pixels };
    return (Piece){ item->count * pixels, item->patch, item->maps + first * p->o * p->size, p->o };
}

/* Each kind of work: before the bands, for each, and after them. */
typedef struct Kind {
    void (*begin)(const Item *item);
    void (*band)(const Item *item, Band band);
    void (*end)(const Item *item);
} Kind;

/* The bias, everywhere: maps[s][o][pixel], or maps[s][pixel][o]. */
#define START(T, suffix)                                                                           \
    static void start_##suffix(const Item *item, T *maps) {                                        \
        const Plan *p = item->plan;                                                                \
        const T *bias = (const T *)p->bias;                                                        \
        for (size_t k = 0; p->large && k < item->count * p->o; k++, maps += p->pixels)             \
            for (size_t i = 0; i < p->pixels; i++)                                                 \
                maps[i] = bias ? bias[k % p->o] : 0;                                               \
        for (size_t k = 0; !p->large && k < item->count * p->pixels; k++, maps += p->o)            \
            for (size_t i = 0; i < p->o; i++)                                                      \
                maps[i] = bias ? bias[i] : 0;                                                      \
    }

START(float, f32)
START(double, f64)

static void begin_forward(const Item *item) {
    const Plan *p = item->plan;
    char *maps = p->large ? item->out + item->first * p->o * p->pixels * p->size : item->maps;
    conv_turn_in(item, p->x, (Channels){ p->c, p->h * p->w }, item->image);
    if (p->dtype == DTYPE_F32)
        start_f32(item, (float *)maps);
    else
        start_f64(item, (double *)maps);
}

static void forward(const Item *item, Band band) {
    const Plan *p = item->plan;
    conv_gather(item, band);
    for (size_t k = 0; k < pieces_of(item); k++) {
        Piece piece = piece_of(item, band, item->out, k);
        Product f = { .k = p->depth, .beta = 1, .c = piece.maps, .width = piece.width };
        f.m = p->large ? p->o : piece.pixels;
        f.n = p->large ? piece.pixels : p->o;
        f.a = p->large ? (Factor){ p->weight, false, p->depth }
                       : (Factor){ piece.patch, false, p->depth };
        f.b = p->large ? (Factor){ piece.patch, true, p->depth }
                       : (Factor){ p->weight, true, p->depth };
        multiply(p->dtype, &f);
    }
}

static void end_forward(const Item *item) {
    if (!item->plan->large)
        conv_turn_out(item, item->maps, (Channels){ item->plan->o, item->plan->pixels }, item->out);
}

static void turn_slope_in(const Item *item) {
    if (!item->plan->large)
        conv_turn_in(item, item->plan->dy, (Channels){ item->plan->o, item->plan->pixels },
                     item->maps);
}

static void begin_pull_x(const Item *item) {
    const Plan *p = item->plan;
    turn_slope_in(item);
    memset(item->image, 0, item->count * p->h * p->w * p->c * p->size);
}

static void pull_x(const Item *item, Band band) {
    const Plan *p = item->plan;
    for (size_t k = 0; k < pieces_of(item); k++) {
        Piece piece = piece_of(item, band, p->dy, k);
        Product f = { .m = piece.pixels,
                      .n = p->depth,
                      .k = p->o,
                      .a = { piece.maps, p->large, piece.width },
                      .b = { p->weight, false, p->depth },
                      .c = piece.patch,
                      .width = p->depth };
        multiply(p->dtype, &f);
    }
    conv_scatter(item, band);
}

static void end_pull_x(const Item *item) {
    conv_turn_out(item, item->image, (Channels){ item->plan->c, item->plan->h * item->plan->w },
                  item->out);
}

static void begin_pull_weight(const Item *item) {
    const Plan *p = item->plan;
    conv_turn_in(item, p->x, (Channels){ p->c, p->h * p->w }, item->image);
    turn_slope_in(item);
}

static void pull_weight(const Item *item, Band band) {
    const Plan *p = item->plan;
    conv_gather(item, band);
    for (size_t k = 0; k < pieces_of(item); k++) {
        Piece piece = piece_of(item, band, p->dy, k);
        Product f = { .m = p->o,
                      .n = p->depth,
                      .k = piece.pixels,
                      .a = { piece.maps, !p->large, piece.width },
                      .b = { piece.patch, false, p->depth },
                      .beta = 1,
                      .c = item->out,
                      .width = p->depth };
        multiply(p->dtype, &f);
    }
}

static const Kind kind_forward = { begin_forward, forward, end_forward };
static const Kind kind_pull_x = { begin_pull_x, pull_x, end_pull_x };
static const Kind kind_pull_weight = { begin_pull_weight, pull_weight, NULL };

/* ---- The work, cut --------------------------------------------------------------------------- */

typedef struct Work {
    const Plan *plan;
    const Kind *kind;
    size_t piece;     /* items of a piece */
    size_t sum_bytes; /* of the sums of each piece by itself; 0: there is one `out` */
} Work;

static void work_on(void *context, size_t first, size_t last, int worker) {
    const Work *work = context;
    const Plan *p = work->plan;
    char *scratch = p->scratch + (size_t)worker * p->scratch_bytes;
    for (size_t i = first; i < last; i++) {
        Item item = { .plan = p, .first = i * p->group, .image = scratch };
        item.count = least(p->group, p->n - item.first);
        item.maps = scratch + p->image_bytes;
        item.patch = item.maps + p->maps_bytes;
        item.out = p->out + first / work->piece * work->sum_bytes;
        work->kind->begin(&item);
        for (size_t row = 0; row < p->oh; row += p->band)
            work->kind->band(&item, (Band){ row, least(p->band, p->oh - row) });
        if (work->kind->end)
            work->kind->end(&item);
    }
}

/* Round up to the next cache line. */
static double line(double bytes) {
    return ceil(bytes / 64) * 64;
}

static bool take_scratch(Plan *p, Error *err) {
    double size = (double)p->size, group = (double)p->group, threads = parallel_threads();
    double image = line(group * (double)(p->h * p->w) * (double)p->c * size);
    double maps = p->large ? 0 : line(group * (double)p->pixels * (double)p->o * size);
    double patch = line(group * (double)(p->band * p->ow) * (double)p->depth * size);
    double bytes = threads * (image + maps + patch);
    if (bytes >= 0x1p60)
        return error_memory(err, p->where, SIZE_MAX);
    p->image_bytes = (size_t)image;
    p->maps_bytes = (size_t)maps;
    p->scratch_bytes = (size_t)(image + maps + patch);
    p->scratch = malloc((size_t)bytes);
    return p->scratch || error_memory(err, p->where, (size_t)bytes);
}

static bool run(Plan *p, const Kind *kind, Work work, Error *err) {
    size_t items = p->o ? parallel_pieces(p->n, p->group) : 0;
    if (items == 0)
        return true;
    if (!take_scratch(p, err))
        return false;
    work.plan = p;
    work.kind = kind;
    work.piece = work.piece ? work.piece : 1;
    bool whole = parallel_try(items, work.piece, work_on, &work);
    free(p->scratch);
    return whole || error_interrupted(err, p->where);
}

/* ---- Inputs ---------------------------------------------------------------------------------- */

/* Inputs in the type that is computed in, as long as they are needed. */
enum { INPUT_X, INPUT_WEIGHT, INPUT_OTHER, INPUTS };
typedef struct Inputs {
    Array *array[INPUTS];
} Inputs;

static bool take_inputs(const Plan *p, const Array *const from[INPUTS], Inputs *in, Error *err) {
    static const int inside[4] = { 0, 2, 3, 1 }; /* (o, c, kh, kw) to (o, kh, kw, c) */
    bool ok = true;
    for (int k = 0; k < INPUTS; k++) {
        Array *turned = ok && from[k] && k == INPUT_WEIGHT
                            ? array_transpose(p->where, from[k], inside, err)
                            : NULL;
        const Array *a = k == INPUT_WEIGHT ? turned : from[k];
        in->array[k] = ok && a ? array_contiguous(p->where, a, p->dtype, err) : NULL;
        ok = ok && (!from[k] || in->array[k]);
        array_free(turned);
    }
    return ok;
}

static const char *data_of(const Inputs *in, int k) {
    return in->array[k] ? in->array[k]->data : NULL;
}

static void drop_inputs(Inputs *in) {
    for (int k = 0; k < INPUTS; k++)
        array_free(in->array[k]);
}

/* `out` where all went well. */
static Array *kept(Array *out, bool ok, Inputs *in) {
    drop_inputs(in);
    if (ok)
        return out;
    array_free(out);
    return NULL;
}

/* ---- Public ---------------------------------------------------------------------------------- */

Array *array_conv2d(const Convolution *conv, Error *err) {
    Plan p;
    Inputs in;
    if (!conv_plan(conv, &p, err))
        return NULL;
    Sizes shape = conv_output_shape(conv, &p);
    Array *y = array_uninitialised(p.where, p.dtype, &shape, err);
    if (!y)
        return NULL;
    bool ok = take_inputs(&p, (const Array *[]){ conv->x, conv->weight, conv->bias }, &in, err);
    p.x = data_of(&in, INPUT_X);
    p.weight = data_of(&in, INPUT_WEIGHT);
    p.bias = data_of(&in, INPUT_OTHER);
    p.out = y->data;
    ok = ok && run(&p, &kind_forward, (Work){ 0 }, err);
    return kept(y, ok, &in);
}

Array *array_conv2d_pull_x(const Convolution *conv, const Array *dy, Error *err) {
    Plan p;
    Inputs in;
    if (!conv_plan(conv, &p, err) || !conv_check_slope(conv, &p, dy, err))
        return NULL;
    Sizes shape = array_sizes(conv->x);
    Array *dx = array_new(p.where, p.dtype, &shape, err);
    if (!dx)
        return NULL;
    bool ok = take_inputs(&p, (const Array *[]){ NULL, conv->weight, dy }, &in, err);
    p.weight = data_of(&in, INPUT_WEIGHT);
    p.dy = data_of(&in, INPUT_OTHER);
    p.out = dx->data;
    ok = ok && run(&p, &kind_pull_x, (Work){ 0 }, err);
    return kept(dx, ok, &in);
}

/* The sums of the pieces, each (o, kh, kw, c), as (o, c, kh, kw). */
static Array *add_up(const Plan *p, const Array *sums, Error *err) {
    static const int outside[4] = { 0, 3, 1, 2 };
    Array *total = array_reduce(sums, &(Reduce){ .reduction = REDUCE_SUM, .along = { true } }, err);
    const Sizes shape = { 4, { p->o, p->kh, p->kw, p->c } };
    Array *wide = total ? array_reshape(p->where, total, &shape, err) : NULL;
    Array *turned = wide ? array_transpose(p->where, wide, outside, err) : NULL;
    Array *out = turned ? array_copy(p->where, turned, err) : NULL;
    array_free(turned);
    array_free(wide);
    array_free(total);
    return out;
}

Array *array_conv2d_pull_weight(const Convolution *conv, const Array *dy, Error *err) {
    Plan p;
    Inputs in;
    if (!conv_plan(conv, &p, err) || !conv_check_slope(conv, &p, dy, err))
        return NULL;
    size_t items = parallel_pieces(p.n, p.group);
    Work work = { .piece = parallel_pieces(items, SUMS), .sum_bytes = p.o * p.depth * p.size };
    work.piece = work.piece ? work.piece : 1;
    Array *sums =
        array_new2(p.where, p.dtype, parallel_pieces(items, work.piece), p.o * p.depth, err);
    if (!sums)
        return NULL;
    bool ok = take_inputs(&p, (const Array *[]){ conv->x, NULL, dy }, &in, err);
    p.x = data_of(&in, INPUT_X);
    p.dy = data_of(&in, INPUT_OTHER);
    p.out = sums->data;
    ok = ok && run(&p, &kind_pull_weight, work, err);
    Array *out = ok ? add_up(&p, sums, err) : NULL;
    array_free(sums);
    return kept(out, ok, &in);
}
