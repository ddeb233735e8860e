/* error.h — how core functions say what went wrong.
 *
 * A core function returns bool or a pointer and fills its last argument, an Error, on failure; its
 * outputs are then unchanged. The message is one sentence that starts with the function as the user
 * knows it ("matmul: (3, 4) and (5, 6): inner sizes differ") and has no final newline. */
#ifndef PERIGEE_CORE_ERROR_H
#define PERIGEE_CORE_ERROR_H

#include <stdbool.h>
#include <stddef.h>

typedef enum ErrorKind {
    ERROR_NONE = 0,
    ERROR_ARGUMENT, /* the caller's values are wrong: bindings raise */
    ERROR_FILE,     /* a file or a process failed: bindings return nil, message (or raise) */
    ERROR_MEMORY    /* an allocation failed: bindings collect garbage and try once more */
} ErrorKind;

typedef struct Error {
    ErrorKind kind;
    char message[1024];
} Error;

/* Fill err (which may be NULL) and return false, so that `return error_set(err, …)` reads well in
 * bool functions. A message that is too long is cut. */
bool error_set(Error *err, ErrorKind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for an allocation of `bytes` that failed in the function `where`. */
bool error_memory(Error *err, const char *where, size_t bytes);

/* Put "prefix: " in front of the message, for a caller that knows more (a file's name, a layer's).
 */
void error_prefix(Error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
