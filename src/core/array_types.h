/* array_types.h — the types of numbers, and the one rule for what they make together.
 *
 *   f64 with anything                            f64
 *   f32 with a number, a table, i32 or a mask    f32
 *   u8 with anything but f64, or alone           f32
 *   i32 with an integer (or a table), or i32     i32
 *   i32 with a float number (or a table)         f64
 *   a mask with a number or a table              f32
 *   masks alone                                  i32 (a mask, where elements are only chosen)
 *   numbers and tables alone                     f64
 *
 * u8 is a way to store: bytes of pictures in a quarter of the room. Where elements are only chosen
 * (an index, a join, a sort) it stays u8.
 * What leaves the integers (/, ^, sqrt, mean, …) makes f64 of what would be i32. An int32 result
 * that overflows is an error; a float one becomes ±inf. A cast, which is a value put where the type
 * is given, fails on what is out of the type's range and, for i32 and u8, on what is not an
 * integer; lost digits are no failure, and a float may be inf or NaN. */
#ifndef PERIGEE_CORE_ARRAY_TYPES_H
#define PERIGEE_CORE_ARRAY_TYPES_H

#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where an array's numbers come from, which has a say in what they make with others. */
typedef enum Origin {
    ORIGIN_ARRAY,
    ORIGIN_MASK,     /* i32: 0 and 1, a comparison's answer */
    ORIGIN_INTEGERS, /* f64: a number, or a table of numbers, all of them integers in Lua … */
    ORIGIN_FLOATS,   /* … or some of them floats. Of operands only: no result is one of these */
} Origin;

/* "f32", "f64", "i32", "u8"; bytes of one element. */
const char *dtype_name(DType dtype);
size_t dtype_size(DType dtype);

/* i32 and u8: no number of theirs is NaN or infinite, and no gradient is taken of them. */
static inline bool dtype_is_whole(DType dtype) {
    return dtype == DTYPE_I32 || dtype == DTYPE_U8;
}

/* A set of operands: the bits of each, ORed. */
typedef enum OperandBits {
    OPERAND_F32 = 1,
    OPERAND_F64 = 2,
    OPERAND_I32 = 4,
    OPERAND_MASK = 8,
    OPERAND_INTEGERS = 16,
    OPERAND_FLOATS = 32,
    OPERAND_U8 = 64,
    OPERAND_PLAIN = OPERAND_INTEGERS | OPERAND_FLOATS, /* no array: to be tested with & */
} OperandBits;
unsigned operand_bits(DType dtype, Origin origin);

/* The rule: the type in which a set of operands is computed; the type of what is chosen among them.
 */
DType operands_dtype(unsigned operands);
DType chosen_dtype(unsigned operands);

/* What an operation makes of operands that are computed in a type. */
typedef enum ResultKind {
    RESULT_SAME,   /* that type; f32 for u8 */
    RESULT_FLOAT,  /* the same; f64 for i32, and so computed */
    RESULT_MASK,   /* 0 and 1 */
    RESULT_COUNT,  /* i32: a number of elements, a position */
    RESULT_CHOSEN, /* that type, u8 too: elements of the operands */
} ResultKind;
DType result_dtype(ResultKind kind, DType computed);

/* Whether a cast of x succeeds (x − x is 0 for finite numbers alone); and its complaint, which
 * returns false. */
static inline bool dtype_holds(DType dtype, double x) {
    if (dtype == DTYPE_U8)
        return x >= 0 && x <= UINT8_MAX && x == (double)(uint8_t)x;
    if (dtype == DTYPE_I32)
        return x >= INT32_MIN && x <= INT32_MAX && x == (double)(int32_t)x;
    return dtype == DTYPE_F64 || x - x != 0 || (float)x - (float)x == 0;
}
bool dtype_refuse(const char *where, DType dtype, double x, Error *err);

#endif
