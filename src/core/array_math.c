#include "core/array_math.h"

#include "core/array.h"
#include "core/array_stream.h"
#include "core/fail.h"
#include "core/parallel.h"
#include "core/simd.h"
#include "core/vecmath.h"

#include <string.h>
#include <tgmath.h>

enum { MAX_INPUTS = 3, PIECE = 16 }; /* runs of a piece */

/* Below this many elements waking the workers costs more than they save. */
static const size_t WORTH_SPLITTING = 1 << 16;

/* n elements of each input and of out, contiguous; out may be an input. */
typedef void Kernel(const void *const *in, void *out, size_t n);

typedef enum Result {
    SAME,  /* the inputs' common type */
    FLOAT, /* the same, int32 made float32 first */
    MASK   /* computed in the common type; int32 */
} Result;

typedef enum Trait {
    PLAIN,
    DIVIDES, /* has no int32 result for a zero second input */
    POWER,
    SELECTS /* the first input is a mask, which has no say in the type */
} Trait;

struct ArrayOp {
    const char *name;
    int inputs;
    Result result;
    Trait trait;
    Kernel *kernel[3]; /* by the DType computed in; no int32 where result is FLOAT */
};

/* ---- Kernels: one line an operation. x, y are elements; <tgmath.h> picks sqrtf or sqrt. ------ */

#define UNARY_LOOP(name, In, Out, expression)                                                      \
    SIMD_CLONES static void name(const void *const *in, void *out, size_t n) {                     \
        const In *xs = in[0];                                                                      \
        Out *to = out;                                                                             \
        _Pragma("GCC ivdep") for (size_t i = 0; i < n; i++) {                                      \
            In x = xs[i];                                                                          \
            to[i] = expression;                                                                    \
        }                                                                                          \
    }
#define BINARY_LOOP(name, In, Out, expression)                                                     \
    SIMD_CLONES static void name(const void *const *in, void *out, size_t n) {                     \
        const In *xs = in[0], *ys = in[1];                                                         \
        Out *to = out;                                                                             \
        _Pragma("GCC ivdep") for (size_t i = 0; i < n; i++) {                                      \
            In x = xs[i], y = ys[i];                                                               \
            to[i] = expression;                                                                    \
        }                                                                                          \
    }

#define UNARY(name, on_floats, on_ints)                                                            \
    UNARY_LOOP(name##_f32, float, float, on_floats)                                                \
    UNARY_LOOP(name##_f64, double, double, on_floats)                                              \
    UNARY_LOOP(name##_i32, int32_t, int32_t, on_ints)
#define UNARY_FLOAT(name, expression)                                                              \
    UNARY_LOOP(name##_f32, float, float, expression)                                               \
    UNARY_LOOP(name##_f64, double, double, expression)
#define UNARY_MASK(name, on_floats, on_ints)                                                       \
    UNARY_LOOP(name##_f32, float, int32_t, on_floats)                                              \
    UNARY_LOOP(name##_f64, double, int32_t, on_floats)                                             \
    UNARY_LOOP(name##_i32, int32_t, int32_t, on_ints)
#define BINARY(name, on_floats, on_ints)                                                           \
    BINARY_LOOP(name##_f32, float, float, on_floats)                                               \
    BINARY_LOOP(name##_f64, double, double, on_floats)                                             \
    BINARY_LOOP(name##_i32, int32_t, int32_t, on_ints)
#define BINARY_FLOAT(name, expression)                                                             \
    BINARY_LOOP(name##_f32, float, float, expression)                                              \
    BINARY_LOOP(name##_f64, double, double, expression)
#define BINARY_MASK(name, expression)                                                              \
    BINARY_LOOP(name##_f32, float, int32_t, expression)                                            \
    BINARY_LOOP(name##_f64, double, int32_t, expression)                                           \
    BINARY_LOOP(name##_i32, int32_t, int32_t, expression)

/* int32 wraps: the sums are unsigned, where that is defined. */
#define WRAPPED(expression) ((int32_t)(expression))
#define U(x) ((uint32_t)(x))

/* No operand is 0 here (see refuse_zero); the quotient of INT32_MIN and −1 wraps. */
static inline int32_t floor_div(int32_t x, int32_t y) {
    int64_t q = (int64_t)x / y;
    return (int32_t)(q - ((int64_t)x % y != 0 && (x < 0) != (y < 0)));
}

static inline int32_t floor_mod(int32_t x, int32_t y) {
    int64_t m = (int64_t)x % y;
    return (int32_t)(m != 0 && (m < 0) != (y < 0) ? m + y : m);
}

/* By the signs, not by that of m·y, which can underflow. */
static inline double shifted_mod(double m, double y) {
    return m != 0 && (m < 0) != (y < 0) ? m + y : m;
}

UNARY(neg, -x, WRAPPED(-U(x)))
UNARY(abs, fabs(x), WRAPPED(x < 0 ? -U(x) : U(x)))
UNARY(sign, x > 0 ? 1 : x < 0 ? -1 : x, (x > 0) - (x < 0))
UNARY(square, x *x, WRAPPED(U(x) * U(x)))
UNARY(floor, floor(x), x)
UNARY(ceil, ceil(x), x)
UNARY(round, rint(x), x)
UNARY(trunc, trunc(x), x)
UNARY_FLOAT(sqrt, sqrt(x))
UNARY_FLOAT(expm1, expm1(x))
UNARY_FLOAT(log1p, log1p(x))
UNARY_FLOAT(log2, log2(x))
UNARY_FLOAT(log10, log10(x))
UNARY_FLOAT(sin, sin(x))
UNARY_FLOAT(cos, cos(x))
UNARY_FLOAT(tan, tan(x))
UNARY_MASK(isnan, x != x, x != x)
UNARY_MASK(isinf, fabs(x) == INFINITY, 0 & x)
UNARY_MASK(isfinite, x - x == 0, x - x == 0)
UNARY_MASK(logical_not, x == 0, x == 0)
UNARY_MASK(truth, x != 0, x != 0)
BINARY(add, x + y, WRAPPED(U(x) + U(y)))
BINARY(sub, x - y, WRAPPED(U(x) - U(y)))
BINARY(mul, x *y, WRAPPED(U(x) * U(y)))
BINARY(mod, shifted_mod(fmod(x, y), y), floor_mod(x, y))
BINARY(idiv, floor(x / y), floor_div(x, y))
BINARY(maximum, x > y || x != x ? x : y, x > y ? x : y)
BINARY(minimum, x < y || x != x ? x : y, x < y ? x : y)
BINARY_FLOAT(div, x / y)
BINARY_FLOAT(pow, pow(x, y))
BINARY_MASK(eq, x == y)
BINARY_MASK(ne, x != y)
BINARY_MASK(lt, x < y)
BINARY_MASK(le, x <= y)
BINARY_MASK(gt, x > y)
BINARY_MASK(ge, x >= y)
BINARY_MASK(logical_and, (x != 0) & (y != 0))
BINARY_MASK(logical_or, (x != 0) | (y != 0))
BINARY_MASK(logical_xor, (x != 0) ^ (y != 0))

#define UNARY_VECTOR(name, on_f32, on_f64)                                                         \
    static void name##_f32(const void *const *in, void *out, size_t n) {                           \
        on_f32(in[0], out, n);                                                                     \
    }                                                                                              \
    static void name##_f64(const void *const *in, void *out, size_t n) {                           \
        on_f64(in[0], out, n);                                                                     \
    }

UNARY_VECTOR(exp, vec_expf, vec_exp)
UNARY_VECTOR(log, vec_logf, vec_log)
UNARY_VECTOR(tanh, vec_tanhf, vec_tanh)

#define TERNARY(T, suffix)                                                                         \
    SIMD_CLONES static void where_##suffix(const void *const *in, void *out, size_t n) {           \
        const int32_t *mask = in[0];                                                               \
        const T *xs = in[1], *ys = in[2];                                                          \
        T *to = out;                                                                               \
        _Pragma("GCC ivdep") for (size_t i = 0; i < n; i++) {                                      \
            T x = xs[i], y = ys[i];                                                                \
            to[i] = mask[i] ? x : y;                                                               \
        }                                                                                          \
    }                                                                                              \
    SIMD_CLONES static void clip_##suffix(const void *const *in, void *out, size_t n) {            \
        const T *xs = in[0], *lows = in[1], *highs = in[2];                                        \
        T *to = out;                                                                               \
        _Pragma("GCC ivdep") for (size_t i = 0; i < n; i++) {                                      \
            T low = lows[i], high = highs[i], x = xs[i] < low ? low : xs[i];                       \
            to[i] = x > high ? high : x;                                                           \
        }                                                                                          \
    }

TERNARY(float, f32)
TERNARY(double, f64)
TERNARY(int32_t, i32)

/* clang-format off */
#define OP(name, inputs, result, trait) \
    { #name, inputs, result, trait, { name##_f32, name##_f64, name##_i32 } }
#define FLOAT_OP(name, inputs, trait) \
    { #name, inputs, FLOAT, trait, { name##_f32, name##_f64, NULL } }

static const ArrayOp operations[] = {
    OP(neg, 1, SAME, PLAIN), OP(abs, 1, SAME, PLAIN), OP(sign, 1, SAME, PLAIN),
    OP(square, 1, SAME, PLAIN), OP(floor, 1, SAME, PLAIN), OP(ceil, 1, SAME, PLAIN),
    OP(round, 1, SAME, PLAIN), OP(trunc, 1, SAME, PLAIN),
    FLOAT_OP(sqrt, 1, PLAIN), FLOAT_OP(exp, 1, PLAIN), FLOAT_OP(expm1, 1, PLAIN),
    FLOAT_OP(log, 1, PLAIN), FLOAT_OP(log1p, 1, PLAIN), FLOAT_OP(log2, 1, PLAIN),
    FLOAT_OP(log10, 1, PLAIN), FLOAT_OP(sin, 1, PLAIN), FLOAT_OP(cos, 1, PLAIN),
    FLOAT_OP(tan, 1, PLAIN), FLOAT_OP(tanh, 1, PLAIN),
    OP(isnan, 1, MASK, PLAIN), OP(isinf, 1, MASK, PLAIN), OP(isfinite, 1, MASK, PLAIN),
    OP(logical_not, 1, MASK, PLAIN), OP(truth, 1, MASK, PLAIN),
    OP(add, 2, SAME, PLAIN), OP(sub, 2, SAME, PLAIN), OP(mul, 2, SAME, PLAIN),
    OP(mod, 2, SAME, DIVIDES), OP(idiv, 2, SAME, DIVIDES), FLOAT_OP(div, 2, PLAIN),
    FLOAT_OP(pow, 2, POWER), OP(maximum, 2, SAME, PLAIN), OP(minimum, 2, SAME, PLAIN),
    OP(eq, 2, MASK, PLAIN), OP(ne, 2, MASK, PLAIN), OP(lt, 2, MASK, PLAIN),
    OP(le, 2, MASK, PLAIN), OP(gt, 2, MASK, PLAIN), OP(ge, 2, MASK, PLAIN),
    OP(logical_and, 2, MASK, PLAIN), OP(logical_or, 2, MASK, PLAIN),
    OP(logical_xor, 2, MASK, PLAIN),
    OP(where, 3, SAME, SELECTS), OP(clip, 3, SAME, PLAIN),
};
/* clang-format on */

const ArrayOp *array_op_at(size_t i) {
    return i < sizeof operations / sizeof *operations ? &operations[i] : NULL;
}

const ArrayOp *array_op(const char *name) {
    const ArrayOp *op;
    for (size_t i = 0; (op = array_op_at(i)) && strcmp(op->name, name) != 0; i++)
        ;
    return op;
}

const char *array_op_name(const ArrayOp *op) {
    return op->name;
}

int array_op_inputs(const ArrayOp *op) {
    return op->inputs;
}

bool array_op_is_mask(const ArrayOp *op) {
    return op->result == MASK;
}

/* ---- Running a kernel over arrays ------------------------------------------------------------ */

typedef struct Elementwise {
    Kernel *kernel;
    int inputs;
    Stream in[MAX_INPUTS], out;
    DType compute[MAX_INPUTS], result;
    size_t total;
} Elementwise;

static void run_block(void *context, size_t first_run, size_t last_run, int worker) {
    const Elementwise *e = context;
    StreamScratch scratch[MAX_INPUTS], out_scratch;
    const void *values[MAX_INPUTS] = { NULL };
    (void)worker;
    for (int k = 0; k < MAX_INPUTS; k++)
        scratch[k].filled = 0;
    for (size_t run = first_run; run < last_run; run++) {
        size_t first = run * STREAM_RUN, left = e->total - first;
        size_t n = left < STREAM_RUN ? left : STREAM_RUN;
        for (int k = 0; k < e->inputs; k++)
            values[k] = stream_read(&e->in[k], e->compute[k], first, n, &scratch[k]);
        e->kernel(values, stream_target(&e->out, e->result, first, &out_scratch), n);
        stream_commit(&e->out, e->result, first, n, &out_scratch);
    }
}

static void run(Elementwise *e) {
    size_t runs = (e->total + STREAM_RUN - 1) / STREAM_RUN;
    if (e->total < WORTH_SPLITTING)
        run_block(e, 0, runs, 0);
    else
        parallel_for(runs, PIECE, run_block, e);
}

static DType compute_type(const ArrayOp *op, const Array *const *in) {
    int first = op->trait == SELECTS;
    DType dtype = in[first]->dtype;
    for (int k = first + 1; k < op->inputs; k++)
        dtype = dtype_promote(dtype, in[k]->dtype);
    return dtype == DTYPE_I32 && op->result == FLOAT ? DTYPE_F32 : dtype;
}

static DType result_type(const ArrayOp *op, DType compute) {
    return op->result == MASK ? DTYPE_I32 : compute;
}

/* x % 0 and x // 0 have no int32 result. */
static bool refuse_zero(const ArrayOp *op, DType compute, const Array *const *in, Error *err) {
    const Array *divisor = in[op->inputs - 1];
    if (op->trait != DIVIDES || compute != DTYPE_I32)
        return true;
    Stream s = stream_of(divisor, divisor->ndim, divisor->shape);
    StreamScratch scratch;
    scratch.filled = 0;
    size_t total = array_size(divisor);
    for (size_t first = 0; first < total; first += STREAM_RUN) {
        size_t n = total - first < STREAM_RUN ? total - first : STREAM_RUN;
        const int32_t *values = stream_read(&s, DTYPE_I32, first, n, &scratch);
        for (size_t i = 0; i < n; i++)
            if (values[i] == 0)
                return error_set(err, ERROR_ARGUMENT, "%s: int32 division by zero", op->name);
    }
    return true;
}

/* x ^ 2 is what most powers are. */
static Kernel *choose_kernel(const ArrayOp *op, DType compute, const Array *const *in) {
    if (op->trait == POWER && in[1]->ndim == 0 && array_get(in[1], NULL) == 2)
        return compute == DTYPE_F32 ? square_f32 : square_f64;
    return op->kernel[compute];
}

static void start(Elementwise *e, const ArrayOp *op, DType compute, const Array *const *in,
                  const Array *out) {
    *e = (Elementwise){ .kernel = choose_kernel(op, compute, in), .inputs = op->inputs };
    for (int k = 0; k < op->inputs; k++) {
        e->in[k] = stream_of(in[k], out->ndim, out->shape);
        e->compute[k] = op->trait == SELECTS && k == 0 ? DTYPE_I32 : compute;
    }
    e->out = stream_of(out, out->ndim, out->shape);
    e->result = result_type(op, compute);
    e->total = array_size(out);
}

/* The shape of all inputs together, as a header without data. */
static bool common_shape(const ArrayOp *op, const Array *const *in, Array *common, Error *err) {
    *common = *in[0];
    for (int k = 1; k < op->inputs; k++) {
        size_t shape[ARRAY_MAX_DIMS];
        int ndim;
        if (!stream_broadcast(op->name, common, in[k], &ndim, shape, err))
            return false;
        common->ndim = ndim;
        memcpy(common->shape, shape, (size_t)ndim * sizeof *shape);
    }
    return true;
}

/* where's mask as int32: 0.5 is true, and truncation must not lose it. */
static Array *mask_of(const Array *mask, Error *err) {
    if (mask->dtype == DTYPE_I32)
        return array_share(mask, err);
    return array_unary("truth", mask, err);
}

static Array *apply(const ArrayOp *op, const Array *const *in, Error *err) {
    Array common;
    DType compute = compute_type(op, in);
    if (!common_shape(op, in, &common, err) || !refuse_zero(op, compute, in, err))
        return NULL;
    Array *out =
        array_uninitialised(op->name, result_type(op, compute), common.ndim, common.shape, err);
    if (!out)
        return NULL;
    Elementwise e;
    start(&e, op, compute, in, out);
    run(&e);
    return out;
}

Array *array_apply(const ArrayOp *op, const Array *const *in, Error *err) {
    if (op->trait != SELECTS)
        return apply(op, in, err);
    Array *mask = mask_of(in[0], err);
    if (!mask)
        return NULL;
    Array *out = apply(op, (const Array *[]){ mask, in[1], in[2] }, err);
    array_free(mask);
    return out;
}

static bool fits_into(const ArrayOp *op, DType result, const Array *common, const Array *out,
                      Error *err) {
    char first[128], second[128];
    bool fits = common->ndim <= out->ndim;
    for (int d = 1; fits && d <= common->ndim; d++) {
        size_t n = common->shape[common->ndim - d];
        fits = n == 1 || n == out->shape[out->ndim - d];
    }
    if (!fits)
        return error_set(err, ERROR_ARGUMENT, "%s_: a result of shape %s does not fit into %s",
                         op->name, array_shape_text(common->ndim, common->shape, first),
                         array_shape_text(out->ndim, out->shape, second));
    if (out->dtype == DTYPE_I32 && result != DTYPE_I32)
        return error_set(err, ERROR_ARGUMENT,
                         "%s_: a result of type %s does not go into an i32 array; use astype",
                         op->name, dtype_name(result));
    return true;
}

static bool same_layout(const Array *a, const Array *b) {
    return a->data == b->data && a->dtype == b->dtype && array_same_shape(a, b) &&
           memcmp(a->stride, b->stride, (size_t)a->ndim * sizeof *a->stride) == 0;
}

bool array_apply_into(const ArrayOp *op, const Array *const *in, Array *out, Error *err) {
    Array common, *copies[MAX_INPUTS] = { NULL };
    const Array *safe[MAX_INPUTS] = { NULL };
    DType compute = compute_type(op, in);
    bool ok = common_shape(op, in, &common, err) &&
              fits_into(op, result_type(op, compute), &common, out, err) &&
              refuse_zero(op, compute, in, err);
    /* An input that overlaps out in another order would be read after it was written. */
    for (int k = 0; ok && k < op->inputs; k++) {
        safe[k] = in[k];
        if (in[k]->buffer == out->buffer && !same_layout(in[k], out))
            ok = (safe[k] = copies[k] = array_copy(op->name, in[k], err)) != NULL;
    }
    if (ok) {
        Elementwise e;
        start(&e, op, compute, safe, out);
        run(&e);
    }
    for (int k = 0; k < MAX_INPUTS; k++)
        array_free(copies[k]);
    return ok;
}

Array *array_binary(const char *op, const Array *a, const Array *b, Error *err) {
    const Array *in[MAX_INPUTS] = { a, b, NULL };
    return array_apply(array_op(op), in, err);
}

Array *array_unary(const char *op, const Array *a, Error *err) {
    const Array *in[MAX_INPUTS] = { a, NULL, NULL };
    return array_apply(array_op(op), in, err);
}
