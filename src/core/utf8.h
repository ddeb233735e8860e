/* utf8.h — text by its characters. */
#ifndef PERIGEE_CORE_UTF8_H
#define PERIGEE_CORE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the well-formed character at `text`, of which `room` bytes are there; 0 if there is
 * none: a form too long or cut short, half of a UTF-16 pair, beyond U+10FFFF. */
size_t utf8_character(const char *text, size_t room);

/* Is all of a string well formed? */
bool utf8_is_valid(const char *text);

/* Bytes of the first `most` characters of a string, or of all if it has fewer; their number goes to
 * `count` (may be NULL). In text that is not well formed, every byte that does not continue a
 * character counts. */
size_t utf8_head(const char *text, size_t most, size_t *count);

#endif
