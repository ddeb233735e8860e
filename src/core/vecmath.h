/* vecmath.h — elementary functions over contiguous vectors, written so that the compiler turns them
 * into SIMD code (libm's are calls, one element at a time).
 *
 * No fused operations are used, so every instruction set gives the same bits. y may be x itself,
 * but must not overlap it otherwise. Each call runs on the calling thread. */
#ifndef PERIGEE_CORE_VECMATH_H
#define PERIGEE_CORE_VECMATH_H

#include <stddef.h>

/* y[i] = exp(x[i]), within 2 ulp over the whole range, denormal results included: what is too large
 * gives +inf, what is too small and −inf give 0, NaN stays NaN. */
void vec_expf(const float *x, float *y, size_t n);
void vec_exp(const double *x, double *y, size_t n);

/* y[i] = log(x[i]), within 2 ulp, denormal x included: −inf for 0, NaN for what is less. */
void vec_logf(const float *x, float *y, size_t n);
void vec_log(const double *x, double *y, size_t n);

/* y[i] = tanh(x[i]), within 4 ulp; the sign of zero is kept. */
void vec_tanhf(const float *x, float *y, size_t n);
void vec_tanh(const double *x, double *y, size_t n);

/* y[i] = erf(x[i]), within 3 ulp; the sign of zero is kept. */
void vec_erff(const float *x, float *y, size_t n);

#endif
