/* product_sum.h — products with a matrix as it lies, after product_block.h. */

TARGET static void NAME(sum)(size_t rows, size_t terms, size_t columns, const float *factor,
                             const float *matrix, float *out) {
    for (size_t column = 0; column < columns;) {
        bool whole = columns - column >= WIDE * LANES;
        for (size_t i = 0; i < rows; i += 6) {
            size_t tall = rows - i < 6 ? rows - i : 6, at = i * columns + column;
            if (whole)
                NAME(some_rows)
                (tall, factor + i * terms, terms, matrix + column, columns, out + at, columns,
                 WIDE);
            else
                NAME(some_rows)
                (tall, factor + i * terms, terms, matrix + column, columns, out + at, columns, 1);
        }
        column += whole ? WIDE * LANES : LANES;
    }
}
