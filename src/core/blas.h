/* blas.h — matrix products over OpenBLAS, row-major, split over our own worker threads.
 *
 * OpenBLAS is held at one thread; a large product is cut into tiles that follow from its shape
 * alone, so that any number of threads gives the same bits. Inside a parallel loop, whose pieces
 * are fixed already, it is not cut. OpenBLAS chooses its kernels by the processor, and they add in
 * different orders: equal bits are promised for equal kernels (blas_core_name). A row's sums may
 * also depend on how many rows the product has. */
#ifndef PERIGEE_CORE_BLAS_H
#define PERIGEE_CORE_BLAS_H

#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>

/* Before main's first product: OpenBLAS 0.3.21 takes processors younger than itself for a Prescott
 * and runs five times slower (its issue 4267), and any release makes as many threads as there are
 * processors (unless blas_start.h could prevent it), which we never use: where their memory is
 * refused it waits for them for ever. So the program is started again with the right kernels in
 * OPENBLAS_CORETYPE and with OPENBLAS_NUM_THREADS=1: the library reads them only while loading.
 * Values that the user set are left alone. Returns if nothing needs mending. */
void blas_mend(char **argv);

/* What OpenBLAS calls the kernels it runs ("SkylakeX", "Haswell", …), and its version. */
const char *blas_core_name(void);
const char *blas_version(void);

/* Around a call of OpenBLAS's LAPACK, which is held at one thread as the products are and needs
 * their working memory. False: there is none, and nothing is to be ended. */
bool blas_begin(void);
void blas_end(void);

/* C = alpha·op(A)·op(B) + beta·C, with op(A) m × k, op(B) k × n, C m × n; lda, ldb, ldc are the
 * distances between stored rows. C must not overlap A or B. */
void blas_sgemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, float alpha,
                const float *a, size_t lda, const float *b, size_t ldb, float beta, float *c,
                size_t ldc);
void blas_dgemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, double alpha,
                const double *a, size_t lda, const double *b, size_t ldb, double beta, double *c,
                size_t ldc);

/* C = A·B of float32 or float64, C contiguous. Where an interrupt is pending it may give up
 * (progress.h): false, and C is not whole. */
typedef struct BlasFactor {
    const void *data;
    bool transposed;
    size_t leading; /* between stored rows */
} BlasFactor;
typedef struct BlasSizes {
    size_t m, n, k; /* A is m × k, B is k × n */
} BlasSizes;
bool blas_product(DType dtype, BlasSizes sizes, const BlasFactor factor[2], void *product);

#endif
