/* product.h — products of a tile's rows with support vectors that lie ready for them.
 *
 * Six rows by four vectors of sums stay in the registers, and what they are multiplied with in a
 * nearer cache; nothing is packed on the way, as BLAS does at every call. Only where the processor
 * has AVX2 or AVX-512: elsewhere callers use BLAS. Each call runs on the calling thread, and a
 * sum's bits depend on its two rows alone. */
#ifndef PERIGEE_SVM_PRODUCT_H
#define PERIGEE_SVM_PRODUCT_H

#include <stdbool.h>
#include <stddef.h>

/* Is there anything here for this processor? */
bool product_fits(void);

/* n rows turned into panels of a register block's width, the last one filled up with zeros: a panel
 * is `features` rows of as many numbers. NULL: no memory. free() frees them. */
float *product_pack(const float *x, size_t n, size_t features);
double *product_pack_wide(const double *x, size_t n, size_t features);

/* What they take. */
size_t product_packed_bytes(size_t n, size_t features, bool wide);

/* rows × columns inner products of x (rows × features) with the packed rows from `first` on, which
 * is a multiple of 64. */
typedef struct ProductTile {
    size_t rows, features, first, columns;
} ProductTile;
void product_rows(ProductTile tile, const float *x, const float *packed, float *out);
void product_rows_wide(ProductTile tile, const double *x, const double *packed, double *out);

/* out (rows × columns) = factor (rows × terms) · matrix (terms × columns). False, and nothing done,
 * if the columns are no multiple of 16. */
bool product_sum(size_t rows, size_t terms, size_t columns, const float *factor,
                 const float *matrix, float *out);

/* out[i · stride + c] = Σ_j values[i][j] · weights[c · apart + j], for rows i, functions c and
 * columns j. */
typedef struct ProductWeights {
    const double *weights;
    size_t functions, apart, stride;
} ProductWeights;
void product_weigh(size_t rows, size_t columns, const double *values, ProductWeights weights,
                   double *out);

#endif
