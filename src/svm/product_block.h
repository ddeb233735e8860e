/* product_block.h — the inner loops of product.c, included there once for each instruction set and
 * type of number. Six rows by WIDE vectors of sums fill the registers. */

// Lanes and vectors are few: their products are far from what an int holds.
// NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result)

#define PANEL (WIDE * LANES)

/* Terms that one chain of additions takes before its sum joins the others: a short chain rounds
 * less. */
#define CHAIN ((size_t)256)

/* out (tall rows of `apart` numbers) = rows of x (`features` each) · wide vectors of the matrix. */
INLINE void NAME(sums)(const REAL *x, size_t features, const REAL *matrix, size_t stride, REAL *out,
                       size_t apart, const int tall, const int wide) {
    for (size_t from = 0; from == 0 || from < features; from += CHAIN) {
        size_t end = features - from < CHAIN ? features : from + CHAIN;
        VECTOR sum[6][WIDE];
        for (int i = 0; i < tall; i++)
            for (int j = 0; j < wide; j++)
                sum[i][j] = ZERO;
        for (size_t k = from; k < end; k++) {
            VECTOR row[WIDE];
            for (int j = 0; j < wide; j++)
                row[j] = LOAD(matrix + k * stride + j * LANES);
            for (int i = 0; i < tall; i++) {
                VECTOR factor = SPREAD(x[(size_t)i * features + k]);
                for (int j = 0; j < wide; j++)
                    sum[i][j] = FMA(factor, row[j], sum[i][j]);
            }
        }
        for (int i = 0; i < tall; i++)
            for (int j = 0; j < wide; j++) {
                REAL *to = out + (size_t)i * apart + j * LANES;
                if (from > 0)
                    sum[i][j] += LOAD(to);
                STORE(to, sum[i][j]);
            }
    }
}

/* So many rows, each count with its own code, so that every loop over rows is unrolled. */
INLINE void NAME(some_rows)(size_t rows, const REAL *x, size_t features, const REAL *matrix,
                            size_t stride, REAL *out, size_t apart, const int wide) {
    switch (rows) {
    case 1:
        NAME(sums)(x, features, matrix, stride, out, apart, 1, wide);
        break;
    case 2:
        NAME(sums)(x, features, matrix, stride, out, apart, 2, wide);
        break;
    case 3:
        NAME(sums)(x, features, matrix, stride, out, apart, 3, wide);
        break;
    case 4:
        NAME(sums)(x, features, matrix, stride, out, apart, 4, wide);
        break;
    case 5:
        NAME(sums)(x, features, matrix, stride, out, apart, 5, wide);
        break;
    default:
        NAME(sums)(x, features, matrix, stride, out, apart, 6, wide);
        break;
    }
}

/* One panel; what fills it up is left behind. */
TARGET static void NAME(panel)(ProductTile tile, const REAL *x, const REAL *packed, REAL *out,
                               size_t columns) {
    REAL block[6 * PANEL];
    size_t d = tile.features;
    for (size_t i = 0; i < tile.rows; i += 6) {
        size_t tall = tile.rows - i < 6 ? tile.rows - i : 6, apart = tile.columns;
        REAL *to = out + i * apart;
        if (columns == PANEL) {
            NAME(some_rows)(tall, x + i * d, d, packed, PANEL, to, apart, WIDE);
            continue;
        }
        NAME(some_rows)(tall, x + i * d, d, packed, PANEL, block, PANEL, WIDE);
        for (size_t k = 0; k < tall; k++)
            memcpy(to + k * apart, block + k * PANEL, columns * sizeof *to);
    }
}

static void NAME(rows)(ProductTile tile, const REAL *x, const REAL *packed, REAL *out) {
    for (size_t column = 0; column < tile.columns; column += PANEL) {
        size_t left = tile.columns - column, count = left < PANEL ? left : PANEL;
        const REAL *from = packed + (tile.first + column) * tile.features;
        NAME(panel)(tile, x, from, out + column, count);
    }
}

static void NAME(pack)(const REAL *x, size_t n, size_t features, REAL *packed) {
    for (size_t first = 0; first < n; first += PANEL, packed += PANEL * features)
        for (size_t k = 0; k < features; k++)
            for (size_t j = 0; j < PANEL; j++)
                packed[k * PANEL + j] = first + j < n ? x[(first + j) * features + k] : 0;
}

#undef CHAIN
#undef PANEL

// NOLINTEND(bugprone-implicit-widening-of-multiplication-result)
