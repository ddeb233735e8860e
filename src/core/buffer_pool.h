/* buffer_pool.h — aligned memory for arrays, with a few large blocks kept for the next one.
 *
 * A loop such as x = x * 2 + 1 frees and takes blocks of one size all the time. If they went back
 * to the system, each would return as thousands of page faults, which cost more than the
 * arithmetic. The pool, one per context, keeps the last few that were given back, at most
 * POOL_BYTES. Not for workers. A block may be given back in another context. */
#ifndef PERIGEE_CORE_BUFFER_POOL_H
#define PERIGEE_CORE_BUFFER_POOL_H

#include <stddef.h>

/* At least `bytes`, 64-byte aligned, not cleared; *capacity is what pool_give must be told. NULL if
 * there is no memory even after the pool has been emptied. */
void *pool_take(size_t bytes, size_t *capacity);
void pool_give(void *block, size_t capacity);

/* Give back to the system what is kept: for somebody who finds too little there. */
void pool_empty(void);

#endif
