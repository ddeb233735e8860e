#include "nn/panel.h"

#include "core/simd.h"

#if defined(__x86_64__) && defined(__GNUC__) && PERIGEE_SIMD_MOST > 0

#include <immintrin.h>

#define TARGET __attribute__((target("avx512f")))
#define NAME(x) avx512_##x
#define VECTOR __m512
#define LANES 16
#define WIDE 4
#define LOAD(p) _mm512_loadu_ps(p)
#define STORE(p, v) _mm512_storeu_ps(p, v)
#define SPREAD(x) _mm512_set1_ps(x)
#define FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#include "nn/panel_block.h"
#undef TARGET
#undef NAME
#undef VECTOR
#undef LANES
#undef WIDE
#undef LOAD
#undef STORE
#undef SPREAD
#undef FMA

#define TARGET __attribute__((target("avx2,fma")))
#define NAME(x) avx2_##x
#define VECTOR __m256
#define LANES 8
#define WIDE 2
#define LOAD(p) _mm256_loadu_ps(p)
#define STORE(p, v) _mm256_storeu_ps(p, v)
#define SPREAD(x) _mm256_set1_ps(x)
#define FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#include "nn/panel_block.h"

static bool has_avx512(void) {
    return PERIGEE_SIMD_MOST > 1 && __builtin_cpu_supports("avx512f");
}

bool panel_fits(size_t columns) {
    return columns % 16 == 0 &&
           (has_avx512() || (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")));
}

void panel_multiply(const PanelRows *rows, const float *matrix, size_t columns, const float *bias,
                    float *const *out) {
    if (has_avx512())
        avx512_panel_multiply(rows, matrix, columns, bias, out);
    else
        avx2_panel_multiply(rows, matrix, columns, bias, out);
}

void panel_outer(const PanelRows *rows, const float *factor, size_t columns, float *sum) {
    if (has_avx512())
        avx512_panel_outer(rows, factor, columns, sum);
    else
        avx2_panel_outer(rows, factor, columns, sum);
}

#else

bool panel_fits(size_t columns) {
    (void)columns;
    return false;
}

/* Never called where nothing fits. */
void panel_multiply(const PanelRows *rows, const float *matrix, size_t columns, const float *bias,
                    float *const *out) {
    (void)rows, (void)matrix, (void)columns, (void)bias, (void)out;
}

void panel_outer(const PanelRows *rows, const float *factor, size_t columns, float *sum) {
    (void)rows, (void)factor, (void)columns, (void)sum;
}

#endif
