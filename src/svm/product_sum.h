/* product_sum.h — products with a matrix as it lies, after product_block.h. */

// Lanes and vectors are few: their products are far from what an int holds.
// NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result)

/* So many vectors of columns of the result. */
INLINE void NAME(strip)(size_t rows, size_t terms, size_t columns, const float *factor,
                        const float *matrix, float *out, const int wide) {
    for (size_t i = 0; i < rows; i += 6) {
        const float *x = factor + i * terms;
        float *to = out + i * columns;
        NAME(some_rows)(rows - i, x, terms, matrix, columns, to, columns, wide);
    }
}

TARGET static void NAME(sum)(size_t rows, size_t terms, size_t columns, const float *factor,
                             const float *matrix, float *out) {
    size_t c = 0;
    for (; c + WIDE * LANES <= columns; c += WIDE * LANES)
        NAME(strip)(rows, terms, columns, factor, matrix + c, out + c, WIDE);
    for (; c < columns; c += LANES)
        NAME(strip)(rows, terms, columns, factor, matrix + c, out + c, 1);
}

// NOLINTEND(bugprone-implicit-widening-of-multiplication-result)
