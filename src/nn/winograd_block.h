/* winograd_block.h — the loops of winograd.c, included there once for each instruction set
 * (lanes_avx512.h). */

// Lanes and vectors are few: their products are far from what an int holds.
// NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result)

/* ---- Six numbers of a row or a column -------------------------------------------------------- */

/* Bᵀ d, in place. */
INLINE void NAME(spread_input)(VECTOR d[6]) {
    VECTOR even = FMA(SPREAD(-2.0f), d[2], d[4]), odd = FMA(SPREAD(-2.0f), d[1], d[3]);
    VECTOR other = FMA(SPREAD(-0.5f), d[2], d[4]), odder = FMA(SPREAD(-0.5f), d[1], d[3]);
    d[0] = FMA(SPREAD(-2.5f), d[2], d[0] + d[4]);
    d[5] = FMA(SPREAD(-2.5f), d[3], d[1] + d[5]);
    d[1] = FMA(SPREAD(POINT), odd, even);
    d[2] = FMA(SPREAD(-POINT), odd, even);
    d[3] = FMA(SPREAD(2 * POINT), odder, other);
    d[4] = FMA(SPREAD(-2 * POINT), odder, other);
}

/* Aᵀ m: the first four. */
INLINE void NAME(gather_output)(VECTOR m[6]) {
    VECTOR sum = m[1] + m[2], difference = SPREAD(POINT) * (m[1] - m[2]);
    VECTOR sum2 = m[3] + m[4], difference2 = SPREAD(2 * POINT) * (m[3] - m[4]);
    m[0] = m[0] + sum + sum2;
    m[1] = difference + difference2;
    m[2] = FMA(SPREAD(2.0f), sum2, SPREAD(0.5f) * sum);
    m[3] = FMA(SPREAD(2.0f), difference2, FMA(SPREAD(0.5f), difference, m[5]));
}

/* A y, of four, in place. */
INLINE void NAME(spread_output)(VECTOR y[6]) {
    VECTOR even = FMA(SPREAD(0.5f), y[2], y[0]), odd = FMA(SPREAD(0.5f), y[3], y[1]);
    VECTOR other = FMA(SPREAD(2.0f), y[2], y[0]), odder = FMA(SPREAD(2.0f), y[3], y[1]);
    y[5] = y[3];
    y[1] = FMA(SPREAD(POINT), odd, even);
    y[2] = FMA(SPREAD(-POINT), odd, even);
    y[3] = FMA(SPREAD(2 * POINT), odder, other);
    y[4] = FMA(SPREAD(-2 * POINT), odder, other);
}

/* G g, of three, in place; and Gᵀ u, the first three. */
INLINE void NAME(spread_kernel)(VECTOR g[6]) {
    VECTOR even = FMA(SPREAD(0.5f), g[2], g[0]), other = FMA(SPREAD(2.0f), g[2], g[0]);
    VECTOR odd = SPREAD(POINT) * g[1], odder = SPREAD(2 * POINT) * g[1];
    g[5] = g[2];
    g[1] = SPREAD(INNER) * (even + odd);
    g[2] = SPREAD(INNER) * (even - odd);
    g[3] = SPREAD(OUTER) * (other + odder);
    g[4] = SPREAD(OUTER) * (other - odder);
}

INLINE void NAME(gather_kernel)(VECTOR u[6]) {
    VECTOR sum = SPREAD(INNER) * (u[1] + u[2]), sum2 = SPREAD(OUTER) * (u[3] + u[4]);
    VECTOR difference = SPREAD(INNER * POINT) * (u[1] - u[2]);
    VECTOR difference2 = SPREAD(OUTER * 2 * POINT) * (u[3] - u[4]);
    u[0] = u[0] + sum + sum2;
    u[1] = difference + difference2;
    u[2] = FMA(SPREAD(2.0f), sum2, FMA(SPREAD(0.5f), sum, u[5]));
}

/* ---- Tiles ----------------------------------------------------------------------------------- */

/* A tile's pixels to the 36 places, `step` apart: six by six of an input, or four by four of an
 * output's gradient. Those outside the image are 0. */
TARGET static void NAME(spread_tile)(const Patch *patch, float *to, size_t step, bool is_input) {
    size_t size = is_input ? 6 : 4;
    for (size_t c = 0; c < patch->channels; c += LANES) {
        VECTOR t[6][6], line[6];
        for (size_t j = 0; j < size; j++) {
            bool inside = j >= patch->from && j < patch->to;
            for (size_t i = 0; i < size; i++)
                line[i] = inside ? LOAD(patch->row[i] + j * patch->channels + c) : SPREAD(0.0f);
            if (is_input)
                NAME(spread_input)(line);
            else
                NAME(spread_output)(line);
            for (int i = 0; i < 6; i++)
                t[i][j] = line[i];
        }
        for (int i = 0; i < 6; i++) {
            if (is_input)
                NAME(spread_input)(t[i]);
            else
                NAME(spread_output)(t[i]);
            for (int j = 0; j < 6; j++)
                STORE(to + (size_t)(6 * i + j) * step + c, t[i][j]);
        }
    }
}

/* From the 36 places to four by four pixels of an output, those that lie in it. */
TARGET static void NAME(gather_tile)(const float *from, size_t step, const float *bias,
                                     const Patch *patch) {
    for (size_t c = 0; c < patch->channels; c += LANES) {
        VECTOR t[4][6], line[6], start = bias ? LOAD(bias + c) : SPREAD(0.0f);
        for (size_t j = 0; j < 6; j++) {
            for (size_t i = 0; i < 6; i++)
                line[i] = LOAD(from + (6 * i + j) * step + c);
            NAME(gather_output)(line);
            for (int i = 0; i < 4; i++)
                t[i][j] = line[i];
        }
        for (size_t i = 0; i < patch->rows; i++) {
            NAME(gather_output)(t[i]);
            for (size_t j = 0; j < patch->to; j++)
                STORE(patch->out[i] + j * patch->channels + c, t[i][j] + start);
        }
    }
}

/* ---- Kernels --------------------------------------------------------------------------------- */

TARGET static void NAME(filter)(const float *weights, size_t count, float *filter) {
    for (size_t c = 0; c < count; c += LANES) {
        VECTOR t[6][6], line[6];
        for (size_t j = 0; j < 3; j++) {
            for (size_t i = 0; i < 3; i++)
                line[i] = LOAD(weights + (3 * i + j) * count + c);
            NAME(spread_kernel)(line);
            for (int i = 0; i < 6; i++)
                t[i][j] = line[i];
        }
        for (size_t i = 0; i < 6; i++) {
            NAME(spread_kernel)(t[i]);
            for (size_t j = 0; j < 6; j++)
                STORE(filter + (6 * i + j) * count + c, t[i][j]);
        }
    }
}

TARGET static void NAME(unfilter)(const float *filter, size_t count, float *dweights) {
    for (size_t c = 0; c < count; c += LANES) {
        VECTOR t[3][6], line[6];
        for (size_t j = 0; j < 6; j++) {
            for (size_t i = 0; i < 6; i++)
                line[i] = LOAD(filter + (6 * i + j) * count + c);
            NAME(gather_kernel)(line);
            for (int i = 0; i < 3; i++)
                t[i][j] = line[i];
        }
        for (size_t i = 0; i < 3; i++) {
            NAME(gather_kernel)(t[i]);
            for (size_t j = 0; j < 3; j++) {
                float *to = dweights + (3 * i + j) * count + c;
                STORE(to, LOAD(to) + t[i][j]);
            }
        }
    }
}

/* ---- Products -------------------------------------------------------------------------------- */

/* `tall` rows of c = a · b by `wide` vectors. */
INLINE void NAME(rows)(const float *a, const float *b, const Product *size, float *c,
                       const int tall, const int wide) {
    VECTOR sum[12][WIDE];
    for (int i = 0; i < tall; i++)
        for (int j = 0; j < wide; j++)
            sum[i][j] = SPREAD(0.0f);
    for (size_t k = 0; k < size->depth; k++, b += size->columns) {
        VECTOR row[WIDE];
        for (int j = 0; j < wide; j++)
            row[j] = LOAD(b + j * LANES);
        for (int i = 0; i < tall; i++) {
            VECTOR factor = SPREAD(a[(size_t)i * size->depth + k]);
            for (int j = 0; j < wide; j++)
                sum[i][j] = FMA(factor, row[j], sum[i][j]);
        }
    }
    for (int i = 0; i < tall; i++)
        for (int j = 0; j < wide; j++)
            STORE(c + (size_t)i * size->columns + j * LANES, sum[i][j]);
}

/* `tall` rows of c = aᵀ · b, or c += that, by `wide` vectors; a is rows × depth. */
INLINE void NAME(lines)(const float *a, const float *b, const Product *size, float *c,
                        const int tall, const int wide) {
    VECTOR sum[12][WIDE];
    for (int i = 0; i < tall; i++)
        for (int j = 0; j < wide; j++)
            sum[i][j] = size->adds ? LOAD(c + (size_t)i * size->columns + j * LANES) : SPREAD(0.0f);
    for (size_t r = 0; r < size->rows; r++, a += size->depth, b += size->columns) {
        VECTOR row[WIDE];
        for (int j = 0; j < wide; j++)
            row[j] = LOAD(b + j * LANES);
        for (int i = 0; i < tall; i++) {
            VECTOR factor = SPREAD(a[i]);
            for (int j = 0; j < wide; j++)
                sum[i][j] = FMA(factor, row[j], sum[i][j]);
        }
    }
    for (int i = 0; i < tall; i++)
        for (int j = 0; j < wide; j++)
            STORE(c + (size_t)i * size->columns + j * LANES, sum[i][j]);
}

#define TALL(wide) ((wide) == WIDE ? 6 : 12)

/* Every height has its own code, so that loops over rows are unrolled. */
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

INLINE void NAME(multiply_columns)(const float *a, const float *b, const Product *size, float *c,
                                   const int wide) {
    for (size_t i = 0; i < size->rows; i += TALL(wide)) {
        size_t left = size->rows - i, tall = left < TALL(wide) ? left : TALL(wide);
#define CALL(tall) NAME(rows)(a + i * size->depth, b, size, c + i * size->columns, tall, wide)
        EACH_HEIGHT(CALL, tall)
#undef CALL
    }
}

INLINE void NAME(outer_columns)(const float *a, const float *b, const Product *size, float *c,
                                const int wide) {
    for (size_t i = 0; i < size->depth; i += TALL(wide)) {
        size_t left = size->depth - i, tall = left < TALL(wide) ? left : TALL(wide);
#define CALL(tall) NAME(lines)(a + i, b, size, c + i * size->columns, tall, wide)
        EACH_HEIGHT(CALL, tall)
#undef CALL
    }
}

#undef EACH_HEIGHT
#undef TALL

/* c = a · b; and c = aᵀ · b, or += where the size says so. */
TARGET static void NAME(multiply)(const float *a, const float *b, const Product *size, float *c) {
    size_t column = 0;
    for (; column + WIDE * LANES <= size->columns; column += WIDE * LANES)
        NAME(multiply_columns)(a, b + column, size, c + column, WIDE);
#if WIDE > 2
    for (; column + 2 * LANES <= size->columns; column += 2 * LANES)
        NAME(multiply_columns)(a, b + column, size, c + column, 2);
#endif
    for (; column < size->columns; column += LANES)
        NAME(multiply_columns)(a, b + column, size, c + column, 1);
}

TARGET static void NAME(outer)(const float *a, const float *b, const Product *size, float *c) {
    size_t column = 0;
    for (; column + WIDE * LANES <= size->columns; column += WIDE * LANES)
        NAME(outer_columns)(a, b + column, size, c + column, WIDE);
#if WIDE > 2
    for (; column + 2 * LANES <= size->columns; column += 2 * LANES)
        NAME(outer_columns)(a, b + column, size, c + column, 2);
#endif
    for (; column < size->columns; column += LANES)
        NAME(outer_columns)(a, b + column, size, c + column, 1);
}

// NOLINTEND(bugprone-implicit-widening-of-multiplication-result)
