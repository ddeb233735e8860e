/* panel_block.h — the inner loops of panel.c, included there once for each instruction set with
 * these defined: TARGET, NAME(x), VECTOR, LANES, WIDE (vectors side by side), LOAD, STORE, SPREAD,
 * FMA. Six rows by WIDE vectors of sums stay in registers: no fewer hide the latency of a
 * multiply-add, no more fit. */

#define INLINE TARGET static inline __attribute__((always_inline))

INLINE void NAME(multiply)(const PanelRows *rows, size_t first, const float *matrix, size_t columns,
                           const float *bias, float *const *out, size_t column, const int tall,
                           const int wide) {
    VECTOR sum[6][WIDE];
    const float *at[6];
    for (int i = 0; i < tall; i++) {
        at[i] = rows->at[first + i];
        for (int j = 0; j < wide; j++)
            sum[i][j] = LOAD((bias ? bias : out[first + i]) + column + j * LANES);
    }
    matrix += column;
    for (size_t s = 0; s < rows->segments; s++)
        for (size_t k = s * rows->stride; k < s * rows->stride + rows->length; k++) {
            VECTOR row[WIDE];
            for (int j = 0; j < wide; j++)
                row[j] = LOAD(matrix + j * LANES);
            for (int i = 0; i < tall; i++) {
                VECTOR factor = SPREAD(at[i][k]);
                for (int j = 0; j < wide; j++)
                    sum[i][j] = FMA(factor, row[j], sum[i][j]);
            }
            matrix += columns;
        }
    for (int i = 0; i < tall; i++)
        for (int j = 0; j < wide; j++)
            STORE(out[first + i] + column + j * LANES, sum[i][j]);
}

/* Lines k … k+tall−1 of one segment's part of the sum; `offset` is the segment's distance. */
INLINE void NAME(outer)(const PanelRows *rows, size_t offset, const float *factor, size_t columns,
                        float *sum, const int tall, const int wide) {
    VECTOR total[6][WIDE];
    for (int i = 0; i < tall; i++)
        for (int j = 0; j < wide; j++)
            total[i][j] = LOAD(sum + (size_t)i * columns + j * LANES);
    for (size_t p = 0; p < rows->count; p++) {
        const float *at = rows->at[p] + offset;
        VECTOR row[WIDE];
        for (int j = 0; j < wide; j++)
            row[j] = LOAD(factor + j * LANES);
        for (int i = 0; i < tall; i++) {
            VECTOR value = SPREAD(at[i]);
            for (int j = 0; j < wide; j++)
                total[i][j] = FMA(value, row[j], total[i][j]);
        }
        factor += columns;
    }
    for (int i = 0; i < tall; i++)
        for (int j = 0; j < wide; j++)
            STORE(sum + (size_t)i * columns + j * LANES, total[i][j]);
}

/* One column block of `wide` vectors: blocks of six rows, then what is left with its own code, so
 * that every loop over rows is unrolled. */
#define EACH_HEIGHT(call, height)                                                                  \
    switch (height) {                                                                              \
    case 6:                                                                                        \
        call(6);                                                                                   \
        break;                                                                                     \
    case 5:                                                                                        \
        call(5);                                                                                   \
        break;                                                                                     \
    case 4:                                                                                        \
        call(4);                                                                                   \
        break;                                                                                     \
    case 3:                                                                                        \
        call(3);                                                                                   \
        break;                                                                                     \
    case 2:                                                                                        \
        call(2);                                                                                   \
        break;                                                                                     \
    default:                                                                                       \
        call(1);                                                                                   \
        break;                                                                                     \
    }

INLINE void NAME(multiply_columns)(const PanelRows *rows, const float *matrix, size_t columns,
                                   const float *bias, float *const *out, size_t column,
                                   const int wide) {
    for (size_t first = 0; first < rows->count; first += 6) {
#define CALL(tall) NAME(multiply)(rows, first, matrix, columns, bias, out, column, tall, wide)
        EACH_HEIGHT(CALL, rows->count - first >= 6 ? 6 : rows->count - first)
#undef CALL
    }
}

INLINE void NAME(outer_columns)(const PanelRows *rows, const float *factor, size_t columns,
                                float *sum, const int wide) {
    for (size_t s = 0; s < rows->segments; s++)
        for (size_t k = 0; k < rows->length; k += 6) {
            float *to = sum + (s * rows->length + k) * columns;
#define CALL(tall) NAME(outer)(rows, s * rows->stride + k, factor, columns, to, tall, wide)
            EACH_HEIGHT(CALL, rows->length - k >= 6 ? 6 : rows->length - k)
#undef CALL
        }
}

#undef EACH_HEIGHT

TARGET static void NAME(panel_multiply)(const PanelRows *rows, const float *matrix, size_t columns,
                                        const float *bias, float *const *out) {
    size_t column = 0;
    for (; column + WIDE * LANES <= columns; column += WIDE * LANES)
        NAME(multiply_columns)(rows, matrix, columns, bias, out, column, WIDE);
    for (; column < columns; column += LANES)
        NAME(multiply_columns)(rows, matrix, columns, bias, out, column, 1);
}

TARGET static void NAME(panel_outer)(const PanelRows *rows, const float *factor, size_t columns,
                                     float *sum) {
    size_t column = 0;
    for (; column + WIDE * LANES <= columns; column += WIDE * LANES)
        NAME(outer_columns)(rows, factor + column, columns, sum + column, WIDE);
    for (; column < columns; column += LANES)
        NAME(outer_columns)(rows, factor + column, columns, sum + column, 1);
}

#undef INLINE
