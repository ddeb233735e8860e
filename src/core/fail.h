/* fail.h — how a core function fails.
 *
 * It returns false or NULL and fills its last argument, an Error; its outputs are then unchanged.
 * The message is one sentence that starts with the function as the user knows it ("matmul: (3, 4)
 * and (5, 6): inner sizes differ") and has no final newline. Whoever asks what it says has the
 * Error itself: error.h. */
#ifndef PERIGEE_CORE_FAIL_H
#define PERIGEE_CORE_FAIL_H

#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum ErrorKind {
    ERROR_NONE = 0,
    ERROR_ARGUMENT,    /* the caller's values are wrong: bindings raise */
    ERROR_FILE,        /* a file or a process failed: bindings return nil, message (or raise) */
    ERROR_MEMORY,      /* an allocation failed: bindings collect garbage and try once more */
    ERROR_INTERRUPTED, /* the user asked to stop, and there is no answer to give */
    ERROR_LACKS /* a file is whole, but needs what this session has not, or has as something else */
} ErrorKind;

/* Fill err (which may be NULL) and return false, so that `return error_set(err, …)` reads well in
 * bool functions. A message that is too long is cut; what a terminal
 * would obey, in names out of files, becomes visible (printable.h). */
bool error_set(Error *err, ErrorKind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for an allocation of `bytes` (0: nobody knows) that failed in the function `where`. */
bool error_memory(Error *err, const char *where, size_t bytes);

/* The same for work that an interrupt made give up: "where: interrupted". */
bool error_interrupted(Error *err, const char *where);

/* Put "prefix: " in front of the message, for a caller that knows more (a file's name, a layer's).
 */
void error_prefix(Error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Wrong numbers that a file brought are the file's fault, not the caller's: ERROR_FILE, unless it
 * was memory that lacked, the user who asked to stop, or the session that lacks something. */
void error_blame_file(Error *err);

/* What a file asked for is not in this session: ERROR_LACKS, with the same exceptions. */
void error_blame_session(Error *err);

#endif
