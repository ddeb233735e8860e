#include "core/source.h"

#include "core/fail.h"
#include "core/file.h"
#include "core/progress.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Bytes between two looks at the interrupt. */
static const size_t PORTION = 1 << 20;

bool source_open(Source *source, const char *path, Error *err) {
    *source = (Source){ .name = path };
    source->file = file_open(path, &source->size, err);
    return source->file >= 0;
}

void source_close(Source *source) {
    if (!source->bytes)
        close(source->file);
}

Source source_of(const char *name, const void *bytes, size_t size) {
    return (Source){ .name = name, .bytes = bytes, .size = size, .file = -1 };
}

size_t source_left(const Source *source) {
    return source->size - source->at;
}

bool source_goes_on(const char *name, Error *err) {
    return !progress_interrupt_pending() ||
           error_set(err, ERROR_INTERRUPTED, "%s: interrupted while it was read", name);
}

static bool truncated(const Source *source, Error *err) {
    return error_set(err, ERROR_FILE, "%s: truncated", source->name);
}

/* Up to n bytes from the file, at least one. */
static bool read_some(Source *source, char *out, size_t n, Error *err) {
    ssize_t got = pread(source->file, out, n, (off_t)source->at);
    if (got == 0)
        return truncated(source, err);
    if (got < 0 && errno != EINTR)
        return error_set(err, ERROR_FILE, "%s: %s", source->name, strerror(errno));
    source->at += got > 0 ? (size_t)got : 0;
    return source_goes_on(source->name, err);
}

bool source_read(Source *source, void *out, size_t n, Error *err) {
    if (n > source_left(source))
        return truncated(source, err);
    if (source->bytes) {
        if (n > 0)
            memcpy(out, source->bytes + source->at, n);
        source->at += n;
        return source_goes_on(source->name, err);
    }
    size_t end = source->at + n;
    while (source->at < end) {
        size_t left = end - source->at;
        if (!read_some(source, (char *)out + n - left, left < PORTION ? left : PORTION, err))
            return false;
    }
    return true;
}

static bool read_source(void *from, void *out, size_t n, Error *err) {
    return source_read(from, out, n, err);
}

ByteStream source_stream(Source *source, size_t n) {
    return (ByteStream){ source->name, n, read_source, source };
}

bool stream_take(ByteStream *stream, void *out, size_t n, Error *err) {
    if (n > stream->left)
        return error_set(err, ERROR_FILE, "%s: truncated", stream->name);
    stream->left -= n;
    return stream->read(stream->from, out, n, err);
}
