/* pages.h — memory for numbers: aligned, and of large pages where there is much of it. */
#ifndef PERIGEE_CORE_PAGES_H
#define PERIGEE_CORE_PAGES_H

#include <stddef.h>

/* At least `bytes`, aligned to a cache line and an AVX-512 register; free() frees it, NULL is no
 * memory. Blocks of several megabytes ask for huge pages, so that a few faults bring them in; that
 * is a wish, and nothing depends on it. */
void *pages_take(size_t bytes);

#endif
