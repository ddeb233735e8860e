#include "svm/product.h"

#include "core/pages.h"
#include "core/simd.h"

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__) && PERIGEE_SIMD_MOST > 0

#include <immintrin.h>

/* ---- AVX-512 --------------------------------------------------------------------------------- */

#define TARGET __attribute__((target("avx512f")))
#define INLINE TARGET static inline __attribute__((always_inline))
#define WIDE 4

#define NAME(x) avx512_float_##x
#define REAL float
#define VECTOR __m512
#define LANES 16
#define ZERO _mm512_setzero_ps()
#define LOAD(p) _mm512_loadu_ps(p)
#define STORE(p, v) _mm512_storeu_ps(p, v)
#define SPREAD(x) _mm512_set1_ps(x)
#define FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#include "svm/product_block.h"
#include "svm/product_sum.h"
#include "svm/product_end.h"

#define NAME(x) avx512_double_##x
#define REAL double
#define VECTOR __m512d
#define LANES 8
#define ZERO _mm512_setzero_pd()
#define LOAD(p) _mm512_loadu_pd(p)
#define STORE(p, v) _mm512_storeu_pd(p, v)
#define SPREAD(x) _mm512_set1_pd(x)
#define FMA(a, b, c) _mm512_fmadd_pd(a, b, c)
#include "svm/product_block.h"
#include "svm/product_weigh.h"
#include "svm/product_end.h"

#undef TARGET
#undef INLINE
#undef WIDE

/* ---- AVX2 ------------------------------------------------------------------------------------ */

#define TARGET __attribute__((target("avx2,fma")))
#define INLINE TARGET static inline __attribute__((always_inline))
#define WIDE 2

#define NAME(x) avx2_float_##x
#define REAL float
#define VECTOR __m256
#define LANES 8
#define ZERO _mm256_setzero_ps()
#define LOAD(p) _mm256_loadu_ps(p)
#define STORE(p, v) _mm256_storeu_ps(p, v)
#define SPREAD(x) _mm256_set1_ps(x)
#define FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#include "svm/product_block.h"
#include "svm/product_sum.h"
#include "svm/product_end.h"

#define NAME(x) avx2_double_##x
#define REAL double
#define VECTOR __m256d
#define LANES 4
#define ZERO _mm256_setzero_pd()
#define LOAD(p) _mm256_loadu_pd(p)
#define STORE(p, v) _mm256_storeu_pd(p, v)
#define SPREAD(x) _mm256_set1_pd(x)
#define FMA(a, b, c) _mm256_fmadd_pd(a, b, c)
#include "svm/product_block.h"
#include "svm/product_weigh.h"
#include "svm/product_end.h"

/* ---- Public ---------------------------------------------------------------------------------- */

enum { WIDEST = 64 }; /* numbers in the widest panel */

static bool has_avx512(void) {
    return PERIGEE_SIMD_MOST > 1 && __builtin_cpu_supports("avx512f");
}

bool product_fits(void) {
    return has_avx512() || (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
}

size_t product_packed_bytes(size_t n, size_t features, bool wide) {
    size_t padded = (n + WIDEST - 1) / WIDEST * WIDEST;
    return padded * features * (wide ? sizeof(double) : sizeof(float));
}

float *product_pack(const float *x, size_t n, size_t features) {
    float *packed = pages_take(product_packed_bytes(n, features, false));
    if (packed)
        (has_avx512() ? avx512_float_pack : avx2_float_pack)(x, n, features, packed);
    return packed;
}

double *product_pack_wide(const double *x, size_t n, size_t features) {
    double *packed = pages_take(product_packed_bytes(n, features, true));
    if (packed)
        (has_avx512() ? avx512_double_pack : avx2_double_pack)(x, n, features, packed);
    return packed;
}

void product_rows(ProductTile tile, const float *x, const float *packed, float *out) {
    (has_avx512() ? avx512_float_rows : avx2_float_rows)(tile, x, packed, out);
}

void product_rows_wide(ProductTile tile, const double *x, const double *packed, double *out) {
    (has_avx512() ? avx512_double_rows : avx2_double_rows)(tile, x, packed, out);
}

bool product_sum(size_t rows, size_t terms, size_t columns, const float *factor,
                 const float *matrix, float *out) {
    if (columns % 16 != 0 || !product_fits())
        return false;
    (has_avx512() ? avx512_float_sum : avx2_float_sum)(rows, terms, columns, factor, matrix, out);
    return true;
}

void product_weigh(size_t rows, size_t columns, const double *values, ProductWeights weights,
                   double *out) {
    (has_avx512() ? avx512_double_weigh : avx2_double_weigh)(rows, columns, values, weights, out);
}

#else

bool product_fits(void) {
    return false;
}

size_t product_packed_bytes(size_t n, size_t features, bool wide) {
    (void)n, (void)features, (void)wide;
    return 0;
}

float *product_pack(const float *x, size_t n, size_t features) {
    (void)x, (void)n, (void)features;
    return NULL;
}

double *product_pack_wide(const double *x, size_t n, size_t features) {
    (void)x, (void)n, (void)features;
    return NULL;
}

/* Never called where nothing fits. */
void product_rows(ProductTile tile, const float *x, const float *packed, float *out) {
    (void)tile, (void)x, (void)packed, (void)out;
}

void product_rows_wide(ProductTile tile, const double *x, const double *packed, double *out) {
    (void)tile, (void)x, (void)packed, (void)out;
}

bool product_sum(size_t rows, size_t terms, size_t columns, const float *factor,
                 const float *matrix, float *out) {
    (void)rows, (void)terms, (void)columns, (void)factor, (void)matrix, (void)out;
    return false;
}

void product_weigh(size_t rows, size_t columns, const double *values, ProductWeights weights,
                   double *out) {
    (void)rows, (void)columns, (void)values, (void)weights, (void)out;
}

#endif
