#include "core/printable.h"

#include "core/utf8.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The character of n well-formed bytes. */
static unsigned decode(const unsigned char *s, size_t n) {
    unsigned code = n == 1 ? s[0] : s[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++)
        code = code << 6 | (s[i] & 0x3fu);
    return code;
}

/* C0 but newline and tab, DEL and C1; marks of direction; separators of lines; the mark of order.
 */
static bool is_hidden(unsigned code) {
    return (code < 0x20 && code != '\n' && code != '\t') || (code >= 0x7f && code < 0xa0) ||
           code == 0x61c || (code >= 0x200b && code <= 0x200f) ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) ||
           code == 0xfeff;
}

/* The next of `left` bytes as it is shown; returns how many it is made of. */
static size_t show_next(const char *text, size_t left, char shown[16]) {
    size_t n = utf8_character(text, left);
    unsigned code = n ? decode((const unsigned char *)text, n) : (unsigned char)*text;
    if (n && !is_hidden(code))
        snprintf(shown, 16, "%.*s", (int)n, text);
    else
        snprintf(shown, 16, code > 0xff && n ? "\\u{%x}" : "\\x%02x", code);
    return n ? n : 1;
}

size_t printable_bytes(const char *text, size_t n, char *out, size_t room) {
    size_t used = 0;
    for (size_t i = 0; i < n;) {
        char shown[16];
        i += show_next(text + i, n - i, shown);
        size_t length = strlen(shown);
        if (used + length >= room)
            break;
        memcpy(out + used, shown, length);
        used += length;
    }
    out[used] = '\0';
    return used;
}

char *printable(const char *text, char *out, size_t room) {
    printable_bytes(text, strlen(text), out, room);
    return out;
}

char *printable_utf8(const char *text) {
    size_t length = strlen(text), room = length + 1;
    bool valid = utf8_is_valid(text);
    if (!valid)
        room += (PRINTABLE_GROWTH - 1) * length;
    char *copy = malloc(room);
    if (copy && valid)
        memcpy(copy, text, room);
    else if (copy)
        printable_bytes(text, length, copy, room);
    return copy;
}

void printable_print(const char *text, size_t n, FILE *stream) {
    for (size_t i = 0; i < n;) {
        char shown[16];
        i += show_next(text + i, n - i, shown);
        fputs(shown, stream);
    }
}
