#include "plot/script.h"

#include "core/printable.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The longest any byte grows to: '."\012".' */
enum { GROWTH = 10 };

static char *put(char *at, const char *text, size_t length) {
    memcpy(at, text, length);
    return at + length;
}

char *script_label(const char *text, size_t length) {
    size_t room = PRINTABLE_GROWTH * length + 1;
    char *shown = malloc(room), *quoted = malloc(length * GROWTH + 3), *at = quoted;
    if (!shown || !quoted) {
        free(shown);
        free(quoted);
        return NULL;
    }
    printable_bytes(text, length, shown, room);
    *at++ = '\'';
    for (const char *s = shown; *s; s++) {
        if (*s == '\n')
            at = put(at, "'.\"\\n\".'", 8);
        else if (*s == '\'')
            at = put(at, "''", 2);
        else
            *at++ = *s == '\t' ? ' ' : *s;
    }
    *at++ = '\'';
    *at = '\0';
    free(shown);
    return quoted;
}

char *script_path(const char *path) {
    char *quoted = malloc(strlen(path) * GROWTH + 3), *at = quoted;
    if (!quoted)
        return NULL;
    *at++ = '\'';
    for (const char *s = path; *s; s++) {
        if (*s == '\'')
            at = put(at, "''", 2);
        else if ((unsigned char)*s < 0x20 || *s == 0x7f)
            at += sprintf(at, "'.\"\\%03o\".'", (unsigned char)*s);
        else
            *at++ = *s;
    }
    *at++ = '\'';
    *at = '\0';
    return quoted;
}
