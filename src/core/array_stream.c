#include "core/array_stream.h"

#include "core/array.h"
#include "core/fail.h"
#include "core/simd.h"

#include <string.h>

bool sizes_broadcast(const char *where, Sizes *common, const Array *a, Error *err) {
    Sizes wide = { .ndim = a->ndim > common->ndim ? a->ndim : common->ndim };
    for (int d = 1; d <= wide.ndim; d++) {
        size_t m = d <= common->ndim ? common->size[common->ndim - d] : 1;
        size_t n = d <= a->ndim ? a->shape[a->ndim - d] : 1;
        if (m != n && m != 1 && n != 1) {
            char first[128], second[128];
            return error_set(err, ERROR_ARGUMENT, "%s: shapes %s and %s do not broadcast", where,
                             array_shape_text(common->ndim, common->size, first),
                             array_shape_text(a->ndim, a->shape, second));
        }
        wide.size[wide.ndim - d] = m == 1 ? n : m;
    }
    *common = wide;
    return true;
}

bool sizes_take(const Sizes *target, const Sizes *shape) {
    bool fits = shape->ndim <= target->ndim;
    for (int d = 1; fits && d <= shape->ndim; d++) {
        size_t n = shape->size[shape->ndim - d];
        fits = n == 1 || n == target->size[target->ndim - d];
    }
    return fits;
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

Stream stream_of(const Array *a, const Sizes *shape) {
    Stream s = { .dtype = a->dtype, .data = a->data };
    for (int d = 1; d <= shape->ndim; d++) {
        size_t size = shape->size[shape->ndim - d];
        bool own = d <= a->ndim && a->shape[a->ndim - d] == size;
        add_axis(&s, size, own ? a->stride[a->ndim - d] : 0);
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

/* A place in memory and the step, in elements, from one value to the next. */
typedef struct Lane {
    char *at;
    ptrdiff_t step;
} Lane;

/* Types move as bit patterns of their size. */
static void copy_lane(Lane from, Lane to, size_t n, size_t size) {
    if (from.step == 1 && to.step == 1) {
        memcpy(to.at, from.at, n * size);
    } else if (size == sizeof(uint32_t)) {
        const uint32_t *f = (const uint32_t *)from.at;
        uint32_t *t = (uint32_t *)to.at;
        for (size_t i = 0; i < n; i++)
            t[(ptrdiff_t)i * to.step] = f[(ptrdiff_t)i * from.step];
    } else if (size == 1) {
        for (size_t i = 0; i < n; i++)
            to.at[(ptrdiff_t)i * to.step] = from.at[(ptrdiff_t)i * from.step];
    } else {
        const uint64_t *f = (const uint64_t *)from.at;
        uint64_t *t = (uint64_t *)to.at;
        for (size_t i = 0; i < n; i++)
            t[(ptrdiff_t)i * to.step] = f[(ptrdiff_t)i * from.step];
    }
}

/* The stream's elements at a place. */
static Lane lane_at(const Stream *s, const Place *p) {
    return (Lane){ s->data + p->offset * (ptrdiff_t)dtype_size(s->dtype),
                   s->ndim ? s->stride[0] : 0 };
}

static void gather(const Stream *s, Run run, char *to) {
    Place p = place_at(s, run.first);
    size_t size = dtype_size(s->dtype);
    for (size_t done = 0, n; done < run.n; done += n) {
        n = run_length(s, &p, run.n - done);
        copy_lane(lane_at(s, &p), (Lane){ to + done * size, 1 }, n, size);
        advance(s, &p, n);
    }
}

static void scatter(const Stream *s, Run run, const char *from) {
    Place p = place_at(s, run.first);
    size_t size = dtype_size(s->dtype);
    for (size_t done = 0, n; done < run.n; done += n) {
        n = run_length(s, &p, run.n - done);
        copy_lane((Lane){ (char *)from + done * size, 1 }, lane_at(s, &p), n, size);
        advance(s, &p, n);
    }
}

/* Conversions that C leaves undefined get a value: NaN becomes 0, the rest is clamped. */
static inline int32_t int_of(double x) {
    x = x < 2147483647.0 ? x : 2147483647.0 * (x == x);
    return (int32_t)(x > -2147483648.0 ? x : -2147483648.0);
}

static inline uint8_t byte_of(double x) {
    return (uint8_t)(x > 0 ? x < 255.0 ? x : 255.0 : 0.0); /* NaN: 0 */
}

/* y is made of x; `lost` where the type does not hold x. */
#define CONVERSION(name, From, To, made, lost)                                                     \
    SIMD_CLONES static bool name(const void *from, void *to, size_t n) {                           \
        const From *f = from;                                                                      \
        To *t = to;                                                                                \
        int32_t misfits = 0;                                                                       \
        for (size_t i = 0; i < n; i++) {                                                           \
            From x = f[i];                                                                         \
            To y = made;                                                                           \
            misfits |= lost;                                                                       \
            t[i] = y;                                                                              \
        }                                                                                          \
        return !misfits;                                                                           \
    }

CONVERSION(f32_to_f64, float, double, (double)x, 0)
CONVERSION(f32_to_i32, float, int32_t, int_of((double)x), (double)y != (double)x)
CONVERSION(f64_to_f32, double, float, (float)x, (y - y != 0) & (x - x == 0))
CONVERSION(f64_to_i32, double, int32_t, int_of(x), (double)y != x)
CONVERSION(i32_to_f32, int32_t, float, (float)x, 0)
CONVERSION(i32_to_f64, int32_t, double, (double)x, 0)
CONVERSION(u8_to_f32, uint8_t, float, (float)x, 0)
CONVERSION(u8_to_f64, uint8_t, double, (double)x, 0)
CONVERSION(u8_to_i32, uint8_t, int32_t, (int32_t)x, 0)
CONVERSION(f32_to_u8, float, uint8_t, byte_of((double)x), (float)y != x)
CONVERSION(f64_to_u8, double, uint8_t, byte_of(x), (double)y != x)
CONVERSION(i32_to_u8, int32_t, uint8_t, byte_of((double)x), (int32_t)y != x)

static bool copy_8(const void *from, void *to, size_t n) {
    memcpy(to, from, n);
    return true;
}

static bool copy_32(const void *from, void *to, size_t n) {
    memcpy(to, from, n * sizeof(uint32_t));
    return true;
}

static bool copy_64(const void *from, void *to, size_t n) {
    memcpy(to, from, n * sizeof(uint64_t));
    return true;
}

/* From the row's type to the column's, in DType's order. */
Conversion *conversion(DType from, DType to) {
    static Conversion *const table[DTYPE_COUNT][DTYPE_COUNT] = {
        [DTYPE_F32] = { copy_32, f32_to_f64, f32_to_i32, f32_to_u8 },
        [DTYPE_F64] = { f64_to_f32, copy_64, f64_to_i32, f64_to_u8 },
        [DTYPE_I32] = { i32_to_f32, i32_to_f64, copy_32, i32_to_u8 },
        [DTYPE_U8] = { u8_to_f32, u8_to_f64, u8_to_i32, copy_8 },
    };
    return table[from][to];
}

const void *stream_read(const Stream *s, DType dtype, Run run, StreamScratch *scratch) {
    Conversion *convert = conversion(s->dtype, dtype);
    if (s->constant) {
        if (scratch->filled < run.n) {
            convert(s->data, scratch->gathered, 1);
            copy_lane((Lane){ scratch->gathered, 0 }, (Lane){ scratch->converted, 1 }, run.n,
                      dtype_size(dtype));
            scratch->filled = run.n;
        }
        return scratch->converted;
    }
    const char *values = s->data + run.first * dtype_size(s->dtype);
    if (!s->contiguous) {
        gather(s, run, scratch->gathered);
        values = scratch->gathered;
    }
    if (s->dtype == dtype)
        return values;
    convert(values, scratch->converted, run.n);
    return scratch->converted;
}

void *stream_target(const Stream *s, Run run, StreamScratch *scratch) {
    return s->contiguous ? s->data + run.first * dtype_size(s->dtype) : scratch->gathered;
}

void stream_commit(const Stream *s, Run run, const StreamScratch *scratch) {
    if (!s->contiguous)
        scatter(s, run, scratch->gathered);
}

bool stream_misfit(const Array *a, DType dtype, double *value) {
    Sizes shape = array_sizes(a);
    Stream s = stream_of(a, &shape);
    StreamScratch scratch;
    size_t total = array_size(a);
    scratch.filled = 0;
    for (size_t first = 0; first < total; first += STREAM_RUN) {
        Run run = run_at(first, total);
        const double *x = stream_read(&s, DTYPE_F64, run, &scratch);
        for (size_t i = 0; i < run.n; i++)
            // NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): a run is read whole
            if (!dtype_holds(dtype, x[i])) {
                *value = x[i];
                return true;
            }
    }
    return false;
}
