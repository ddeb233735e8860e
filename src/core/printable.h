/* printable.h — text that others wrote, so that it can be shown.
 *
 * A terminal obeys what it is sent: a name in a file could move the cursor, rename the window or
 * turn the line around. */
#ifndef PERIGEE_CORE_PRINTABLE_H
#define PERIGEE_CORE_PRINTABLE_H

#include <stddef.h>
#include <stdio.h>

/* Copy `text` into `out` of `room` bytes (at least one), cut where it no longer fits: controls (but
 * newline and tab), marks of direction and bytes that are not UTF-8 become visible, "\\x1b" and
 * "\\u{202e}". What is printable stays as it is. Returns out. */
char *printable(const char *text, char *out, size_t room);

/* The same of n bytes, of which a NUL may be one; returns how many were written before the final
 * NUL. Room for PRINTABLE_GROWTH · n + 1 holds all of them. */
enum { PRINTABLE_GROWTH = 4 };
size_t printable_bytes(const char *text, size_t n, char *out, size_t room);

/* A malloc'd copy that is UTF-8, as files have it: the text as it is, or where it is not UTF-8 what
 * is shown of it. NULL without memory. */
char *printable_utf8(const char *text);

/* All of them onto a stream. */
void printable_print(const char *text, size_t n, FILE *stream);

#endif
