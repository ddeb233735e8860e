/* lanes_avx512.h — what the inner loops of panel_block.h and winograd_block.h are written in, with
 * AVX-512; lanes_avx2.h has the same names. Such a loop is included once after each, and
 * lanes_end.h forgets them. Arithmetic between vectors is +, − and *. LOAD_SOME has lanes from …
 * to − 1, and 0 in the others, STORE_SOME the first n; what lies elsewhere is not touched. */
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,bmi2")))
#define INLINE TARGET static inline __attribute__((always_inline))
#define NAME(x) avx512_##x
#define VECTOR __m512
#define LANES 16
#define WIDE 4 /* vectors side by side: with six rows of sums they fill the registers */
#define LOAD(p) _mm512_loadu_ps(p)
#define STORE(p, v) _mm512_storeu_ps(p, v)
#define SPREAD(x) _mm512_set1_ps(x)
#define FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#define LOAD_SOME(p, from, to) _mm512_maskz_loadu_ps((__mmask16)((1u << (to)) - (1u << (from))), p)
#define STORE_SOME(p, n, v) _mm512_mask_storeu_ps(p, (__mmask16)((1u << (n)) - 1), v)
