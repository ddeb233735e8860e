#include "core/array_conv.h"

#include "core/array.h"
#include "core/array_reduce.h"
#include "core/array_shape.h"
#include "core/blas.h"
#include "core/fail.h"
#include "core/parallel.h"
#include "core/simd.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE__
#include <xmmintrin.h>
#endif

/* A patch matrix has about so many elements, which the second-level cache holds, and rows, for
 * which BLAS is fast; a LARGE map has as many of its own. A batch is cut into so many items at
 * least, and gradients of weights are summed in so many pieces at most. */
enum { ELEMENTS = 1 << 16, FEWEST = 128, MOST = 1024, LARGE = 64, ITEMS = 16, SUMS = 16 };

/* Sizes, and how the work is cut: an item is `group` samples, whose patches are laid out `band`
 * rows of an output map at a time; those of several samples together.
 *
 * Inside, channels are innermost, so that a kernel's row of a patch is one contiguous run:
 *
 *     image (group, h, w, c)    patch (pixels, kh·kw·c)    maps (group, pixels, o), if not large
 *
 * and the weight is (o, kh, kw, c). */
typedef struct Plan {
    const char *where;
    size_t stride[2], padding[2];
    DType dtype;
    size_t size;           /* of an element */
    size_t n, c, h, w;     /* of the input */
    size_t o, kh, kw;      /* of the kernels */
    size_t oh, ow, pixels; /* of an output map */
    size_t depth;          /* kh·kw·c, of a patch */
    size_t group, band;
    bool large;                         /* maps are, so that they are worked on where they lie */
    const char *x, *weight, *bias, *dy; /* contiguous, of the type; those that are needed */
    char *out;                          /* y, dx or the sums of the weight's gradient */
    char *scratch;                      /* for each worker */
    size_t image_bytes, maps_bytes, scratch_bytes;
} Plan;

/* Some samples in a worker's scratch, and where their results go. */
typedef struct Item {
    const Plan *plan;
    size_t first, count; /* samples */
    char *image, *maps, *patch, *out;
} Item;

/* Rows of the output maps of an item. */
typedef struct Band {
    size_t first, rows;
} Band;

/* ---- Channels inside ------------------------------------------------------------------------- */

enum { BLOCK = 4 };

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* to[j][i] = from[i][j], rows × columns: one block of it. */
#define TURN_BLOCK(T, suffix)                                                                      \
    static inline void turn_block_##suffix(const T *from, size_t rows, size_t columns, T *to) {    \
        for (size_t a = 0; a < BLOCK; a++)                                                         \
            for (size_t b = 0; b < BLOCK; b++)                                                     \
                to[a * rows + b] = from[b * columns + a];                                          \
    }

TURN_BLOCK(double, f64)
#ifdef __SSE__
static inline void turn_block_f32(const float *from, size_t rows, size_t columns, float *to) {
    __m128 a = _mm_loadu_ps(from), b = _mm_loadu_ps(from + columns);
    __m128 c = _mm_loadu_ps(from + 2 * columns), d = _mm_loadu_ps(from + 3 * columns);
    _MM_TRANSPOSE4_PS(a, b, c, d);
    _mm_storeu_ps(to, a);
    _mm_storeu_ps(to + rows, b);
    _mm_storeu_ps(to + 2 * rows, c);
    _mm_storeu_ps(to + 3 * rows, d);
}
#else
TURN_BLOCK(float, f32)
#endif

/* All of it: blocks, then what is left of each row. */
#define TURN(T, suffix)                                                                            \
    static void turn_##suffix(const T *from, size_t rows, size_t columns, T *to) {                 \
        size_t whole_rows = rows / BLOCK * BLOCK, whole_columns = columns / BLOCK * BLOCK;         \
        for (size_t j = 0; j < whole_columns; j += BLOCK)                                          \
            for (size_t i = 0; i < whole_rows; i += BLOCK)                                         \
                turn_block_##suffix(from + i * columns + j, rows, columns, to + j * rows + i);     \
        for (size_t i = 0; i < rows; i++)                                                          \
            for (size_t j = i < whole_rows ? whole_columns : 0; j < columns; j++)                  \
                to[j * rows + i] = from[i * columns + j];                                          \
    }

TURN(float, f32)
TURN(double, f64)

static void turn(const Plan *p, const void *from, size_t rows, size_t columns, void *to) {
    if (rows == 1 || columns == 1)
        memcpy(to, from, rows * columns * p->size);
    else if (p->dtype == DTYPE_F32)
        turn_f32(from, rows, columns, to);
    else
        turn_f64(from, rows, columns, to);
}

/* The item's samples of an array (n, channels, pixels) to or from (count, pixels, channels). */
static void turn_in(const Item *item, const char *from, size_t channels, size_t pixels, char *to) {
    size_t bytes = channels * pixels * item->plan->size;
    for (size_t s = 0; s < item->count; s++)
        turn(item->plan, from + (item->first + s) * bytes, channels, pixels, to + s * bytes);
}

static void turn_out(const Item *item, const char *from, size_t channels, size_t pixels, char *to) {
    size_t bytes = channels * pixels * item->plan->size;
    for (size_t s = 0; s < item->count; s++)
        turn(item->plan, from + s * bytes, pixels, channels, to + (item->first + s) * bytes);
}

/* ---- Patches --------------------------------------------------------------------------------- */

/* Where kernel row ky of a patch meets its image: numbers skip … skip + count − 1 of that row's
 * kw·c lie inside and start at `at`; the rest is padding. */
typedef struct Run {
    size_t at, skip, count;
} Run;

static Run find_run(const Plan *p, size_t i, size_t j, size_t ky) {
    ptrdiff_t y = (ptrdiff_t)(i * p->stride[0] + ky) - (ptrdiff_t)p->padding[0];
    ptrdiff_t left = (ptrdiff_t)(j * p->stride[1]) - (ptrdiff_t)p->padding[1];
    ptrdiff_t right = left + (ptrdiff_t)p->kw, width = (ptrdiff_t)p->w;
    ptrdiff_t from = left < 0 ? 0 : left, to = right > width ? width : right;
    if (y < 0 || y >= (ptrdiff_t)p->h || to <= from)
        return (Run){ 0 };
    return (Run){ (size_t)(y * width + from) * p->c, (size_t)(from - left) * p->c,
                  (size_t)(to - from) * p->c };
}

/* patch = the item's patches, for the pixels of a band; or image += patch. */
#define PATCHES(T, suffix)                                                                         \
    SIMD_CLONES static void gather_##suffix(const Item *item, Band band) {                         \
        const Plan *p = item->plan;                                                                \
        size_t length = p->kw * p->c;                                                              \
        T *patch = (T *)item->patch;                                                               \
        for (size_t s = 0; s < item->count; s++)                                                   \
            for (size_t r = 0; r < band.rows * p->ow * p->kh; r++, patch += length) {              \
                const T *image = (const T *)item->image + s * p->h * p->w * p->c;                  \
                size_t pixel = r / p->kh;                                                          \
                Run run = find_run(p, band.first + pixel / p->ow, pixel % p->ow, r % p->kh);       \
                if (run.count < length)                                                            \
                    memset(patch, 0, length * sizeof *patch);                                      \
                for (size_t k = 0; k < run.count; k++)                                             \
                    patch[run.skip + k] = image[run.at + k];                                       \
            }                                                                                      \
    }                                                                                              \
    SIMD_CLONES static void scatter_##suffix(const Item *item, Band band) {                        \
        const Plan *p = item->plan;                                                                \
        size_t length = p->kw * p->c;                                                              \
        const T *patch = (const T *)item->patch;                                                   \
        for (size_t s = 0; s < item->count; s++)                                                   \
            for (size_t r = 0; r < band.rows * p->ow * p->kh; r++, patch += length) {              \
                T *image = (T *)item->image + s * p->h * p->w * p->c;                              \
                size_t pixel = r / p->kh;                                                          \
                Run run = find_run(p, band.first + pixel / p->ow, pixel % p->ow, r % p->kh);       \
                for (size_t k = 0; k < run.count; k++)                                             \
                    image[run.at + k] += patch[run.skip + k];                                      \
            }                                                                                      \
    }

PATCHES(float, f32)
PATCHES(double, f64)

static void gather(const Item *item, Band band) {
    (item->plan->dtype == DTYPE_F32 ? gather_f32 : gather_f64)(item, band);
}

static void scatter(const Item *item, Band band) {
    (item->plan->dtype == DTYPE_F32 ? scatter_f32 : scatter_f64)(item, band);
}

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
    turn_in(item, p->x, p->c, p->h * p->w, item->image);
    if (p->dtype == DTYPE_F32)
        start_f32(item, (float *)maps);
    else
        start_f64(item, (double *)maps);
}

static void forward(const Item *item, Band band) {
    const Plan *p = item->plan;
    gather(item, band);
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
        turn_out(item, item->maps, item->plan->o, item->plan->pixels, item->out);
}

static void turn_slope_in(const Item *item) {
    if (!item->plan->large)
        turn_in(item, item->plan->dy, item->plan->o, item->plan->pixels, item->maps);
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
    scatter(item, band);
}

static void end_pull_x(const Item *item) {
    turn_out(item, item->image, item->plan->c, item->plan->h * item->plan->w, item->out);
}

static void begin_pull_weight(const Item *item) {
    const Plan *p = item->plan;
    turn_in(item, p->x, p->c, p->h * p->w, item->image);
    turn_slope_in(item);
}

static void pull_weight(const Item *item, Band band) {
    const Plan *p = item->plan;
    gather(item, band);
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

/* Cut by the shapes alone. */
static void cut(Plan *p) {
    size_t rows = p->depth ? ELEMENTS / p->depth : MOST;
    rows = rows < FEWEST ? FEWEST : least(rows, MOST);
    p->group = least(rows / p->pixels, p->n / ITEMS);
    p->group = p->group ? p->group : 1;
    p->band = p->oh;
    p->large = p->pixels >= LARGE;
    if (p->group == 1 && p->pixels > rows)
        p->band = p->ow < rows ? rows / p->ow : 1;
}

/* Round up to the next cache line. */
static double line(double bytes) {
    return (double)(((uint64_t)bytes + 63) / 64 * 64);
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

/* ---- Shapes ---------------------------------------------------------------------------------- */

/* How often a window fits, or 0. */
static size_t fits(const Plan *p, size_t in, size_t kernel, int axis) {
    size_t wide = in + 2 * p->padding[axis];
    return kernel > 0 && wide >= kernel ? (wide - kernel) / p->stride[axis] + 1 : 0;
}

static bool refuse_shapes(const Convolution *conv, Error *err) {
    const Array *x = conv->x, *weight = conv->weight, *bias = conv->bias;
    char first[128], second[128];
    array_shape_text(x->ndim, x->shape, first);
    array_shape_text(weight->ndim, weight->shape, second);
    if ((x->ndim != 3 && x->ndim != 4) || weight->ndim != 4 ||
        x->shape[x->ndim - 3] != weight->shape[1])
        return error_set(err, ERROR_ARGUMENT,
                         "conv2d: x %s and weight %s: expected (n, c, h, w) or (c, h, w), and "
                         "(out, c, kh, kw)",
                         first, second);
    if (bias && (bias->ndim != 1 || bias->shape[0] != weight->shape[0]))
        return error_set(err, ERROR_ARGUMENT, "conv2d: bias %s and weight %s: expected (%zu,)",
                         array_shape_text(bias->ndim, bias->shape, first), second,
                         weight->shape[0]);
    return true;
}

static bool plan_of(const Convolution *conv, Plan *p, Error *err) {
    const Array *x = conv->x, *weight = conv->weight;
    char first[128], second[128];
    if (!refuse_shapes(conv, err))
        return false;
    const size_t *image = x->shape + x->ndim - 3;
    *p = (Plan){ .where = "conv2d",
                 .n = x->ndim == 4 ? x->shape[0] : 1,
                 .c = image[0],
                 .h = image[1],
                 .w = image[2],
                 .o = weight->shape[0],
                 .kh = weight->shape[2],
                 .kw = weight->shape[3] };
    memcpy(p->stride, conv->stride, sizeof p->stride);
    memcpy(p->padding, conv->padding, sizeof p->padding);
    p->dtype = array_common_dtype((const Array *[]){ x, weight, conv->bias ? conv->bias : x }, 3);
    p->dtype = result_dtype(RESULT_FLOAT, p->dtype);
    p->size = dtype_size(p->dtype);
    p->oh = fits(p, p->h, p->kh, 0);
    p->ow = fits(p, p->w, p->kw, 1);
    if (p->oh == 0 || p->ow == 0)
        return error_set(err, ERROR_ARGUMENT,
                         "conv2d: the kernel of weight %s does not fit into x %s with a padding of "
                         "(%zu, %zu)",
                         array_shape_text(weight->ndim, weight->shape, first),
                         array_shape_text(x->ndim, x->shape, second), p->padding[0], p->padding[1]);
    p->pixels = p->oh * p->ow;
    p->depth = p->c * p->kh * p->kw;
    cut(p);
    return true;
}

/* The shape of x with other channels, height and width. */
static Sizes output_shape(const Convolution *conv, const Plan *p) {
    Sizes shape = array_sizes(conv->x);
    size_t *image = shape.size + shape.ndim - 3;
    image[0] = p->o;
    image[1] = p->oh;
    image[2] = p->ow;
    return shape;
}

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
    if (!plan_of(conv, &p, err))
        return NULL;
    Sizes shape = output_shape(conv, &p);
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

static bool check_slope(const Convolution *conv, const Plan *p, const Array *dy, Error *err) {
    char first[128], second[128];
    Sizes shape = output_shape(conv, p);
    Array y = { .ndim = shape.ndim };
    memcpy(y.shape, shape.size, sizeof y.shape);
    return array_same_shape(&y, dy) ||
           error_set(err, ERROR_ARGUMENT, "conv2d: a gradient of shape %s for an output of %s",
                     array_shape_text(dy->ndim, dy->shape, first),
                     array_shape_text(y.ndim, y.shape, second));
}

Array *array_conv2d_pull_x(const Convolution *conv, const Array *dy, Error *err) {
    Plan p;
    Inputs in;
    if (!plan_of(conv, &p, err) || !check_slope(conv, &p, dy, err))
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
    if (!plan_of(conv, &p, err) || !check_slope(conv, &p, dy, err))
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
