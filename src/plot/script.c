#include "plot/script.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The longest any byte grows to: '."\012".' */
enum { GROWTH = 10 };

/* Bytes of the well-formed UTF-8 character at s, 0 if there is none. */
static size_t utf8_length(const unsigned char *s, size_t room) {
    size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if (s[0] > 0xf4 || n > room)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    /* Too long a form, halves of UTF-16 pairs, beyond the last character. */
    if (n == 3 && ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f)))
        return 0;
    if (n == 4 && ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f)))
        return 0;
    return n;
}

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
        const unsigned char *s = (const unsigned char *)text + i;
        size_t n = utf8_length(s, length - i);
        if (n == 0)
            at = put(at, "\xef\xbf\xbd", 3);
        else if (*s == '\n')
            at = put(at, "'.\"\\n\".'", 8);
        else if (*s == '\'')
            at = put(at, "''", 2);
        else if (is_control(*s))
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
