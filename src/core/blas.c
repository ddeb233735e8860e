#include "core/blas.h"

#include "core/blas_buffers.h"
#include "core/denormals.h"
#include "core/parallel.h"
#include "core/progress.h"

#include <cblas.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Below about a million multiplications waking the workers costs more than they save. */
static const double WORTH_SPLITTING = 1e6;

/* The result's tiles. A call packs its own copies of its rows of A and columns of B: smaller tiles
 * repeat that work more often, and of larger ones a small product has too few. */
typedef struct Cut {
    size_t below; /* for products of fewer rows than that */
    size_t rows, columns;
} Cut;
/* Multiplications between two looks at an interrupt, some hundredths of a second, unless pieces
 * would become too narrow; and terms of a sum, of which one call adds up to so many. */
static const size_t PORTION = (size_t)1 << 30;
enum { NARROWEST = 256, DEEPEST = 1 << 14 };

static const Cut cuts[] = { { 256, 64, 512 }, { 512, 128, 1024 }, { SIZE_MAX, 256, 1024 } };

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

/* What the restarted program was given, which children of ours (gnuplot, a user's script) are not
 * to inherit. */
static void forget(const char *given) {
    if (strchr(given, 'c'))
        unsetenv("OPENBLAS_CORETYPE");
    if (strchr(given, 't'))
        unsetenv("OPENBLAS_NUM_THREADS");
    unsetenv(MENDED);
}

void blas_mend(char **argv) {
    const char *better = better_core(), *given = getenv(MENDED);
    if (given) {
        forget(given);
        return;
    }
    bool core = better && !getenv("OPENBLAS_CORETYPE") && strcmp(blas_core_name(), "Prescott") == 0;
    bool threads = !getenv("OPENBLAS_NUM_THREADS") && openblas_get_num_threads() > 1;
    if (!core && !threads)
        return;
    if (core)
        setenv("OPENBLAS_CORETYPE", better, 1);
    if (threads)
        setenv("OPENBLAS_NUM_THREADS", "1", 1);
    given = core && threads ? "ct" : core ? "c" : "t";
    setenv(MENDED, given, 1);
    execv("/proc/self/exe", argv);
    forget(given); /* no way to restart: go on, slower */
}

static enum CBLAS_TRANSPOSE cblas_transpose(bool transpose) {
    return transpose ? CblasTrans : CblasNoTrans;
}

typedef struct Product {
    bool doubles; /* or floats */
    bool transpose_a, transpose_b;
    size_t m, n, k;
    double alpha, beta;
    const void *a, *b;
    void *c;
    size_t lda, ldb, ldc;
    bool may_give_up; /* after an interrupt */
} Product;

/* Rows and columns of the result that are computed by one call. */
typedef struct Part {
    size_t row, rows, column, columns;
} Part;

static size_t offset_a(const Product *p, size_t row) {
    return p->transpose_a ? row : row * p->lda;
}

static size_t offset_b(const Product *p, size_t column) {
    return p->transpose_b ? column * p->ldb : column;
}

static void multiply_floats(const Product *p, Part part) {
    cblas_sgemm(CblasRowMajor, cblas_transpose(p->transpose_a), cblas_transpose(p->transpose_b),
                (blasint)part.rows, (blasint)part.columns, (blasint)p->k, (float)p->alpha,
                (const float *)p->a + offset_a(p, part.row), (blasint)p->lda,
                (const float *)p->b + offset_b(p, part.column), (blasint)p->ldb, (float)p->beta,
                (float *)p->c + part.row * p->ldc + part.column, (blasint)p->ldc);
}

static void multiply_doubles(const Product *p, Part part) {
    cblas_dgemm(CblasRowMajor, cblas_transpose(p->transpose_a), cblas_transpose(p->transpose_b),
                (blasint)part.rows, (blasint)part.columns, (blasint)p->k, p->alpha,
                (const double *)p->a + offset_a(p, part.row), (blasint)p->lda,
                (const double *)p->b + offset_b(p, part.column), (blasint)p->ldb, p->beta,
                (double *)p->c + part.row * p->ldc + part.column, (blasint)p->ldc);
}

/* The factors without the first k terms of every sum. */
static const void *a_without(const Product *p, size_t k) {
    size_t size = p->doubles ? sizeof(double) : sizeof(float);
    return (const char *)p->a + size * (p->transpose_a ? k * p->lda : k);
}

static const void *b_without(const Product *p, size_t k) {
    size_t size = p->doubles ? sizeof(double) : sizeof(float);
    return (const char *)p->b + size * (p->transpose_b ? k : k * p->ldb);
}

static double number_at(const Product *p, const void *numbers, size_t i) {
    return p->doubles ? ((const double *)numbers)[i] : (double)((const float *)numbers)[i];
}

/* Without OpenBLAS, where it could get no memory: slowly, and with other last digits. */
static void multiply_plainly(const Product *p, Part part) {
    for (size_t i = part.row; i < part.row + part.rows; i++)
        for (size_t j = part.column; j < part.column + part.columns; j++) {
            double sum = 0;
            for (size_t k = 0; k < p->k; k++)
                sum += number_at(p, p->a, p->transpose_a ? k * p->lda + i : i * p->lda + k) *
                       number_at(p, p->b, p->transpose_b ? j * p->ldb + k : k * p->ldb + j);
            size_t at = i * p->ldc + j;
            double value = p->alpha * sum + (p->beta != 0 ? p->beta * number_at(p, p->c, at) : 0);
            if (p->doubles)
                ((double *)p->c)[at] = value;
            else
                ((float *)p->c)[at] = (float)value;
        }
}

static void multiply(const Product *p, Part part) {
    DenormalMode caller = denormals_flush();
    bool has_buffer = blas_buffer_take();
    if (!has_buffer)
        multiply_plainly(p, part);
    else if (p->doubles)
        multiply_doubles(p, part);
    else
        multiply_floats(p, part);
    if (has_buffer)
        blas_buffer_give();
    denormals_restore(caller);
}

typedef struct Tiles {
    const Product *product;
    Cut cut;
    size_t across; /* tiles side by side */
    double started;
    atomic_bool given_up;
} Tiles;

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* A tile that may give up, by portions of its columns, and of very long sums. False if it did. */
static bool multiply_in_portions(const Tiles *tiles, Part part) {
    const Product *whole = tiles->product;
    Product p = *whole;
    size_t columns = part.columns, depth = least(p.k, DEEPEST), end = part.column + part.columns;
    while (columns > NARROWEST && part.rows * columns * depth > PORTION)
        columns /= 2;
    for (size_t column = part.column; column < end; column += columns)
        for (size_t k = 0; k < whole->k; k += depth) {
            if (progress_gives_up(tiles->started))
                return false;
            p.k = least(whole->k - k, depth);
            p.a = a_without(whole, k);
            p.b = b_without(whole, k);
            p.beta = k ? 1 : whole->beta;
            multiply(&p, (Part){ part.row, part.rows, column, least(end - column, columns) });
        }
    return true;
}

static void multiply_tiles(void *context, size_t first, size_t last, int worker) {
    Tiles *tiles = context;
    const Product *p = tiles->product;
    (void)worker;
    for (size_t t = first; t < last; t++) {
        size_t row = t / tiles->across * tiles->cut.rows;
        size_t column = t % tiles->across * tiles->cut.columns;
        Part part = { row, least(p->m - row, tiles->cut.rows), column,
                      least(p->n - column, tiles->cut.columns) };
        if (!p->may_give_up)
            multiply(p, part);
        else if (!multiply_in_portions(tiles, part))
            atomic_store(&tiles->given_up, true);
    }
}

static void set_one_thread(void) {
    openblas_set_num_threads(1);
}

/* A program that never called blas_mend (a test) would otherwise have OpenBLAS's threads
 * compete with ours. */
static void hold_at_one_thread(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, set_one_thread);
}

bool blas_begin(void) {
    hold_at_one_thread();
    return blas_buffer_take();
}

void blas_end(void) {
    blas_buffer_give();
}

/* False where it gave up. */
static bool run(const Product *product) {
    hold_at_one_thread();
    size_t m = product->m, n = product->n;
    if (m == 0 || n == 0)
        return true;
    if (parallel_inside() || (double)m * (double)n * (double)product->k < WORTH_SPLITTING) {
        multiply(product, (Part){ 0, m, 0, n });
        return true;
    }
    const Cut *cut = cuts;
    while (m >= cut->below)
        cut++;
    Tiles tiles = { .product = product,
                    .cut = *cut,
                    .across = parallel_pieces(n, cut->columns),
                    .started = progress_clock() };
    size_t count = parallel_pieces(m, cut->rows) * tiles.across;
    if (product->may_give_up)
        return parallel_try(count, 1, multiply_tiles, &tiles) && !tiles.given_up;
    parallel_for(count, 1, multiply_tiles, &tiles);
    return true;
}

void blas_sgemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, float alpha,
                const float *a, size_t lda, const float *b, size_t ldb, float beta, float *c,
                size_t ldc) {
    run(&(Product){ false, transpose_a, transpose_b, m, n, k, alpha, beta, a, b, c, lda, ldb, ldc,
                    false });
}

void blas_dgemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, double alpha,
                const double *a, size_t lda, const double *b, size_t ldb, double beta, double *c,
                size_t ldc) {
    run(&(Product){ true, transpose_a, transpose_b, m, n, k, alpha, beta, a, b, c, lda, ldb, ldc,
                    false });
}

bool blas_product(DType dtype, BlasSizes sizes, const BlasFactor factor[2], void *product) {
    const BlasFactor *a = &factor[0], *b = &factor[1];
    return run(&(Product){ .doubles = dtype != DTYPE_F32,
                           .transpose_a = a->transposed,
                           .transpose_b = b->transposed,
                           .m = sizes.m,
                           .n = sizes.n,
                           .k = sizes.k,
                           .alpha = 1,
                           .a = a->data,
                           .b = b->data,
                           .c = product,
                           .lda = a->leading,
                           .ldb = b->leading,
                           .ldc = sizes.n ? sizes.n : 1,
                           .may_give_up = true });
}
