#include "core/utf8.h"

#include <string.h>

static bool continues(char byte) {
    return ((unsigned char)byte & 0xc0) == 0x80;
}

size_t utf8_character(const char *text, size_t room) {
    const unsigned char *s = (const unsigned char *)text;
    if (room == 0)
        return 0;
    size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if (s[0] > 0xf4 || n > room)
        return 0;
    for (size_t i = 1; i < n; i++)
        if (!continues(text[i]))
            return 0;
    /* Too long a form, halves of UTF-16 pairs, beyond the last character. */
    if (n == 3 && ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f)))
        return 0;
    if (n == 4 && ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f)))
        return 0;
    return n;
}

bool utf8_is_valid(const char *text) {
    size_t left = strlen(text), n = 1;
    for (; left > 0 && n > 0; text += n, left -= n)
        n = utf8_character(text, left);
    return left == 0;
}

size_t utf8_head(const char *text, size_t most, size_t *count) {
    size_t seen = 0, at = 0;
    for (; text[at]; at++) {
        if (continues(text[at]))
            continue;
        if (seen == most)
            break;
        seen++;
    }
    if (count)
        *count = seen;
    return at;
}
