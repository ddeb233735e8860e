/* source.h — bytes to be read one after another, out of a file or out of memory.
 *
 * Readers of files take what they need, a piece at a time: a whole file never lies in memory beside
 * the arrays that are made of it. They look at `size` first; a file that shrinks meanwhile is an
 * error, and so is an interrupt (progress.h). Messages start with `name`. */
#ifndef PERIGEE_CORE_SOURCE_H
#define PERIGEE_CORE_SOURCE_H

#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct Source {
    const char *name;           /* borrowed */
    const unsigned char *bytes; /* in memory, borrowed; NULL: those of `file` */
    int file;
    size_t size, at; /* of all; where the next read starts, which may be set */
} Source;

/* Open a regular file; source_close in the end. Or read from memory: nothing is to be closed. */
bool source_open(Source *source, const char *path, Error *err);
void source_close(Source *source);
Source source_of(const char *name, const void *bytes, size_t size);

/* Bytes that are still to come. */
size_t source_left(const Source *source);

/* Exactly the next n bytes, or a failure. */
bool source_read(Source *source, void *out, size_t n, Error *err);

/* Bytes that come out of a source, or out of something that unpacks them; `left` of them are to be
 * believed in. */
typedef struct ByteStream {
    const char *name;
    size_t left;
    bool (*read)(void *from, void *out, size_t n, Error *err); /* exactly n */
    void *from;
} ByteStream;

/* The next n bytes of a source, of which that many are left. */
ByteStream source_stream(Source *source, size_t n);

/* Exactly the next n; more than are left is a failure. */
bool stream_take(ByteStream *stream, void *out, size_t n, Error *err);

/* False, with an Error of the kind ERROR_INTERRUPTED, once the user asked to stop. */
bool source_goes_on(const char *name, Error *err);

#endif
