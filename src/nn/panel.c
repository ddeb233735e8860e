#include "nn/panel.h"

#include "core/simd.h"

static void plain_add_runs(const PanelRuns *runs, float *to) {
    for (size_t s = 0; s < runs->sources; s++)
        for (size_t i = 0; i < runs->count; i++)
            for (size_t k = 0; k < runs->length; k++)
                to[i * runs->step + k] += runs->from[s][i * runs->stride + k];
}

#if defined(__x86_64__) && defined(__GNUC__) && PERIGEE_SIMD_MOST > 0

#include "nn/lanes_avx512.h"
#include "nn/panel_block.h"
#include "nn/lanes_end.h"

#include "nn/lanes_avx2.h"
#include "nn/panel_block.h"
#include "nn/lanes_end.h"

static bool has_avx512(void) {
    return PERIGEE_SIMD_MOST > 1 && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("bmi2");
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

void panel_outer(const PanelRows *rows, const float *factor, size_t columns, bool fresh,
                 float *sum) {
    if (has_avx512())
        avx512_panel_outer(rows, factor, columns, fresh, sum);
    else
        avx2_panel_outer(rows, factor, columns, fresh, sum);
}

void panel_add_runs(const PanelRuns *runs, float *to) {
    if (has_avx512())
        avx512_add_runs(runs, to);
    else if (panel_fits(16))
        avx2_add_runs(runs, to);
    else
        plain_add_runs(runs, to);
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

void panel_outer(const PanelRows *rows, const float *factor, size_t columns, bool fresh,
                 float *sum) {
    (void)rows, (void)factor, (void)columns, (void)fresh, (void)sum;
}

void panel_add_runs(const PanelRuns *runs, float *to) {
    plain_add_runs(runs, to);
}

#endif
