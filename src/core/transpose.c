#include "core/transpose.h"

#include "core/array.h"

#include <string.h>
#ifdef __SSE__
#include <xmmintrin.h>
#endif

enum { BLOCK = 4 };

/* to[j][i] = from[i][j], rows × columns: one block of it. */
#define TURN_BLOCK(T, suffix)                                                                      \
    static inline void turn_block_##suffix(const T *from, size_t rows, size_t columns, T *to) {    \
        for (size_t a = 0; a < BLOCK; a++)                                                         \
            for (size_t b = 0; b < BLOCK; b++)                                                     \
                to[a * rows + b] = from[b * columns + a];                                          \
    }

TURN_BLOCK(double, f64)
#ifdef __SSE__
static inline void turn_block_f32(const float *from, size_t rows, size_t columns, float *to) {
    __m128 a = _mm_loadu_ps(from), b = _mm_loadu_ps(from + columns);
    __m128 c = _mm_loadu_ps(from + 2 * columns), d = _mm_loadu_ps(from + 3 * columns);
    _MM_TRANSPOSE4_PS(a, b, c, d);
    _mm_storeu_ps(to, a);
    _mm_storeu_ps(to + rows, b);
    _mm_storeu_ps(to + 2 * rows, c);
    _mm_storeu_ps(to + 3 * rows, d);
}
#else
TURN_BLOCK(float, f32)
#endif

/* All of it: blocks, then what is left of each row. */
#define TURN(T, suffix)                                                                            \
    static void turn_##suffix(const T *from, size_t rows, size_t columns, T *to) {                 \
        size_t whole_rows = rows / BLOCK * BLOCK, whole_columns = columns / BLOCK * BLOCK;         \
        for (size_t j = 0; j < whole_columns; j += BLOCK)                                          \
            for (size_t i = 0; i < whole_rows; i += BLOCK)                                         \
                turn_block_##suffix(from + i * columns + j, rows, columns, to + j * rows + i);     \
        for (size_t i = 0; i < rows; i++)                                                          \
            for (size_t j = i < whole_rows ? whole_columns : 0; j < columns; j++)                  \
                to[j * rows + i] = from[i * columns + j];                                          \
    }

TURN(float, f32)
TURN(double, f64)

void transpose(DType dtype, Rows from, void *to) {
    if (from.rows == 1 || from.columns == 1)
        memcpy(to, from.data, from.rows * from.columns * dtype_size(dtype));
    else if (dtype == DTYPE_F32)
        turn_f32(from.data, from.rows, from.columns, to);
    else
        turn_f64(from.data, from.rows, from.columns, to);
}
