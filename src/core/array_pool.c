#include "core/array_pool.h"

#include "core/array.h"
#include "core/fail.h"
#include "core/parallel.h"

#include <string.h>

enum { PIECE = 1 << 14 }; /* comparisons, about, that a worker makes at a time */

typedef struct Pooling {
    const PoolWindow *window;
    size_t h, w, oh, ow;
    Sizes shape;        /* y's */
    const void *x, *dy; /* dy of a pull alone */
    void *out;          /* y, or dx */
} Pooling;

/* One plane of x, h × w, to y, oh × ow; or dy to dx. */
#define POOL(T, suffix)                                                                            \
    static size_t greatest_##suffix(const Pooling *p, const T *corner) {                           \
        size_t best = 0;                                                                           \
        for (size_t r = 0; r < p->window->kernel[0]; r++)                                          \
            for (size_t q = 0; q < p->window->kernel[1]; q++) {                                    \
                T v = corner[r * p->w + q], b = corner[best];                                      \
                if (b == b && (v > b || v != v))                                                   \
                    best = r * p->w + q;                                                           \
            }                                                                                      \
        return best;                                                                               \
    }                                                                                              \
    static void pool_plane_##suffix(const Pooling *p, size_t plane) {                              \
        const T *x = (const T *)p->x + plane * p->h * p->w;                                        \
        size_t out = plane * p->oh * p->ow;                                                        \
        for (size_t i = 0; i < p->oh; i++)                                                         \
            for (size_t j = 0; j < p->ow; j++, out++) {                                            \
                size_t at = i * p->window->stride[0] * p->w + j * p->window->stride[1];            \
                size_t best = at + greatest_##suffix(p, x + at);                                   \
                if (p->dy)                                                                         \
                    ((T *)p->out)[plane * p->h * p->w + best] += ((const T *)p->dy)[out];          \
                else                                                                               \
                    ((T *)p->out)[out] = x[best];                                                  \
            }                                                                                      \
    }

POOL(float, f32)
POOL(double, f64)
POOL(int32_t, i32)
POOL(uint8_t, u8)

#define PLANES(T, suffix)                                                                          \
    static void pool_planes_##suffix(void *context, size_t first, size_t last, int worker) {       \
        (void)worker;                                                                              \
        for (size_t plane = first; plane < last; plane++)                                          \
            pool_plane_##suffix(context, plane);                                                   \
    }

PLANES(float, f32)
PLANES(double, f64)
PLANES(int32_t, i32)
PLANES(uint8_t, u8)

static size_t fits(size_t in, size_t kernel, size_t stride) {
    return kernel > 0 && in >= kernel ? (in - kernel) / stride + 1 : 0;
}

static bool pooling_of(const Array *x, const PoolWindow *window, Pooling *p, Error *err) {
    char text[128];
    if (x->ndim != 3 && x->ndim != 4)
        return error_set(err, ERROR_ARGUMENT,
                         "maxpool: expected images (n, c, h, w) or (c, h, w), got shape %s",
                         array_shape_text(x->ndim, x->shape, text));
    *p = (Pooling){ .window = window, .h = x->shape[x->ndim - 2], .w = x->shape[x->ndim - 1] };
    p->oh = fits(p->h, window->kernel[0], window->stride[0]);
    p->ow = fits(p->w, window->kernel[1], window->stride[1]);
    if (p->oh == 0 || p->ow == 0)
        return error_set(err, ERROR_ARGUMENT,
                         "maxpool: a kernel of (%zu, %zu) does not fit into images of shape %s",
                         window->kernel[0], window->kernel[1],
                         array_shape_text(x->ndim, x->shape, text));
    p->shape = array_sizes(x);
    p->shape.size[p->shape.ndim - 2] = p->oh;
    p->shape.size[p->shape.ndim - 1] = p->ow;
    return true;
}

static bool run(const Array *x, Pooling *p, Error *err) {
    static ParallelBody *const planes[DTYPE_COUNT] = { pool_planes_f32, pool_planes_f64,
                                                       pool_planes_i32, pool_planes_u8 };
    size_t count = 1, work = p->oh * p->ow * p->window->kernel[0] * p->window->kernel[1];
    for (int d = 0; d < x->ndim - 2; d++)
        count *= x->shape[d];
    p->x = x->data;
    return parallel_try(count, parallel_piece(PIECE, work), planes[x->dtype], p) ||
           error_interrupted(err, "maxpool");
}

Array *array_maxpool(const Array *x, const PoolWindow *window, Error *err) {
    Pooling p;
    if (!pooling_of(x, window, &p, err))
        return NULL;
    Array *input = array_contiguous("maxpool", x, x->dtype, err);
    Array *y = input ? array_uninitialised("maxpool", x->dtype, &p.shape, err) : NULL;
    bool ok = y != NULL;
    if (ok) {
        p.out = y->data;
        y->origin = x->origin == ORIGIN_MASK ? ORIGIN_MASK : ORIGIN_ARRAY;
        ok = run(input, &p, err);
    }
    array_free(input);
    if (ok)
        return y;
    array_free(y);
    return NULL;
}

Array *array_maxpool_pull(const Array *x, const Array *dy, const PoolWindow *window, Error *err) {
    Pooling p;
    Sizes whole = array_sizes(x);
    if (!pooling_of(x, window, &p, err))
        return NULL;
    Array *input = array_contiguous("maxpool", x, x->dtype, err);
    Array *slope = input ? array_contiguous("maxpool", dy, x->dtype, err) : NULL;
    Array *dx = slope ? array_new("maxpool", x->dtype, &whole, err) : NULL;
    bool ok = dx != NULL;
    if (ok) {
        p.dy = slope->data;
        p.out = dx->data;
        ok = run(input, &p, err);
    }
    array_free(slope);
    array_free(input);
    if (ok)
        return dx;
    array_free(dx);
    return NULL;
}
