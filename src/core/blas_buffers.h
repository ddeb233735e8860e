/* blas_buffers.h — OpenBLAS's working memory, where addresses are limited.
 *
 * Each product that runs at the same time as others takes a buffer of 128 MB of addresses, which
 * OpenBLAS keeps; where the system refuses one it asks again for ever. So under a limit (ulimit -v)
 * the buffers are made beforehand, as many as there is room for, and each product waits for one. */
#ifndef PERIGEE_CORE_BLAS_BUFFERS_H
#define PERIGEE_CORE_BLAS_BUFFERS_H

#include <stdbool.h>

/* Before a product, and after it where that was true. False: there is no room for any. */
bool blas_buffer_take(void);
void blas_buffer_give(void);

#endif
