/* machine — the limits of this machine, for the bench: name, value and unit a line.
 *
 *     peak.fma        GFLOP/s   multiply-adds that never leave the registers, all threads at once
 *     peak.sgemm      GFLOP/s   OpenBLAS, 1536 × 1536 × 1536, split over the same threads
 *     peak.bandwidth  GB/s      reading 256 MB once, all threads at once
 *     pages.first     GB/s      a gigabyte from the system, all threads at once, and
 *     pages.again     GB/s      once more, when it has just been given back
 *
 * Peaks are the best of some runs, the first two per second of processor time: a limit is what can
 * be reached, not what a busy machine left. Pages are taken once each: a virtual machine may have
 * to ask its host for those that it has not used lately, twenty times as slowly. */
#include "core/blas.h"
#include "core/pages.h"
#include "core/parallel.h"
#include "core/simd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { RUNS = 5, CHAINS = 12, SIDE = 1536 };

static double seconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Called for its time; answers how many units of work it did. */
typedef double Work(void);

static double best_rate(Work *work, clockid_t clock) {
    double best = 0;
    for (int run = 0; run < RUNS; run++) {
        double start = seconds(clock), done = work();
        double rate = done / (seconds(clock) - start);
        best = rate > best ? rate : best;
    }
    return best;
}

/* ---- Multiply-adds --------------------------------------------------------------------------- */

static volatile float sink;
static const size_t rounds = 3000000;

/* Twelve independent chains hide the latency of one multiply-add. */
#define CHAINED(name, instructions, Vector, lanes, SPREAD, FMA)                                    \
    __attribute__((target(instructions))) static void name(void) {                                 \
        Vector sum[CHAINS], factor = SPREAD(0.999f + sink), term = SPREAD(0.001f);                 \
        float out[lanes];                                                                          \
        for (int i = 0; i < CHAINS; i++)                                                           \
            sum[i] = SPREAD((float)i);                                                             \
        for (size_t r = 0; r < rounds; r++)                                                        \
            for (int i = 0; i < CHAINS; i++)                                                       \
                sum[i] = FMA(sum[i], factor, term);                                                \
        for (int i = 1; i < CHAINS; i++)                                                           \
            sum[0] = FMA(sum[0], factor, sum[i]);                                                  \
        memcpy(out, &sum[0], sizeof out);                                                          \
        sink = out[0] > 1e30f;                                                                     \
    }

#if defined(__x86_64__)
CHAINED(chains_avx512, "avx512f", __m512, 16, _mm512_set1_ps, _mm512_fmadd_ps)
CHAINED(chains_avx2, "avx2,fma", __m256, 8, _mm256_set1_ps, _mm256_fmadd_ps)

static void fma_body(void *context, size_t first, size_t last, int worker) {
    const size_t *lanes = context;
    (void)first, (void)last, (void)worker;
    if (*lanes == 16)
        chains_avx512();
    else
        chains_avx2();
}

static size_t lanes_here(void) {
    if (__builtin_cpu_supports("avx512f"))
        return 16;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? 8 : 0;
}

static double multiply_adds(void) {
    size_t lanes = lanes_here(), threads = (size_t)parallel_threads();
    parallel_for(threads, 1, fma_body, &lanes);
    return 2.0 * (double)(threads * lanes * CHAINS * rounds);
}
#else
static size_t lanes_here(void) {
    return 0;
}

static double multiply_adds(void) {
    return 0;
}
#endif

/* ---- A large product, and memory ------------------------------------------------------------- */

static float *matrix[3];

static double product(void) {
    blas_sgemm(false, false, SIDE, SIDE, SIDE, 1, matrix[0], SIDE, matrix[1], SIDE, 0, matrix[2],
               SIDE);
    return 2.0 * SIDE * SIDE * SIDE;
}

static const size_t block_bytes = (size_t)256 << 20;
static float *block;

SIMD_CLONES static float sum_of(const float *x, size_t n) {
    float part[64] = { 0 }, sum = 0;
    for (size_t i = 0; i + 64 <= n; i += 64)
        for (size_t lane = 0; lane < 64; lane++)
            part[lane] += x[i + lane];
    for (size_t lane = 0; lane < 64; lane++)
        sum += part[lane];
    return sum;
}

static void read_body(void *context, size_t first, size_t last, int worker) {
    (void)context, (void)worker;
    sink = sum_of(block + first, last - first);
}

static double reading(void) {
    parallel_for(block_bytes / sizeof(float), 1 << 20, read_body, NULL);
    return (double)block_bytes;
}

static void check(const void *memory) {
    if (memory)
        return;
    fputs("machine: no memory for the measurement\n", stderr);
    exit(1);
}

static float *filled(size_t n) {
    float *memory = aligned_alloc(64, n * sizeof *memory);
    check(memory);
    for (size_t i = 0; i < n; i++)
        memory[i] = (float)(i % 17) / 17;
    return memory;
}

static void touch_body(void *context, size_t first, size_t last, int worker) {
    enum { PAGE = 4096 };
    volatile char *memory = context;
    (void)worker;
    for (size_t i = first; i < last; i += PAGE)
        memory[i] = 1;
}

static double new_pages(void) {
    static const size_t bytes = (size_t)1 << 30, piece = (size_t)1 << 23;
    char *memory = pages_take(bytes);
    check(memory);
    double start = seconds(CLOCK_MONOTONIC);
    parallel_for(bytes, piece, touch_body, memory);
    double rate = (double)bytes / (seconds(CLOCK_MONOTONIC) - start);
    free(memory);
    return rate;
}

int main(int argc, char **argv) {
    (void)argc;
    blas_mend(argv);
    for (int i = 0; i < 3; i++)
        matrix[i] = filled((size_t)SIDE * SIDE);
    block = filled(block_bytes / sizeof(float));
    double threads = parallel_threads();
    double sgemm = threads * best_rate(product, CLOCK_PROCESS_CPUTIME_ID);
    double fma =
        lanes_here() ? threads * best_rate(multiply_adds, CLOCK_PROCESS_CPUTIME_ID) : sgemm;
    printf("peak.fma %.6g GFLOP/s\n", 1e-9 * fma);
    printf("peak.sgemm %.6g GFLOP/s\n", 1e-9 * sgemm);
    printf("peak.bandwidth %.6g GB/s\n", 1e-9 * best_rate(reading, CLOCK_MONOTONIC));
    printf("pages.first %.6g GB/s\n", 1e-9 * new_pages());
    printf("pages.again %.6g GB/s\n", 1e-9 * new_pages());
    for (int i = 0; i < 3; i++)
        free(matrix[i]);
    free(block);
    return 0;
}
