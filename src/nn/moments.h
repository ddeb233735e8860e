/* moments.h — sums that make means and variances: of the numbers in each lane of a block of rows
 * (channels lie innermost, so a row has one number of every lane; a block of one lane is a vector).
 */
#ifndef PERIGEE_NN_MOMENTS_H
#define PERIGEE_NN_MOMENTS_H

#include <stddef.h>

typedef struct Lanes {
    size_t rows, lanes;
} Lanes;

/* sum[lane] += x; and += x · y; and += (x − mean[lane])², which loses nothing where the mean is
 * large. */
void moments_add(const Lanes *block, const float *x, float *sum);
void moments_add_products(const Lanes *block, const float *x, const float *y, float *sum);
void moments_add_squares(const Lanes *block, const float *x, const float *mean, float *sum);

#endif
