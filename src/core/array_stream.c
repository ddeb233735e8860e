#include "core/array_stream.h"

#include "core/array.h"
#include "core/fail.h"
#include "core/simd.h"

#include <string.h>

DType dtype_promote(DType a, DType b) {
    if (a == DTYPE_F64 || b == DTYPE_F64)
        return DTYPE_F64;
    return a == DTYPE_F32 || b == DTYPE_F32 ? DTYPE_F32 : DTYPE_I32;
}

bool stream_broadcast(const char *where, const Array *a, const Array *b, int *ndim,
                      size_t shape[ARRAY_MAX_DIMS], Error *err) {
    *ndim = a->ndim > b->ndim ? a->ndim : b->ndim;
    for (int d = 1; d <= *ndim; d++) {
        size_t m = d <= a->ndim ? a->shape[a->ndim - d] : 1;
        size_t n = d <= b->ndim ? b->shape[b->ndim - d] : 1;
        if (m != n && m != 1 && n != 1) {
            char first[128], second[128];
            return error_set(err, ERROR_ARGUMENT, "%s: shapes %s and %s do not broadcast", where,
                             array_shape_text(a->ndim, a->shape, first),
                             array_shape_text(b->ndim, b->shape, second));
        }
        shape[*ndim - d] = m == 1 ? n : m;
    }
    return true;
}

/* Append an axis outside the ones that are there (they are kept innermost first), or merge it into
 * the outermost of them where the two are walked with one stride. */
static void add_axis(Stream *s, size_t size, ptrdiff_t stride) {
    if (size == 1)
        return;
    int last = s->ndim - 1;
    if (s->ndim && stride == s->stride[last] * (ptrdiff_t)s->shape[last]) {
        s->shape[last] *= size;
        return;
    }
    s->shape[s->ndim] = size;
    s->stride[s->ndim++] = stride;
}

Stream stream_of(const Array *a, int ndim, const size_t *shape) {
    Stream s = { .dtype = a->dtype, .data = a->data };
    for (int d = 1; d <= ndim; d++) {
        bool own = d <= a->ndim && a->shape[a->ndim - d] == shape[ndim - d];
        add_axis(&s, shape[ndim - d], own ? a->stride[a->ndim - d] : 0);
    }
    s.constant = s.ndim == 0 || (s.ndim == 1 && s.stride[0] == 0);
    s.contiguous = s.ndim == 0 || (s.ndim == 1 && s.stride[0] == 1);
    return s;
}

/* A place in a stream: the index along each axis, innermost first, and its offset in elements. */
typedef struct Place {
    size_t index[ARRAY_MAX_DIMS];
    ptrdiff_t offset;
} Place;

static Place place_at(const Stream *s, size_t element) {
    Place p = { .offset = 0 };
    for (int d = 0; d < s->ndim; d++) {
        p.index[d] = element % s->shape[d];
        element /= s->shape[d];
        p.offset += (ptrdiff_t)p.index[d] * s->stride[d];
    }
    return p;
}

/* Elements from here to the end of the innermost axis, at most n. */
static size_t run_length(const Stream *s, const Place *p, size_t n) {
    size_t left = s->ndim ? s->shape[0] - p->index[0] : 1;
    return left < n ? left : n;
}

static void advance(const Stream *s, Place *p, size_t run) {
    p->offset += (ptrdiff_t)run * (s->ndim ? s->stride[0] : 0);
    p->index[0] += run;
    for (int d = 0; d + 1 < s->ndim && p->index[d] == s->shape[d]; d++) {
        p->offset += s->stride[d + 1] - (ptrdiff_t)s->shape[d] * s->stride[d];
        p->index[d] = 0;
        p->index[d + 1]++;
    }
}

/* Types move as bit patterns of their size. */
static void copy_strided(const void *from, ptrdiff_t from_step, void *to, ptrdiff_t to_step,
                         size_t n, size_t size) {
    if (from_step == 1 && to_step == 1) {
        memcpy(to, from, n * size);
    } else if (size == sizeof(uint32_t)) {
        const uint32_t *f = from;
        uint32_t *t = to;
        for (size_t i = 0; i < n; i++)
            t[(ptrdiff_t)i * to_step] = f[(ptrdiff_t)i * from_step];
    } else {
        const uint64_t *f = from;
        uint64_t *t = to;
        for (size_t i = 0; i < n; i++)
            t[(ptrdiff_t)i * to_step] = f[(ptrdiff_t)i * from_step];
    }
}

static void gather(const Stream *s, size_t first, size_t n, char *to) {
    Place p = place_at(s, first);
    size_t size = dtype_size(s->dtype);
    for (size_t done = 0, run; done < n; done += run) {
        run = run_length(s, &p, n - done);
        copy_strided(s->data + p.offset * (ptrdiff_t)size, s->ndim ? s->stride[0] : 0,
                     to + done * size, 1, run, size);
        advance(s, &p, run);
    }
}

static void scatter(const Stream *s, size_t first, size_t n, const char *from) {
    Place p = place_at(s, first);
    size_t size = dtype_size(s->dtype);
    for (size_t done = 0, run; done < n; done += run) {
        run = run_length(s, &p, n - done);
        copy_strided(from + done * size, 1, s->data + p.offset * (ptrdiff_t)size,
                     s->ndim ? s->stride[0] : 0, run, size);
        advance(s, &p, run);
    }
}

/* Conversions that C leaves undefined get a value: NaN becomes 0, the rest is clamped. */
static inline int32_t int_of(double x) {
    x = x < 2147483647.0 ? x : 2147483647.0 * (x == x);
    return (int32_t)(x > -2147483648.0 ? x : -2147483648.0);
}

#define CONVERSION(name, From, To, expression)                                                     \
    SIMD_CLONES static void name(const void *from, void *to, size_t n) {                           \
        const From *f = from;                                                                      \
        To *t = to;                                                                                \
        for (size_t i = 0; i < n; i++) {                                                           \
            From x = f[i];                                                                         \
            t[i] = expression;                                                                     \
        }                                                                                          \
    }

CONVERSION(f32_to_f64, float, double, (double)x)
CONVERSION(f32_to_i32, float, int32_t, int_of((double)x))
CONVERSION(f64_to_f32, double, float, (float)x)
CONVERSION(f64_to_i32, double, int32_t, int_of(x))
CONVERSION(i32_to_f32, int32_t, float, (float)x)
CONVERSION(i32_to_f64, int32_t, double, (double)x)

static void convert(DType from, const void *values, DType to, void *out, size_t n) {
    static void (*const table[3][3])(const void *, void *, size_t) = {
        [DTYPE_F32] = { [DTYPE_F64] = f32_to_f64, [DTYPE_I32] = f32_to_i32 },
        [DTYPE_F64] = { [DTYPE_F32] = f64_to_f32, [DTYPE_I32] = f64_to_i32 },
        [DTYPE_I32] = { [DTYPE_F32] = i32_to_f32, [DTYPE_F64] = i32_to_f64 },
    };
    if (from == to)
        memcpy(out, values, n * dtype_size(to));
    else
        table[from][to](values, out, n);
}

const void *stream_read(const Stream *s, DType dtype, size_t first, size_t n,
                        StreamScratch *scratch) {
    if (s->constant) {
        if (scratch->filled < n) {
            copy_strided(s->data, 0, scratch->gathered, 1, n, dtype_size(s->dtype));
            convert(s->dtype, scratch->gathered, dtype, scratch->converted, n);
            scratch->filled = n;
        }
        return scratch->converted;
    }
    const char *values = s->data + first * dtype_size(s->dtype);
    if (!s->contiguous) {
        gather(s, first, n, scratch->gathered);
        values = scratch->gathered;
    }
    if (s->dtype == dtype)
        return values;
    convert(s->dtype, values, dtype, scratch->converted, n);
    return scratch->converted;
}

void *stream_target(const Stream *s, DType dtype, size_t first, StreamScratch *scratch) {
    if (s->contiguous && s->dtype == dtype)
        return s->data + first * dtype_size(dtype);
    return scratch->gathered;
}

void stream_commit(const Stream *s, DType dtype, size_t first, size_t n, StreamScratch *scratch) {
    if (s->contiguous && s->dtype == dtype)
        return;
    const char *values = scratch->gathered;
    if (s->dtype != dtype) {
        convert(dtype, values, s->dtype, scratch->converted, n);
        values = scratch->converted;
    }
    scatter(s, first, n, values);
}
