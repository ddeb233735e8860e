/* hash.h — FNV-1a (Fowler, Noll, Vo; 64 bits): the same bytes give the same number on every
 * machine. For random streams that follow from a name or from pixels, and to tell whether something
 * is still what it was; it is no defence against somebody who wants to deceive. */
#ifndef PERIGEE_CORE_HASH_H
#define PERIGEE_CORE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hash_bytes(const void *bytes, size_t n);
uint64_t hash_text(const char *text); /* without its final 0 */

/* That of what `hash` is of and these bytes behind it. */
typedef uint64_t HashMore(uint64_t hash, const void *bytes, size_t n);
HashMore hash_more;

/* Another number than FNV's, in an eighth of the time: for one process and those that it tells. */
HashMore hash_quick;

#endif
