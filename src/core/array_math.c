#include "core/array_math.h"

#include "core/array.h"
#include "core/array_stream.h"
#include "core/array_transfer.h"
#include "core/fail.h"
#include "core/parallel.h"
#include "core/simd.h"
#include "core/vecmath.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <tgmath.h>

enum { MAX_INPUTS = 3, PIECE = 64 }; /* runs of a piece */

/* Below this many elements waking the workers costs more than they save. */
static const size_t WORTH_SPLITTING = 1 << 16;

/* n elements of each input and of out, contiguous; out may be an input. False if an int32 result
 * overflowed, in whose place out then has some value. */
typedef bool Kernel(const void *const *in, void *out, size_t n);

typedef enum Trait {
    PLAIN,
    DIVIDES, /* has no int32 result for a zero second input */
    POWER,
    SELECTS /* the first input is a mask, which has no say in the type */
} Trait;

struct ArrayOp {
    const char *name;
    int inputs;
    ResultKind result;
    Trait trait;
    Kernel *kernel[DTYPE_COUNT]; /* by the DType computed in; no int32 where that is RESULT_FLOAT,
                                    u8 where elements are only chosen */
};

/* ---- Kernels: one line an operation. x, y are elements; <tgmath.h> picks sqrtf or sqrt. ------ */

/* `overflows` is negative for an int32 element that overflowed; of floats nothing does. */
#define UNARY_LOOP(name, In, Out, expression, overflows)                                           \
    SIMD_CLONES static bool name(const void *const *in, void *out, size_t n) {                     \
        const In *xs = in[0];                                                                      \
        Out *to = out;                                                                             \
        int32_t bad = 0;                                                                           \
        _Pragma("GCC ivdep") for (size_t i = 0; i < n; i++) {                                      \
            /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): an op has its inputs */        \
            In x = xs[i];                                                                          \
            bad |= overflows;                                                                      \
            to[i] = expression;                                                                    \
        }                                                                                          \
        return bad >= 0;                                                                           \
    }
#define BINARY_LOOP(name, In, Out, expression, overflows)                                          \
    SIMD_CLONES static bool name(const void *const *in, void *out, size_t n) {                     \
        const In *xs = in[0], *ys = in[1];                                                         \
        Out *to = out;                                                                             \
        int32_t bad = 0;                                                                           \
        _Pragma("GCC ivdep") for (size_t i = 0; i < n; i++) {                                      \
            /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): an op has its inputs */        \
            In x = xs[i], y = ys[i];                                                               \
            bad |= overflows;                                                                      \
            to[i] = expression;                                                                    \
        }                                                                                          \
        return bad >= 0;                                                                           \
    }

#define UNARY_FLOAT(name, expression)                                                              \
    UNARY_LOOP(name##_f32, float, float, expression, 0)                                            \
    UNARY_LOOP(name##_f64, double, double, expression, 0)
#define UNARY(name, on_floats, on_ints, overflows)                                                 \
    UNARY_FLOAT(name, on_floats)                                                                   \
    UNARY_LOOP(name##_i32, int32_t, int32_t, on_ints, overflows)
#define UNARY_MASK(name, on_floats, on_ints)                                                       \
    UNARY_LOOP(name##_f32, float, int32_t, on_floats, 0)                                           \
    UNARY_LOOP(name##_f64, double, int32_t, on_floats, 0)                                          \
    UNARY_LOOP(name##_i32, int32_t, int32_t, on_ints, 0)
#define BINARY_FLOAT(name, expression)                                                             \
    BINARY_LOOP(name##_f32, float, float, expression, 0)                                           \
    BINARY_LOOP(name##_f64, double, double, expression, 0)
#define BINARY(name, on_floats, on_ints, overflows)                                                \
    BINARY_FLOAT(name, on_floats)                                                                  \
    BINARY_LOOP(name##_i32, int32_t, int32_t, on_ints, overflows)
#define BINARY_MASK(name, expression)                                                              \
    BINARY_LOOP(name##_f32, float, int32_t, expression, 0)                                         \
    BINARY_LOOP(name##_f64, double, int32_t, expression, 0)                                        \
    BINARY_LOOP(name##_i32, int32_t, int32_t, expression, 0)

/* The wrapped result of int32 is unsigned arithmetic, where that is defined. The sum of two numbers
 * has overflowed if its sign differs from both of theirs (for a difference: y's inverted). */
#define WRAPPED(expression) ((int32_t)(expression))
#define U(x) ((uint32_t)(x))
#define ADD_OVERFLOWS ((x ^ WRAPPED(U(x) + U(y))) & (y ^ WRAPPED(U(x) + U(y))))
#define SUB_OVERFLOWS ((x ^ WRAPPED(U(x) - U(y))) & (x ^ y))
#define MUL_OVERFLOWS (-((int64_t)x * y != WRAPPED(U(x) * U(y))))
#define SQUARE_OVERFLOWS (-(x > 46340 || x < -46340))
#define NEG_OVERFLOWS (-(x == INT32_MIN))
#define DIV_OVERFLOWS (-(x == INT32_MIN && y == -1))

/* No operand is 0 here (see refuse_zero). */
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

UNARY(neg, -x, WRAPPED(-U(x)), NEG_OVERFLOWS)
UNARY(abs, fabs(x), WRAPPED(x < 0 ? -U(x) : U(x)), NEG_OVERFLOWS)
UNARY(sign, x > 0 ? 1 : x < 0 ? -1 : x, (x > 0) - (x < 0), 0)
UNARY(square, x *x, WRAPPED(U(x) * U(x)), SQUARE_OVERFLOWS)
UNARY(floor, floor(x), x, 0)
UNARY(ceil, ceil(x), x, 0)
UNARY(round, rint(x), x, 0)
UNARY(trunc, trunc(x), x, 0)
UNARY(relu, x < 0 ? 0 : x, x < 0 ? 0 : x, 0)
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
BINARY(add, x + y, WRAPPED(U(x) + U(y)), ADD_OVERFLOWS)
BINARY(sub, x - y, WRAPPED(U(x) - U(y)), SUB_OVERFLOWS)
BINARY_FLOAT(mul, x *y)
BINARY_LOOP(mul_checked, int32_t, int32_t, WRAPPED(U(x) * U(y)), MUL_OVERFLOWS)
BINARY_LOOP(mul_small, int32_t, int32_t, x *y, 0)
BINARY(mod, shifted_mod(fmod(x, y), y), floor_mod(x, y), 0)
BINARY(idiv, floor(x / y), floor_div(x, y), DIV_OVERFLOWS)
BINARY(maximum, x > y || x != x ? x : y, x > y ? x : y, 0)
BINARY(minimum, x < y || x != x ? x : y, x < y ? x : y, 0)
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
    static bool name##_f32(const void *const *in, void *out, size_t n) {                           \
        on_f32(in[0], out, n);                                                                     \
        return true;                                                                               \
    }                                                                                              \
    static bool name##_f64(const void *const *in, void *out, size_t n) {                           \
        on_f64(in[0], out, n);                                                                     \
        return true;                                                                               \
    }

UNARY_VECTOR(exp, vec_expf, vec_exp)
UNARY_VECTOR(log, vec_logf, vec_log)
UNARY_VECTOR(tanh, vec_tanhf, vec_tanh)

/* Those that follow from e = exp(−|x|), which does not overflow; a part at a time, since out may be
 * x itself. */
enum { PART = 256 };
#define FROM_DECAY_LOOP(name, T, vec_of, expression)                                               \
    SIMD_CLONES static bool name(const void *const *in, void *out, size_t n) {                     \
        T *to = out, decay[PART];                                                                  \
        for (size_t first = 0; first < n; first += PART) {                                         \
            const T *xs = (const T *)in[0] + first;                                                \
            size_t count = n - first < PART ? n - first : PART;                                    \
            for (size_t i = 0; i < count; i++)                                                     \
                decay[i] = -fabs(xs[i]);                                                           \
            vec_of(decay, decay, count);                                                           \
            for (size_t i = 0; i < count; i++) {                                                   \
                T x = xs[i], e = decay[i];                                                         \
                to[first + i] = expression;                                                        \
            }                                                                                      \
        }                                                                                          \
        return true;                                                                               \
    }
#define FROM_DECAY(name, expression)                                                               \
    FROM_DECAY_LOOP(name##_f32, float, vec_expf, expression)                                       \
    FROM_DECAY_LOOP(name##_f64, double, vec_exp, expression)

FROM_DECAY(sigmoid, (x >= 0 ? 1 : e) / (1 + e))
FROM_DECAY(softplus, (x > 0 ? x : 0) + log1p(e))

#define WHERE(T, suffix)                                                                           \
    SIMD_CLONES static bool where_##suffix(const void *const *in, void *out, size_t n) {           \
        const int32_t *mask = in[0];                                                               \
        const T *xs = in[1], *ys = in[2];                                                          \
        T *to = out;                                                                               \
        _Pragma("GCC ivdep") for (size_t i = 0; i < n; i++) {                                      \
            T x = xs[i], y = ys[i];                                                                \
            to[i] = mask[i] ? x : y;                                                               \
        }                                                                                          \
        return true;                                                                               \
    }
#define CLIP(T, suffix)                                                                            \
    SIMD_CLONES static bool clip_##suffix(const void *const *in, void *out, size_t n) {            \
        const T *xs = in[0], *lows = in[1], *highs = in[2];                                        \
        T *to = out;                                                                               \
        _Pragma("GCC ivdep") for (size_t i = 0; i < n; i++) {                                      \
            T low = lows[i], high = highs[i], x = xs[i] < low ? low : xs[i];                       \
            to[i] = x > high ? high : x;                                                           \
        }                                                                                          \
        return true;                                                                               \
    }

WHERE(float, f32)
WHERE(double, f64)
WHERE(int32_t, i32)
WHERE(uint8_t, u8)
CLIP(float, f32)
CLIP(double, f64)
CLIP(int32_t, i32)

/* One more than the greatest magnitude, or up to twice that. */
SIMD_CLONES static int64_t magnitude(const int32_t *x, size_t n) {
    uint32_t bits = 0;
    for (size_t i = 0; i < n; i++)
        bits |= U(x[i] ^ (x[i] < 0 ? -1 : 0));
    return (int64_t)bits + 1;
}

/* Products are mostly small; to check each is what takes long. */
static bool mul_i32(const void *const *in, void *out, size_t n) {
    bool small = magnitude(in[0], n) * magnitude(in[1], n) <= INT32_MAX;
    return (small ? mul_small : mul_checked)(in, out, n);
}

/* clang-format off */
#define OP(name, inputs, result, trait) \
    { #name, inputs, result, trait, { name##_f32, name##_f64, name##_i32 } }
#define SAME(name, inputs, trait) OP(name, inputs, RESULT_SAME, trait)
#define MASK(name, inputs) OP(name, inputs, RESULT_MASK, PLAIN)
#define FLOAT(name, inputs, trait) \
    { #name, inputs, RESULT_FLOAT, trait, { name##_f32, name##_f64, NULL } }

static const ArrayOp operations[] = {
    SAME(neg, 1, PLAIN), SAME(abs, 1, PLAIN), SAME(sign, 1, PLAIN),
    SAME(square, 1, PLAIN), SAME(floor, 1, PLAIN), SAME(ceil, 1, PLAIN),
    SAME(round, 1, PLAIN), SAME(trunc, 1, PLAIN), SAME(relu, 1, PLAIN),
    FLOAT(sqrt, 1, PLAIN), FLOAT(exp, 1, PLAIN), FLOAT(expm1, 1, PLAIN),
    FLOAT(log, 1, PLAIN), FLOAT(log1p, 1, PLAIN), FLOAT(log2, 1, PLAIN),
    FLOAT(log10, 1, PLAIN), FLOAT(sin, 1, PLAIN), FLOAT(cos, 1, PLAIN),
    FLOAT(tan, 1, PLAIN), FLOAT(tanh, 1, PLAIN), FLOAT(sigmoid, 1, PLAIN),
    FLOAT(softplus, 1, PLAIN),
    MASK(isnan, 1), MASK(isinf, 1), MASK(isfinite, 1),
    MASK(logical_not, 1), MASK(truth, 1),
    SAME(add, 2, PLAIN), SAME(sub, 2, PLAIN), SAME(mul, 2, PLAIN),
    SAME(mod, 2, DIVIDES), SAME(idiv, 2, DIVIDES), FLOAT(div, 2, PLAIN),
    FLOAT(pow, 2, POWER), SAME(maximum, 2, PLAIN), SAME(minimum, 2, PLAIN),
    MASK(eq, 2), MASK(ne, 2), MASK(lt, 2),
    MASK(le, 2), MASK(gt, 2), MASK(ge, 2),
    MASK(logical_and, 2), MASK(logical_or, 2),
    MASK(logical_xor, 2),
    { "where", 3, RESULT_CHOSEN, SELECTS, { where_f32, where_f64, where_i32, where_u8 } },
    SAME(clip, 3, PLAIN),
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
    return op->result == RESULT_MASK;
}

bool array_op_selects(const ArrayOp *op) {
    return op->trait == SELECTS;
}

/* ---- Running a kernel over arrays ------------------------------------------------------------ */

typedef struct Elementwise {
    Kernel *kernel;
    int inputs;
    Stream in[MAX_INPUTS], out;
    DType compute[MAX_INPUTS];
    size_t total;
    atomic_bool overflowed;
} Elementwise;

static void run_block(void *context, size_t first_run, size_t last_run, int worker) {
    Elementwise *e = context;
    StreamScratch scratch[MAX_INPUTS], out_scratch;
    const void *values[MAX_INPUTS] = { NULL };
    bool ok = true;
    (void)worker;
    for (int k = 0; k < MAX_INPUTS; k++)
        scratch[k].filled = 0;
    for (size_t i = first_run; i < last_run; i++) {
        Run run = run_at(i * STREAM_RUN, e->total);
        for (int k = 0; k < e->inputs; k++)
            values[k] = stream_read(&e->in[k], e->compute[k], run, &scratch[k]);
        ok &= e->kernel(values, stream_target(&e->out, run, &out_scratch), run.n);
        stream_commit(&e->out, run, &out_scratch);
    }
    if (!ok)
        atomic_store(&e->overflowed, true);
}

/* x ^ 2 is what most powers are. */
static Kernel *choose_kernel(const ArrayOp *op, DType compute, const Array *const *in) {
    if (op->trait == POWER && in[1]->ndim == 0 && array_get(in[1], NULL) == 2)
        return compute == DTYPE_F32 ? square_f32 : square_f64;
    return op->kernel[compute];
}

static Elementwise elementwise(const ArrayOp *op, DType compute, const Array *const *in,
                               Array *out) {
    Sizes shape = array_sizes(out);
    Elementwise e = { .kernel = choose_kernel(op, compute, in),
                      .inputs = op->inputs,
                      .out = stream_of(out, &shape),
                      .total = array_size(out) };
    for (int k = 0; k < op->inputs; k++) {
        e.in[k] = stream_of(in[k], &shape);
        e.compute[k] = op->trait == SELECTS && k == 0 ? DTYPE_I32 : compute;
    }
    return e;
}

/* Compute into `out`, which has the type of the result and is done with all of it. False if an
 * int32 result overflowed. */
static bool compute_into(const ArrayOp *op, DType compute, const Array *const *in, Array *out) {
    Elementwise e = elementwise(op, compute, in, out);
    size_t runs = parallel_pieces(e.total, STREAM_RUN);
    if (e.total < WORTH_SPLITTING)
        run_block(&e, 0, runs, 0);
    else
        parallel_for(runs, PIECE, run_block, &e);
    return !e.overflowed;
}

typedef enum Outcome { COMPUTED, OVERFLOWED, GIVEN_UP } Outcome;

/* The same into an array that nobody else has seen, so that it may give up after an interrupt. */
static Outcome compute_new(const ArrayOp *op, DType compute, const Array *const *in, Array *out) {
    Elementwise e = elementwise(op, compute, in, out);
    size_t runs = parallel_pieces(e.total, STREAM_RUN);
    if (e.total < WORTH_SPLITTING)
        run_block(&e, 0, runs, 0);
    else if (!parallel_try(runs, PIECE, run_block, &e))
        return GIVEN_UP;
    return e.overflowed ? OVERFLOWED : COMPUTED;
}

/* ---- Types and shapes ------------------------------------------------------------------------ */

/* The operands that have a say in the type; *count of them. */
static const Array *const *typed(const ArrayOp *op, const Array *const *in, size_t *count) {
    int first = op->trait == SELECTS;
    *count = (size_t)(op->inputs - first);
    return in + first;
}

/* The type to compute in. A number that it does not hold is refused, but for comparisons, which
 * know the answer. */
static bool compute_dtype(const ArrayOp *op, const Array *const *in, DType *compute, Error *err) {
    size_t count;
    double misfit;
    const Array *const *operands = typed(op, in, &count);
    *compute = op->result == RESULT_CHOSEN ? array_chosen_dtype(operands, count)
                                           : array_common_dtype(operands, count);
    if (op->result == RESULT_FLOAT)
        *compute = result_dtype(RESULT_FLOAT, *compute);
    for (size_t k = 0; k < count; k++)
        if (array_is_plain(operands[k]) && stream_misfit(operands[k], *compute, &misfit)) {
            if (op->result != RESULT_MASK)
                return dtype_refuse(op->name, *compute, misfit, err);
            *compute = DTYPE_F64;
        }
    return true;
}

static Origin result_origin(const ArrayOp *op, const Array *const *in) {
    size_t count;
    const Array *const *operands = typed(op, in, &count);
    bool mask = op->result == RESULT_MASK || (op->trait == SELECTS && array_masks(operands, count));
    return mask ? ORIGIN_MASK : ORIGIN_ARRAY;
}

/* x % 0 and x // 0 have no int32 result. */
static bool refuse_zero(const ArrayOp *op, DType compute, const Array *const *in, Error *err) {
    const Array *divisor = in[op->inputs - 1];
    if (op->trait != DIVIDES || compute != DTYPE_I32)
        return true;
    Sizes shape = array_sizes(divisor);
    Stream s = stream_of(divisor, &shape);
    StreamScratch scratch;
    scratch.filled = 0;
    size_t total = array_size(divisor);
    for (size_t first = 0; first < total; first += STREAM_RUN) {
        Run run = run_at(first, total);
        const int32_t *values = stream_read(&s, DTYPE_I32, run, &scratch);
        for (size_t i = 0; i < run.n; i++)
            if (values[i] == 0)
                return error_set(err, ERROR_ARGUMENT, "%s: int32 division by zero", op->name);
    }
    return true;
}

static bool common_shape(const ArrayOp *op, const Array *const *in, Sizes *shape, Error *err) {
    *shape = array_sizes(in[0]);
    for (int k = 1; k < op->inputs; k++)
        // NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): the op has so many
        if (!sizes_broadcast(op->name, shape, in[k], err))
            return false;
    return true;
}

/* ---- Applying -------------------------------------------------------------------------------- */

/* A result that overflowed, in the type that has room for it, to be named in the message. */
static void refuse_overflow(const ArrayOp *op, const Array *const *in, const Sizes *shape,
                            Error *err) {
    double misfit;
    Array *wide = array_uninitialised(op->name, DTYPE_F64, shape, err);
    if (!wide)
        return;
    compute_into(op, DTYPE_F64, in, wide);
    if (stream_misfit(wide, DTYPE_I32, &misfit))
        dtype_refuse(op->name, DTYPE_I32, misfit, err);
    array_free(wide);
}

static Array *apply(const ArrayOp *op, const Array *const *in, Error *err) {
    Sizes shape;
    DType compute;
    if (!common_shape(op, in, &shape, err) || !compute_dtype(op, in, &compute, err) ||
        !refuse_zero(op, compute, in, err))
        return NULL;
    Array *out = array_uninitialised(op->name, result_dtype(op->result, compute), &shape, err);
    if (!out)
        return NULL;
    Outcome outcome = compute_new(op, compute, in, out);
    out->origin = result_origin(op, in);
    if (outcome == COMPUTED)
        return out;
    array_free(out);
    if (outcome == OVERFLOWED)
        refuse_overflow(op, in, &shape, err);
    else
        error_interrupted(err, op->name);
    return NULL;
}

Array *array_apply(const ArrayOp *op, const Array *const *in, Error *err) {
    if (op->trait != SELECTS || in[0]->dtype == DTYPE_I32)
        return apply(op, in, err);
    /* where's mask as int32: 0.5 is true, and truncation must not lose it. */
    Array *mask = array_unary("truth", in[0], err);
    Array *out = mask ? apply(op, (const Array *[]){ mask, in[1], in[2] }, err) : NULL;
    array_free(mask);
    return out;
}

static bool check_target(const ArrayOp *op, DType result, const Sizes *shape, const Array *out,
                         Error *err) {
    char first[128], second[128];
    Sizes target = array_sizes(out);
    if (!sizes_take(&target, shape))
        return error_set(err, ERROR_ARGUMENT, "%s_: a result of shape %s does not fit into %s",
                         op->name, array_shape_text(shape->ndim, shape->size, first),
                         array_shape_text(out->ndim, out->shape, second));
    if (dtype_is_whole(out->dtype) && result != DTYPE_I32)
        return error_set(err, ERROR_ARGUMENT,
                         "%s_: a result of type %s does not go into %s array; use astype", op->name,
                         dtype_name(result), out->dtype == DTYPE_U8 ? "a u8" : "an i32");
    return true;
}

static bool same_layout(const Array *a, const Array *b) {
    return a->data == b->data && a->dtype == b->dtype && array_same_shape(a, b) &&
           memcmp(a->stride, b->stride, (size_t)a->ndim * sizeof *a->stride) == 0;
}

/* False if an input overlaps out in another order: it would be read after it was written. */
static bool reads_first(const ArrayOp *op, const Array *const *in, const Array *out) {
    for (int k = 0; k < op->inputs; k++)
        if (in[k]->buffer == out->buffer && !same_layout(in[k], out))
            return false;
    return true;
}

/* A name is made for the complaint alone. */
static bool check_writable(const ArrayOp *op, const Array *out, Error *err) {
    char where[32] = "";
    if (out->read_only)
        snprintf(where, sizeof where, "%s_", op->name);
    return array_writable(where, out, err);
}

bool array_apply_into(const ArrayOp *op, const Array *const *in, Array *out, Error *err) {
    Sizes shape;
    DType compute;
    if (!check_writable(op, out, err) || !common_shape(op, in, &shape, err) ||
        !compute_dtype(op, in, &compute, err))
        return false;
    DType result = result_dtype(op->result, compute);
    if (!check_target(op, result, &shape, out, err))
        return false;
    bool fails = result == DTYPE_I32 || result != out->dtype; /* perhaps, after it has written */
    if (!fails && reads_first(op, in, out))
        return compute_into(op, compute, in, out);
    Array *whole = apply(op, in, err);
    Origin before = out->origin;
    if (before == ORIGIN_MASK) /* sums of masks are not masks */
        out->origin = ORIGIN_ARRAY;
    bool ok = whole && array_assign(op->name, whole, out, err);
    array_free(whole);
    if (!ok)
        out->origin = before;
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
