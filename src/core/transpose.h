/* transpose.h — a matrix turned in memory, by blocks that stay in registers. */
#ifndef PERIGEE_CORE_TRANSPOSE_H
#define PERIGEE_CORE_TRANSPOSE_H

#include "core/types.h"

#include <stddef.h>

/* rows × columns elements, one row after the other. */
typedef struct Rows {
    const void *data;
    size_t rows, columns;
} Rows;

/* to[j][i] = from[i][j], of float32 or float64. They do not overlap. */
void transpose(DType dtype, Rows from, void *to);

#endif
