#include "core/array_types.h"

#include "core/fail.h"

#include <math.h>

const char *dtype_name(DType dtype) {
    static const char *const names[] = { "f32", "f64", "i32", "u8" };
    return names[dtype];
}

size_t dtype_size(DType dtype) {
    static const size_t sizes[] = { sizeof(float), sizeof(double), sizeof(int32_t),
                                    sizeof(uint8_t) };
    return sizes[dtype];
}

unsigned operand_bits(DType dtype, Origin origin) {
    static const unsigned of_dtype[] = { OPERAND_F32, OPERAND_F64, OPERAND_I32, OPERAND_U8 };
    static const unsigned of_origin[] = { 0, OPERAND_MASK, OPERAND_INTEGERS, OPERAND_FLOATS };
    return origin == ORIGIN_ARRAY ? of_dtype[dtype] : of_origin[origin];
}

DType operands_dtype(unsigned operands) {
    bool arrays = operands & ~(unsigned)OPERAND_PLAIN;
    if (!arrays || operands & OPERAND_F64)
        return DTYPE_F64;
    if (operands & (OPERAND_F32 | OPERAND_U8))
        return DTYPE_F32;
    if (operands & OPERAND_I32)
        return operands & OPERAND_FLOATS ? DTYPE_F64 : DTYPE_I32;
    return operands & OPERAND_PLAIN ? DTYPE_F32 : DTYPE_I32;
}

DType chosen_dtype(unsigned operands) {
    return operands == OPERAND_U8 ? DTYPE_U8 : operands_dtype(operands);
}

DType result_dtype(ResultKind kind, DType computed) {
    if (kind == RESULT_MASK || kind == RESULT_COUNT)
        return DTYPE_I32;
    if (computed == DTYPE_U8 && kind != RESULT_CHOSEN)
        return DTYPE_F32;
    return kind == RESULT_FLOAT && computed == DTYPE_I32 ? DTYPE_F64 : computed;
}

bool dtype_refuse(const char *where, DType dtype, double x, Error *err) {
    static const char *const arrays[] = { "a float32", "a float64", "an int32", "a uint8" };
    bool fraction = (dtype == DTYPE_I32 && fabs(x) < 2147483648.0) ||
                    (dtype == DTYPE_U8 && x > 0 && x < UINT8_MAX);
    x = isnan(x) ? fabs(x) : x; /* which of its signs it has says nothing */
    return error_set(err, ERROR_ARGUMENT, "%s: %.*g does not fit into %s array%s%s", where,
                     fabs(x) < 1e15 ? 15 : 6, x, arrays[dtype],
                     fraction ? ", which holds integers: round it first" : "",
                     dtype == DTYPE_U8 && !fraction ? ", which holds 0 to 255" : "");
}
