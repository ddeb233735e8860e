/* hash.h — FNV-1a (Fowler, Noll, Vo; 64 bits): the same bytes give the same number on every
 * machine. For random streams that follow from a name or from pixels. */
#ifndef PERIGEE_CORE_HASH_H
#define PERIGEE_CORE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hash_bytes(const void *bytes, size_t n);
uint64_t hash_text(const char *text); /* without its final 0 */

#endif
