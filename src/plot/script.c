#include "plot/script.h"

#include "core/printable.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The longest any byte grows to: '."\047".' */
enum { GROWTH = 10 };

/* A byte that single quotes cannot hold. */
static char *put_code(char *at, unsigned char byte) {
    return at + sprintf(at, "'.\"\\%03o\".'", byte);
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
        if (*s == '\n' || *s == '\'')
            at = put_code(at, (unsigned char)*s);
        else
            *at++ = (char)(*s == '\t' ? ' ' : *s);
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
        unsigned char byte = (unsigned char)*s;
        if (byte == '\'' || byte < 0x20 || byte == 0x7f)
            at = put_code(at, byte);
        else
            *at++ = *s;
    }
    *at++ = '\'';
    *at = '\0';
    return quoted;
}
