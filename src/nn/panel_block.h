/* panel_block.h — the inner loops of panel.c, included there once for each instruction set
 * (lanes_avx512.h). Six rows by WIDE vectors of sums stay in registers, or twelve by fewer: no
 * fewer hide the latency of a multiply-add, no more fit. */

// Lanes and vectors are few: their products are far from what an int holds.
// NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result)

INLINE void NAME(multiply)(const PanelRows *rows, size_t first, const float *matrix, size_t columns,
                           const float *bias, float *const *out, size_t column, const int tall,
                           const int wide) {
    VECTOR sum[12][WIDE];
    const float *at[12];
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
                        bool fresh, float *sum, const int tall, const int wide) {
    VECTOR total[12][WIDE];
    for (int i = 0; i < tall; i++)
        for (int j = 0; j < wide; j++)
            total[i][j] = fresh ? SPREAD(0.0f) : LOAD(sum + (size_t)i * columns + j * LANES);
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

#define TALL(wide) ((wide) == WIDE ? 6 : 12)

/* One column block of `wide` vectors: blocks of rows, then what is left with its own code, so
 * that every loop over rows is unrolled. */
#define EACH_HEIGHT(call, height)                                                                  \
    switch (height) {                                                                              \
    case 12:                                                                                       \
        call(12);                                                                                  \
        break;                                                                                     \
    case 11:                                                                                       \
        call(11);                                                                                  \
        break;                                                                                     \
    case 10:                                                                                       \
        call(10);                                                                                  \
        break;                                                                                     \
    case 9:                                                                                        \
        call(9);                                                                                   \
        break;                                                                                     \
    case 8:                                                                                        \
        call(8);                                                                                   \
        break;                                                                                     \
    case 7:                                                                                        \
        call(7);                                                                                   \
        break;                                                                                     \
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
    for (size_t first = 0; first < rows->count; first += TALL(wide)) {
#define CALL(tall) NAME(multiply)(rows, first, matrix, columns, bias, out, column, tall, wide)
        EACH_HEIGHT(CALL, rows->count - first < TALL(wide) ? rows->count - first : TALL(wide))
#undef CALL
    }
}

INLINE void NAME(outer_columns)(const PanelRows *rows, const float *factor, size_t columns,
                                bool fresh, float *sum, const int wide) {
    for (size_t s = 0; s < rows->segments; s++)
        for (size_t k = 0; k < rows->length; k += TALL(wide)) {
            float *to = sum + (s * rows->length + k) * columns;
#define CALL(tall) NAME(outer)(rows, s * rows->stride + k, factor, columns, fresh, to, tall, wide)
            EACH_HEIGHT(CALL, rows->length - k < TALL(wide) ? rows->length - k : TALL(wide))
#undef CALL
        }
}

#undef EACH_HEIGHT
#undef TALL

TARGET static void NAME(panel_multiply)(const PanelRows *rows, const float *matrix, size_t columns,
                                        const float *bias, float *const *out) {
    size_t column = 0;
    for (; column + WIDE * LANES <= columns; column += WIDE * LANES)
        NAME(multiply_columns)(rows, matrix, columns, bias, out, column, WIDE);
#if WIDE > 2
    for (; column + 2 * LANES <= columns; column += 2 * LANES)
        NAME(multiply_columns)(rows, matrix, columns, bias, out, column, 2);
#endif
    for (; column < columns; column += LANES)
        NAME(multiply_columns)(rows, matrix, columns, bias, out, column, 1);
}

TARGET static void NAME(panel_outer)(const PanelRows *rows, const float *factor, size_t columns,
                                     bool fresh, float *sum) {
    size_t column = 0;
    for (; column + WIDE * LANES <= columns; column += WIDE * LANES)
        NAME(outer_columns)(rows, factor + column, columns, fresh, sum + column, WIDE);
#if WIDE > 2
    for (; column + 2 * LANES <= columns; column += 2 * LANES)
        NAME(outer_columns)(rows, factor + column, columns, fresh, sum + column, 2);
#endif
    for (; column < columns; column += LANES)
        NAME(outer_columns)(rows, factor + column, columns, fresh, sum + column, 1);
}

/* A vector of what they are added to at a time: every run that meets it is read where its numbers
 * fall on the right lanes. Stored is it once, since a part of a vector is not read again quickly.
 */
TARGET static void NAME(add_runs)(const PanelRuns *runs, float *to) {
    size_t size = (runs->count - 1) * runs->step + runs->length, first = 0;
    for (size_t at = 0; at < size; at += LANES) {
        size_t here = size - at < LANES ? size - at : LANES;
        VECTOR sum = LOAD_SOME(to + at, 0, here);
        while (first * runs->step + runs->length <= at)
            first++;
        ptrdiff_t start = (ptrdiff_t)(first * runs->step) - (ptrdiff_t)at;
        ptrdiff_t end = (ptrdiff_t)(runs->count * runs->step) - (ptrdiff_t)at;
        ptrdiff_t stop = end < (ptrdiff_t)here ? end : (ptrdiff_t)here;
        for (size_t s = 0; s < runs->sources; s++) {
            const float *from = runs->from[s] + first * runs->stride - start;
            for (ptrdiff_t lane = start; lane < stop; lane += (ptrdiff_t)runs->step) {
                size_t last = (size_t)(lane + (ptrdiff_t)runs->length);
                sum += LOAD_SOME(from, lane < 0 ? 0 : (size_t)lane, last < here ? last : here);
                from += (ptrdiff_t)(runs->stride - runs->step);
            }
        }
        STORE_SOME(to + at, here, sum);
    }
}

// NOLINTEND(bugprone-implicit-widening-of-multiplication-result)
