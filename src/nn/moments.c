#include "nn/moments.h"

#include "core/simd.h"

SIMD_CLONES
void moments_add(const Lanes *block, const float *x, float *restrict sum) {
    size_t lanes = block->lanes, alone = lanes == 1 ? block->rows : 0;
    float total = 0;
#pragma omp simd reduction(+ : total)
    for (size_t i = 0; i < alone; i++)
        total += x[i];
    sum[0] += total;
    for (size_t at = 0; !alone && at < block->rows * lanes; at += lanes)
        for (size_t c = 0; c < lanes; c++)
            sum[c] += x[at + c];
}

SIMD_CLONES
void moments_add_products(const Lanes *block, const float *x, const float *y, float *restrict sum) {
    size_t lanes = block->lanes, alone = lanes == 1 ? block->rows : 0;
    float total = 0;
#pragma omp simd reduction(+ : total)
    for (size_t i = 0; i < alone; i++)
        total += x[i] * y[i];
    sum[0] += total;
    for (size_t at = 0; !alone && at < block->rows * lanes; at += lanes)
        for (size_t c = 0; c < lanes; c++)
            sum[c] += x[at + c] * y[at + c];
}

SIMD_CLONES
void moments_add_squares(const Lanes *block, const float *x, const float *mean,
                         float *restrict sum) {
    size_t lanes = block->lanes, alone = lanes == 1 ? block->rows : 0;
    float total = 0, middle = mean[0];
#pragma omp simd reduction(+ : total)
    for (size_t i = 0; i < alone; i++)
        total += (x[i] - middle) * (x[i] - middle);
    sum[0] += total;
    for (size_t at = 0; !alone && at < block->rows * lanes; at += lanes)
        for (size_t c = 0; c < lanes; c++)
            sum[c] += (x[at + c] - mean[c]) * (x[at + c] - mean[c]);
}
