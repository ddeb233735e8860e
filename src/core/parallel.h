/* parallel.h — the persistent worker threads of a context.
 *
 * BLAS itself always runs at one thread (see blas.h); parallelism is over samples, tiles, binary
 * problems or blocks of a GEMM's rows. A loop inside a worker runs serially on that worker. Workers
 * are in the context whose loop they run; two contexts' loops run at the same time. */
#ifndef PERIGEE_CORE_PARALLEL_H
#define PERIGEE_CORE_PARALLEL_H

#include <stddef.h>

/* Work on items first … last−1. `worker` is 0 … parallel_threads()−1 and names a scratch space
 * that no other call uses at the same time. */
typedef void ParallelBody(void *context, size_t first, size_t last, int worker);

/* The context's threads, the caller's included; at least 1. Set once at the start and rarely after:
 * setting it ends the old workers. 0 means as many as the machine lets this process have. */
int parallel_threads(void);
void parallel_set_threads(int threads);

/* Split 0 … n−1 into one contiguous block per worker, always the same for the same n and thread
 * count, so that sums kept per worker are repeatable. Returns when all is done. */
void parallel_for(size_t n, ParallelBody *body, void *context);

/* Hand out items in chunks of `chunk` to whoever is free. For uneven work whose result does not
 * depend on which worker did it. */
void parallel_for_dynamic(size_t n, size_t chunk, ParallelBody *body, void *context);

/* True on a worker inside a parallel loop. */
int parallel_inside(void);

#endif
