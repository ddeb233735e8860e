/* printable.h — text that others wrote, so that it can be shown.
 *
 * A terminal obeys what it is sent: a name in a file could move the cursor, rename the window or
 * turn the line around. */
#ifndef PERIGEE_CORE_PRINTABLE_H
#define PERIGEE_CORE_PRINTABLE_H

#include <stddef.h>

/* Copy `text` into `out` of `room` bytes (at least one), cut where it no longer fits: controls (but
 * newline and tab), marks of direction and bytes that are not UTF-8 become visible, "\\x1b" and
 * "\\u{202e}". What is printable stays as it is. Returns out. */
char *printable(const char *text, char *out, size_t room);

#endif
