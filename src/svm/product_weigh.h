/* product_weigh.h — sums of values by the coefficients of functions, after product_block.h. */

/* `tall` rows by `some` functions; lanes are columns. Sums and what they are made of fill the
 * registers, of which AVX-512 has twice as many. */
#define TALL (LANES == 8 ? 4 : 2)
#define SOME 5
INLINE void NAME(weigh_block)(size_t columns, const double *values, ProductWeights w, size_t first,
                              double *out, const int tall, const int some) {
    const double *weights = w.weights + first * w.apart;
    VECTOR sum[TALL][SOME];
    for (int i = 0; i < tall; i++)
        for (int c = 0; c < some; c++)
            sum[i][c] = ZERO;
    size_t j = 0;
    for (; j + LANES <= columns; j += LANES) {
        VECTOR value[TALL];
        for (int i = 0; i < tall; i++)
            value[i] = LOAD(values + (size_t)i * columns + j);
        for (int c = 0; c < some; c++) {
            VECTOR weight = LOAD(weights + (size_t)c * w.apart + j);
            for (int i = 0; i < tall; i++)
                sum[i][c] = FMA(value[i], weight, sum[i][c]);
        }
    }
    for (int i = 0; i < tall; i++)
        for (int c = 0; c < some; c++) {
            double lane[LANES], total = 0;
            STORE(lane, sum[i][c]);
            for (int k = 0; k < LANES; k++)
                total += lane[k];
            for (size_t rest = j; rest < columns; rest++)
                total += values[(size_t)i * columns + rest] * weights[(size_t)c * w.apart + rest];
            out[(size_t)i * w.stride + first + (size_t)c] = total;
        }
}

INLINE void NAME(weigh_rows)(size_t columns, const double *values, ProductWeights w, double *out,
                             const int tall) {
    size_t c = 0;
    for (; c + SOME <= w.functions; c += SOME)
        NAME(weigh_block)(columns, values, w, c, out, tall, SOME);
    for (; c < w.functions; c++)
        NAME(weigh_block)(columns, values, w, c, out, tall, 1);
}

TARGET static void NAME(weigh)(size_t rows, size_t columns, const double *values, ProductWeights w,
                               double *out) {
    size_t i = 0;
    for (; i + TALL <= rows; i += TALL)
        NAME(weigh_rows)(columns, values + i * columns, w, out + i * w.stride, TALL);
    for (; i < rows; i++)
        NAME(weigh_rows)(columns, values + i * columns, w, out + i * w.stride, 1);
}

#undef SOME
#undef TALL
