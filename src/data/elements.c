#include "data/elements.h"

#include "core/array.h"
#include "core/fail.h"

#include <stdio.h>
#include <string.h>

static const struct {
    unsigned char size;
    DType dtype;
} kinds[] = {
    [ELEMENT_F16] = { 2, DTYPE_F32 },  [ELEMENT_BF16] = { 2, DTYPE_F32 },
    [ELEMENT_F32] = { 4, DTYPE_F32 },  [ELEMENT_F64] = { 8, DTYPE_F64 },
    [ELEMENT_BOOL] = { 1, DTYPE_I32 }, [ELEMENT_I8] = { 1, DTYPE_I32 },
    [ELEMENT_U8] = { 1, DTYPE_I32 },   [ELEMENT_I16] = { 2, DTYPE_I32 },
    [ELEMENT_U16] = { 2, DTYPE_I32 },  [ELEMENT_I32] = { 4, DTYPE_I32 },
    [ELEMENT_U32] = { 4, DTYPE_I32 },  [ELEMENT_I64] = { 8, DTYPE_I32 },
    [ELEMENT_U64] = { 8, DTYPE_I32 },
};

size_t element_size(ElementKind kind) {
    return kinds[kind].size;
}

DType element_dtype(ElementKind kind) {
    return kinds[kind].dtype;
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

static void decode_floats(const Elements *elements, size_t n, float *out) {
    ElementKind kind = elements->kind;
    bool big_endian = elements->big_endian;
    const unsigned char *p = elements->bytes;
    for (size_t i = 0; i < n; i++) {
        if (kind == ELEMENT_F32)
            out[i] = float_from_bits((uint32_t)load_bits(p + 4 * i, 4, big_endian));
        else if (kind == ELEMENT_F16)
            out[i] = half_to_float((uint32_t)load_bits(p + 2 * i, 2, big_endian));
        else
            out[i] = float_from_bits((uint32_t)load_bits(p + 2 * i, 2, big_endian) << 16);
    }
}

static void decode_doubles(bool big_endian, const unsigned char *p, size_t n, double *out) {
    for (size_t i = 0; i < n; i++) {
        uint64_t bits = load_bits(p + 8 * i, 8, big_endian);
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
        *out = (int8_t)bits;
        return true;
    case ELEMENT_I16:
        *out = (int16_t)bits;
        return true;
    case ELEMENT_I32:
    case ELEMENT_U8:
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

static bool decode_integers(const Elements *elements, size_t n, int32_t *out, Error *err) {
    ElementKind kind = elements->kind;
    size_t size = kinds[kind].size;
    for (size_t i = 0; i < n; i++) {
        uint64_t bits = load_bits(elements->bytes + size * i, size, elements->big_endian);
        if (!decode_integer(kind, bits, &out[i])) {
            char value[24];
            if (kind == ELEMENT_I64)
                snprintf(value, sizeof value, "%lld", (long long)bits);
            else
                snprintf(value, sizeof value, "%llu", (unsigned long long)bits);
            return error_set(err, ERROR_FILE,
                             "%s: element %zu is %s, which does not fit a 32-bit integer",
                             elements->name, i + 1, value);
        }
    }
    return true;
}

Array *elements_decode(const Elements *elements, Error *err) {
    ElementKind kind = elements->kind;
    bool big_endian = elements->big_endian;
    const unsigned char *bytes = elements->bytes;
    Sizes sizes = sizes_of(elements->ndim, elements->shape);
    Array *a = array_new(elements->name, kinds[kind].dtype, &sizes, err);
    if (!a)
        return NULL;
    size_t n = array_size(a);
    bool ok = true;
    bool as_is = !big_endian && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ &&
                 (kind == ELEMENT_F32 || kind == ELEMENT_F64 || kind == ELEMENT_I32);
    if (as_is && n > 0)
        memcpy(a->data, bytes, array_bytes(a));
    else if (kinds[kind].dtype == DTYPE_F32)
        decode_floats(elements, n, a->data);
    else if (kinds[kind].dtype == DTYPE_F64)
        decode_doubles(big_endian, bytes, n, a->data);
    else
        ok = decode_integers(elements, n, a->data, err);
    if (!ok) {
        array_free(a);
        return NULL;
    }
    return a;
}
