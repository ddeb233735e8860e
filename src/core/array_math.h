/* array_math.h — elementwise operations on arrays, with broadcasting.
 *
 * Types by the rule of array_types.h. div, pow, exp, sqrt, … leave the integers; comparisons, tests
 * and logic give masks, in which anything but 0, NaN too, counts as true. where chooses: of masks
 * it makes a mask, and its own mask has no say in the type. A number beside an array that cannot
 * hold it is refused, but for comparisons. mod and idiv round towards −∞, as Lua's % and // do. */
#ifndef PERIGEE_CORE_ARRAY_MATH_H
#define PERIGEE_CORE_ARRAY_MATH_H

#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct ArrayOp ArrayOp;

/* The operations:
 *   one input:  neg abs sign square sqrt exp expm1 log log1p log2 log10 sin cos tan tanh sigmoid
 *               softplus floor ceil round (halves to even) trunc relu isnan isinf isfinite
 *               logical_not truth
 *   two inputs: add sub mul div pow mod idiv maximum minimum (NaN if either is) eq ne lt le gt ge
 *               logical_and logical_or logical_xor
 *   three:      where(mask, a, b)  clip(x, low, high) */
const ArrayOp *array_op(const char *name); /* NULL if there is none */
const ArrayOp *array_op_at(size_t i);      /* to list them; NULL past the last */
const char *array_op_name(const ArrayOp *op);
int array_op_inputs(const ArrayOp *op);
bool array_op_is_mask(const ArrayOp *op);
bool array_op_selects(const ArrayOp *op); /* where */

/* A new contiguous array of op on the inputs, broadcast against each other. */
Array *array_apply(const ArrayOp *op, const Array *const *inputs, Error *err);

/* The same into `out`, to whose shape the inputs must broadcast; out may be one of them or share
 * memory with them. A float result does not go into an int32 array; an f64 one is cast to f32. On
 * failure out is unchanged. Not for where. */
bool array_apply_into(const ArrayOp *op, const Array *const *inputs, Array *out, Error *err);

/* Short cuts for C. */
Array *array_binary(const char *op, const Array *a, const Array *b, Error *err);
Array *array_unary(const char *op, const Array *a, Error *err);

#endif
