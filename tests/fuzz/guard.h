/* guard.h — memory of which many mistakes are found at little price: while guard_on, what is asked
 * for (of blocks of up to 128 bytes one in five) ends at a page that nobody may touch (but for
 * alignment: up to 15 bytes, or what aligned_alloc is asked for, which are looked at when it is
 * freed), is full of odd bytes before its first use and after its last, moves at every realloc, and
 * is freed once. It takes the place of malloc and its kin in the whole process. Mistakes are said
 * on standard error, and abort. */
#ifndef PERIGEE_TESTS_GUARD_H
#define PERIGEE_TESTS_GUARD_H

#include <stdbool.h>
#include <stddef.h>

extern bool guard_on;

/* Of all that is allocated now, guarded or not. */
size_t guard_blocks(void);

/* A piece of memory that ends at a page of its own nobody may touch; NULL: there is none. */
unsigned char *guard_area(size_t size);

#endif
