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
