#include "core/error.h"

#include "core/printable.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Not-a-number without the sign that printf shows, where it stands alone: "got -nan". */
static void drop_signs(char *text) {
    for (char *at = text; (at = strstr(at, "-nan")); at += 3)
        if ((at == text || strchr(" ({=", at[-1])) && !isalnum((unsigned char)at[4]))
            memmove(at, at + 1, strlen(at));
}

bool error_set(Error *err, ErrorKind kind, const char *format, ...) {
    if (err) {
        va_list args;
        va_start(args, format);
        err->kind = kind;
        char whole[sizeof err->message];
        vsnprintf(whole, sizeof whole, format, args);
        va_end(args);
        drop_signs(whole);
        printable(whole, err->message, sizeof err->message);
    }
    return false;
}

bool error_memory(Error *err, const char *where, size_t bytes) {
    if (bytes == 0)
        return error_set(err, ERROR_MEMORY, "%s: out of memory", where);
    if (bytes < 100000)
        return error_set(err, ERROR_MEMORY, "%s: out of memory: could not get %zu bytes", where,
                         bytes);
    return error_set(err, ERROR_MEMORY, "%s: out of memory: could not get %.1f MB", where,
                     (double)bytes / 1e6);
}

bool error_interrupted(Error *err, const char *where) {
    return error_set(err, ERROR_INTERRUPTED, "%s: interrupted", where);
}

void error_prefix(Error *err, const char *format, ...) {
    if (!err)
        return;
    char whole[510], prefix[512];
    va_list args;
    va_start(args, format);
    vsnprintf(whole, sizeof whole, format, args);
    va_end(args);
    printable(whole, prefix, sizeof prefix - 2);
    strcat(prefix, ": ");
    /* The old message moves up, cut where it no longer fits. */
    size_t used = strlen(prefix), room = sizeof err->message - used - 1;
    memmove(err->message + used, err->message, room);
    memcpy(err->message, prefix, used);
    err->message[sizeof err->message - 1] = '\0';
}

static void blame(Error *err, ErrorKind kind) {
    if (err && err->kind != ERROR_MEMORY && err->kind != ERROR_INTERRUPTED &&
        err->kind != ERROR_LACKS)
        err->kind = kind;
}

void error_blame_file(Error *err) {
    blame(err, ERROR_FILE);
}

void error_blame_session(Error *err) {
    blame(err, ERROR_LACKS);
}
