/* parallel.h — the persistent worker threads of a context.
 *
 * BLAS itself always runs at one thread (see blas.h); parallelism is over samples, tiles, binary
 * problems or parts of a product. A loop inside a worker runs serially on that worker. Workers are
 * in the context whose loop they run; two contexts' loops run at the same time.
 *
 * The rule of equal bits: a result depends on the seed, the processor's instructions (which choose
 * our loops' and OpenBLAS's kernels), and never on the number of threads. So a loop's work is cut
 * into pieces of a fixed size, one thread or many; a body's answer for a piece depends on the piece
 * alone, not on `worker` or on what was done before; and what is summed over items is summed for
 * each piece by itself, then over the pieces in their order. The piece's size is a constant beside
 * its loop, or follows from the shapes of the work. */
#ifndef PERIGEE_CORE_PARALLEL_H
#define PERIGEE_CORE_PARALLEL_H

#include <stdbool.h>
#include <stddef.h>

/* Work on the piece of items first … last−1. `worker` is 0 … parallel_threads()−1 and names a
 * scratch space that no other call uses at the same time: it must not reach a result. */
typedef void ParallelBody(void *context, size_t first, size_t last, int worker);

/* The context's threads, the caller's included; at least 1. Set once at the start and rarely after:
 * setting it ends the old workers. 0 means as many as the machine lets this process have. */
int parallel_threads(void);
void parallel_set_threads(int threads);

/* Cut 0 … n−1 into pieces of `piece` items (0 is taken for 1), the last one what is left over, and
 * call body once for each; workers take the next piece when they are free. Piece number first /
 * piece has a place of its own for sums. Returns when all is done. */
void parallel_for(size_t n, size_t piece, ParallelBody *body, void *context);

/* The same, which between pieces looks whether it should give up (progress.h). False: it did, and
 * some pieces are not done. */
bool parallel_try(size_t n, size_t piece, ParallelBody *body, void *context);

/* How many pieces those are. */
size_t parallel_pieces(size_t n, size_t piece);

/* Items, one at least, that a piece should have to cover about `about` elements of `each` an item.
 */
size_t parallel_piece(size_t about, size_t each);

/* True inside a parallel loop, also where only one thread runs it. */
int parallel_inside(void);

#endif
