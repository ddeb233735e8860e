#include "core/blas.h"

#include "core/parallel.h"

#include <cblas.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Below about a million multiplications waking the workers costs more than they save. */
static const double WORTH_SPLITTING = 1e6;

/* Marks the restarted program, so that a library that still falls back cannot make it loop. */
static const char MENDED[] = "PERIGEE_BLAS_MENDED";

const char *blas_core_name(void) {
    return openblas_get_corename();
}

const char *blas_version(void) {
    return openblas_get_config();
}

static const char *better_core(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return "SkylakeX";
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return "Haswell";
#endif
    return NULL;
}

void blas_mend_core(char **argv) {
    const char *better = better_core();
    bool restarted = getenv(MENDED) != NULL;
    if (restarted) { /* children of ours (gnuplot, a user's script) start from a clean slate */
        unsetenv(MENDED);
        unsetenv("OPENBLAS_CORETYPE");
        return;
    }
    if (!better || getenv("OPENBLAS_CORETYPE") || strcmp(blas_core_name(), "Prescott") != 0)
        return;
    setenv(MENDED, "1", 1);
    setenv("OPENBLAS_CORETYPE", better, 1);
    execv("/proc/self/exe", argv);
    /* No way to restart: go on, slower. */
    unsetenv(MENDED);
    unsetenv("OPENBLAS_CORETYPE");
}

static enum CBLAS_TRANSPOSE cblas_transpose(bool transpose) {
    return transpose ? CblasTrans : CblasNoTrans;
}

typedef struct Product {
    bool transpose_a, transpose_b;
    size_t n, k;
    double alpha, beta;
    const void *a, *b;
    void *c;
    size_t lda, ldb, ldc;
} Product;

static void sgemm_rows(void *context, size_t first, size_t last, int worker) {
    const Product *p = context;
    (void)worker;
    const float *a = (const float *)p->a + (p->transpose_a ? first : first * p->lda);
    cblas_sgemm(CblasRowMajor, cblas_transpose(p->transpose_a), cblas_transpose(p->transpose_b),
                (blasint)(last - first), (blasint)p->n, (blasint)p->k, (float)p->alpha, a,
                (blasint)p->lda, p->b, (blasint)p->ldb, (float)p->beta,
                (float *)p->c + first * p->ldc, (blasint)p->ldc);
}

static void dgemm_rows(void *context, size_t first, size_t last, int worker) {
    const Product *p = context;
    (void)worker;
    const double *a = (const double *)p->a + (p->transpose_a ? first : first * p->lda);
    cblas_dgemm(CblasRowMajor, cblas_transpose(p->transpose_a), cblas_transpose(p->transpose_b),
                (blasint)(last - first), (blasint)p->n, (blasint)p->k, p->alpha, a, (blasint)p->lda,
                p->b, (blasint)p->ldb, p->beta, (double *)p->c + first * p->ldc, (blasint)p->ldc);
}

static void hold_at_one_thread(void) {
    openblas_set_num_threads(1);
}

/* A program that never called blas_mend_core (a test) would otherwise have OpenBLAS's threads
 * compete with ours. */
static void run_rows(ParallelBody *body, Product *product, size_t m) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, hold_at_one_thread);
    if (m == 0 || product->n == 0)
        return;
    if ((double)m * (double)product->n * (double)product->k < WORTH_SPLITTING)
        body(product, 0, m, 0);
    else
        parallel_for(m, body, product);
}

void blas_sgemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, float alpha,
                const float *a, size_t lda, const float *b, size_t ldb, float beta, float *c,
                size_t ldc) {
    Product product = { transpose_a, transpose_b, n, k, alpha, beta, a, b, c, lda, ldb, ldc };
    run_rows(sgemm_rows, &product, m);
}

void blas_dgemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, double alpha,
                const double *a, size_t lda, const double *b, size_t ldb, double beta, double *c,
                size_t ldc) {
    Product product = { transpose_a, transpose_b, n, k, alpha, beta, a, b, c, lda, ldb, ldc };
    run_rows(dgemm_rows, &product, m);
}
