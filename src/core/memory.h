/* memory.h — how much memory a long call may take, before it takes it.
 *
 * Linux hands out memory that it does not have and kills the program that uses it. A call whose
 * needs grow with the square of its input works them out first and asks here. */
#ifndef PERIGEE_CORE_MEMORY_H
#define PERIGEE_CORE_MEMORY_H

#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>

/* Bytes that this process can still get: what the system says is available, no more than its
 * container's limit and its own (ulimit -v) leave. Infinite if that cannot be known. */
double memory_available(void);

/* Is there room for `need` bytes? If not, an Error of the kind ERROR_MEMORY with the arithmetic,
 * `sum`: "fit: needs 121.2 GB (kernel matrix 100000² × 12 bytes = …); 15.2 GB are left". */
bool memory_check(const char *where, double need, const char *sum, Error *err);

/* Is there a limit on this process's addresses (ulimit -v, -d)? */
bool memory_is_limited(void);

/* Would the system hand out that many bytes in one piece? It is asked, and gets them back: for
 * callers of libraries that cannot do without. */
bool memory_would_get(double bytes);

/* Have malloc keep what is freed for what comes next, up to some hundred megabytes, where it would
 * give it back to the system and clear new pages a moment later: between two calls, true and false,
 * about work that does so over and over; within such calls others change nothing, and after them it
 * no longer adapts what it keeps. Where malloc is not the GNU C library's it does nothing. */
void memory_keep_freed(bool keep);

/* Have malloc take up to 32 MB from what it keeps, as it learns to do by itself where large blocks
 * are freed before that, instead of new pages from the system each time. */
void memory_keep_large(void);

/* Bytes from what a user writes: "2GB", "1.5 GB", "800 MB", "1e9" (kB, MB, GB and TB are powers of
 * 1000, KiB and so on of 1024; capitals or not). NaN for anything else. */
double memory_parse(const char *text);

/* "1.2 GB", "310 MB". Returns text. */
const char *memory_text(double bytes, char text[32]);

#endif
