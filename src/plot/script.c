#include "plot/script.h"

#include "core/utf8.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The longest any byte grows to: '."\012".' */
enum { GROWTH = 10 };

static bool is_control(unsigned char c) {
    return c < 0x20 || c == 0x7f;
}

static char *put(char *at, const char *text, size_t length) {
    memcpy(at, text, length);
    return at + length;
}

char *script_label(const char *text, size_t length) {
    char *quoted = malloc(length * GROWTH + 3), *at = quoted;
    if (!quoted)
        return NULL;
    *at++ = '\'';
    for (size_t i = 0; i < length;) {
        size_t n = utf8_character(text + i, length - i);
        if (n == 0)
            at = put(at, "\xef\xbf\xbd", 3);
        else if (text[i] == '\n')
            at = put(at, "'.\"\\n\".'", 8);
        else if (text[i] == '\'')
            at = put(at, "''", 2);
        else if (is_control((unsigned char)text[i]))
            *at++ = ' ';
        else
            at = put(at, text + i, n);
        i += n ? n : 1;
    }
    *at++ = '\'';
    *at = '\0';
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
        else if (is_control((unsigned char)*s))
            at += sprintf(at, "'.\"\\%03o\".'", (unsigned char)*s);
        else
            *at++ = *s;
    }
    *at++ = '\'';
    *at = '\0';
    return quoted;
}
