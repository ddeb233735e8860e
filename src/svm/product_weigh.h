/* product_weigh.h — sums of values by the coefficients of functions, after product_block.h. */

/* `tall` rows by `some` functions; lanes are columns. */
INLINE void NAME(weigh_block)(size_t columns, const double *values, const double *weights,
                              size_t apart, double *out, size_t stride, const int tall,
                              const int some) {
    VECTOR sum[3][4];
    for (int i = 0; i < tall; i++)
        for (int c = 0; c < some; c++)
            sum[i][c] = ZERO;
    size_t j = 0;
    for (; j + LANES <= columns; j += LANES) {
        VECTOR value[3];
        for (int i = 0; i < tall; i++)
            value[i] = LOAD(values + (size_t)i * columns + j);
        for (int c = 0; c < some; c++) {
            VECTOR weight = LOAD(weights + (size_t)c * apart + j);
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
                total += values[(size_t)i * columns + rest] * weights[(size_t)c * apart + rest];
            out[(size_t)i * stride + (size_t)c] = total;
        }
}

INLINE void NAME(weigh_rows)(size_t columns, const double *values, ProductWeights w, double *out,
                             const int tall) {
    size_t c = 0;
    for (; c + 4 <= w.functions; c += 4)
        NAME(weigh_block)(columns, values, w.weights + c * w.apart, w.apart, out + c, w.stride,
                          tall, 4);
    for (; c < w.functions; c++)
        NAME(weigh_block)(columns, values, w.weights + c * w.apart, w.apart, out + c, w.stride,
                          tall, 1);
}

TARGET static void NAME(weigh)(size_t rows, size_t columns, const double *values, ProductWeights w,
                               double *out) {
    size_t i = 0;
    for (; i + 3 <= rows; i += 3)
        NAME(weigh_rows)(columns, values + i * columns, w, out + i * w.stride, 3);
    for (; i < rows; i++)
        NAME(weigh_rows)(columns, values + i * columns, w, out + i * w.stride, 1);
}
