/* lanes_avx2.h — the names of lanes_avx512.h with AVX2 and FMA. */
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma")))
#define INLINE TARGET static inline __attribute__((always_inline))
#define NAME(x) avx2_##x
#define VECTOR __m256
#define LANES 8
#define WIDE 2
#define LOAD(p) _mm256_loadu_ps(p)
#define STORE(p, v) _mm256_storeu_ps(p, v)
#define SPREAD(x) _mm256_set1_ps(x)
#define FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#define LOAD_SOME(p, from, to) _mm256_maskload_ps(p, avx2_some(from, to))
#define STORE_SOME(p, n, v) _mm256_maskstore_ps(p, avx2_some(0, n), v)

#ifndef PERIGEE_NN_LANES_AVX2
#define PERIGEE_NN_LANES_AVX2

/* Lanes from … to − 1. */
TARGET static inline __m256i avx2_some(size_t from, size_t to) {
    static const int ones[24] = { 0, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1, -1, -1, -1, -1, -1 };
    const int *above = ones + 8 - from, *below = ones + 16 - to;
    return _mm256_and_si256(_mm256_loadu_si256((const __m256i *)above),
                            _mm256_loadu_si256((const __m256i *)below));
}

#endif
