#include "data/elements.h"

#include "core/array.h"
#include "core/array_stream.h"
#include "core/fail.h"

#include <stdio.h>
#include <string.h>

static const struct {
    unsigned char size;
    DType dtype;
    const char *name;
} kinds[] = {
    [ELEMENT_F16] = { 2, DTYPE_F32, "float16" }, [ELEMENT_BF16] = { 2, DTYPE_F32, "bfloat16" },
    [ELEMENT_F32] = { 4, DTYPE_F32, "float32" }, [ELEMENT_F64] = { 8, DTYPE_F64, "float64" },
    [ELEMENT_BOOL] = { 1, DTYPE_I32, "bool" },   [ELEMENT_I8] = { 1, DTYPE_I32, "int8" },
    [ELEMENT_U8] = { 1, DTYPE_U8, "uint8" },     [ELEMENT_I16] = { 2, DTYPE_I32, "int16" },
    [ELEMENT_U16] = { 2, DTYPE_I32, "uint16" },  [ELEMENT_I32] = { 4, DTYPE_I32, "int32" },
    [ELEMENT_U32] = { 4, DTYPE_I32, "uint32" },  [ELEMENT_I64] = { 8, DTYPE_I32, "int64" },
    [ELEMENT_U64] = { 8, DTYPE_I32, "uint64" },
};

size_t element_size(ElementKind kind) {
    return kinds[kind].size;
}

DType element_dtype(ElementKind kind) {
    return kinds[kind].dtype;
}

const char *element_name(ElementKind kind) {
    return kinds[kind].name;
}

bool element_bytes(ElementKind kind, int ndim, const size_t *shape, size_t *bytes) {
    size_t total = kinds[kind].size;
    bool empty = false;
    /* An empty array's other sizes must not overflow either: strides are their products. */
    for (int d = 0; d < ndim; d++) {
        empty = empty || shape[d] == 0;
        if (__builtin_mul_overflow(total, shape[d] ? shape[d] : 1, &total))
            return false;
    }
    *bytes = empty ? 0 : total;
    return total <= PTRDIFF_MAX;
}

/* The bits of one element as an unsigned number, whatever the file's byte order and alignment. */
static inline uint64_t load_bits(const unsigned char *p, size_t size, bool big_endian) {
    uint64_t bits = 0;
    for (size_t i = 0; i < size; i++)
        bits |= (uint64_t)p[i] << 8 * (big_endian ? size - 1 - i : i);
    return bits;
}

static float float_from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float half_to_float(uint32_t half) {
    uint32_t sign = (half & 0x8000u) << 16, exponent = half >> 10 & 31, fraction = half & 1023;
    if (exponent == 31)
        return float_from_bits(sign | 0x7f800000u | fraction << 13);
    if (exponent == 0) { /* zero or subnormal: fraction · 2⁻²⁴ */
        float magnitude = (float)fraction * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    return float_from_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

/* Elements on their way: n of them, the first of which is number `first` of all. */
typedef struct Piece {
    const Elements *of;
    const unsigned char *bytes;
    size_t first, n;
} Piece;

static void decode_floats(const Piece *piece, float *out) {
    ElementKind kind = piece->of->kind;
    bool big_endian = piece->of->big_endian;
    const unsigned char *p = piece->bytes;
    for (size_t i = 0; i < piece->n; i++) {
        if (kind == ELEMENT_F32)
            out[i] = float_from_bits((uint32_t)load_bits(p + 4 * i, 4, big_endian));
        else if (kind == ELEMENT_F16)
            out[i] = half_to_float((uint32_t)load_bits(p + 2 * i, 2, big_endian));
        else
            out[i] = float_from_bits((uint32_t)load_bits(p + 2 * i, 2, big_endian) << 16);
    }
}

static void decode_doubles(const Piece *piece, double *out) {
    for (size_t i = 0; i < piece->n; i++) {
        uint64_t bits = load_bits(piece->bytes + 8 * i, 8, piece->of->big_endian);
        memcpy(&out[i], &bits, sizeof bits);
    }
}

/* One integer of any kind; false if it is outside int32. */
static bool decode_integer(ElementKind kind, uint64_t bits, int32_t *out) {
    switch (kind) {
    case ELEMENT_BOOL:
        *out = bits != 0;
        return true;
    case ELEMENT_I8:
        // NOLINTNEXTLINE(bugprone-signed-char-misuse,cert-str34-c): a number, not a character
        *out = (int8_t)bits;
        return true;
    case ELEMENT_I16:
        *out = (int16_t)bits;
        return true;
    case ELEMENT_I32:
    case ELEMENT_U16:
        *out = (int32_t)bits;
        return true;
    case ELEMENT_I64:
        *out = (int32_t)bits;
        return *out == (int64_t)bits;
    default: /* U32, U64 */
        *out = (int32_t)bits;
        return bits <= INT32_MAX;
    }
}

static bool decode_integers(const Piece *piece, int32_t *out, Error *err) {
    ElementKind kind = piece->of->kind;
    size_t size = kinds[kind].size;
    for (size_t i = 0; i < piece->n; i++) {
        uint64_t bits = load_bits(piece->bytes + size * i, size, piece->of->big_endian);
        if (!decode_integer(kind, bits, &out[i])) {
            char value[24];
            if (kind == ELEMENT_I64)
                snprintf(value, sizeof value, "%lld", (long long)bits);
            else
                snprintf(value, sizeof value, "%llu", (unsigned long long)bits);
            return error_set(err, ERROR_FILE,
                             "%s: element %zu is %s, which does not fit a 32-bit integer",
                             piece->of->name, piece->of->first + piece->first + i + 1, value);
        }
    }
    return true;
}

/* A piece as the type that its kind becomes. */
static bool decode(const Piece *piece, void *out, Error *err) {
    DType dtype = kinds[piece->of->kind].dtype;
    if (dtype == DTYPE_F32)
        decode_floats(piece, out);
    else if (dtype == DTYPE_F64)
        decode_doubles(piece, out);
    else if (dtype == DTYPE_U8)
        memcpy(out, piece->bytes, piece->n);
    return dtype != DTYPE_I32 || decode_integers(piece, out, err);
}

/* Say which of these doubles, all that become another type, that type does not hold. */
static bool refuse_misfit(const Piece *piece, DType dtype, const double *values, Error *err) {
    size_t i = 0;
    while (i + 1 < piece->n && dtype_holds(dtype, values[i]))
        i++;
    dtype_refuse(piece->of->name, dtype, values[i], err);
    error_blame_file(err);
    return false;
}

/* A piece as the array's type. */
static bool decode_as(const Piece *piece, DType dtype, void *out, Error *err) {
    double own[STREAM_RUN];
    DType made = kinds[piece->of->kind].dtype;
    if (made == dtype)
        return decode(piece, out, err);
    return decode(piece, own, err) &&
           (conversion(made, dtype)(own, out, piece->n) || refuse_misfit(piece, dtype, own, err));
}

/* The array as the file counts its elements. */
static Stream in_file_order(const Elements *elements, const Array *a) {
    Array turned = *a;
    for (int d = 0; elements->fortran && d < a->ndim; d++) {
        turned.shape[d] = a->shape[a->ndim - 1 - d];
        turned.stride[d] = a->stride[a->ndim - 1 - d];
    }
    Sizes shape = array_sizes(&turned);
    return stream_of(&turned, &shape);
}

static bool read_runs(const Elements *elements, ByteStream *from, const Array *a, Error *err) {
    unsigned char bytes[STREAM_RUN * sizeof(double)];
    StreamScratch scratch = { .filled = 0 };
    Stream stream = in_file_order(elements, a);
    size_t total = array_size(a), size = kinds[elements->kind].size;
    for (size_t first = 0; first < total; first += STREAM_RUN) {
        Run run = run_at(first, total);
        Piece piece = { elements, bytes, first, run.n };
        if (!stream_take(from, bytes, run.n * size, err) ||
            !decode_as(&piece, a->dtype, stream_target(&stream, run, &scratch), err))
            return false;
        stream_commit(&stream, run, &scratch);
    }
    return true;
}

/* Are the file's bytes the array's? */
static bool is_plain(const Elements *elements, DType dtype) {
    ElementKind kind = elements->kind;
    bool same =
        kind == ELEMENT_F32 || kind == ELEMENT_F64 || kind == ELEMENT_I32 || kind == ELEMENT_U8;
    bool turned = elements->fortran && elements->shape.ndim > 1;
    return same && kinds[kind].dtype == dtype && !turned && !elements->big_endian &&
           __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
}

bool elements_read_into(const Elements *elements, ByteStream *from, const Array *a, Error *err) {
    return is_plain(elements, a->dtype) ? stream_take(from, a->data, array_bytes(a), err)
                                        : read_runs(elements, from, a, err);
}

Array *elements_read(const Elements *elements, ByteStream *from, Error *err) {
    DType dtype = elements->as_floats ? DTYPE_F32 : kinds[elements->kind].dtype;
    Array *a = array_uninitialised(elements->name, dtype, &elements->shape, err);
    if (!a || elements_read_into(elements, from, a, err))
        return a;
    array_free(a);
    return NULL;
}
