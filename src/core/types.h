/* types.h — the core's types by name, for headers that only hand on pointers to them.
 *
 * What one is stands in its own header, which whoever looks inside includes: error.h, array.h. */
#ifndef PERIGEE_CORE_TYPES_H
#define PERIGEE_CORE_TYPES_H

#include <stddef.h>

typedef struct Error Error;
typedef struct Array Array;

typedef enum DType { DTYPE_F32, DTYPE_F64, DTYPE_I32, DTYPE_U8 } DType;
enum { ARRAY_MAX_DIMS = 8, DTYPE_COUNT = 4 };

/* Sizes along axes: { 2, { rows, cols } }. */
typedef struct Sizes {
    int ndim; /* 0: a scalar with one element */
    size_t size[ARRAY_MAX_DIMS];
} Sizes;

#endif
