#include "plot/picture_sign.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { PNG_HEAD = 33 }; /* bytes of a PNG's signature and first chunk */

static char *read_all(const char *path, size_t *size) {
    FILE *f = fopen(path, "rbe");
    long length = f && fseek(f, 0, SEEK_END) == 0 ? ftell(f) : -1;
    char *bytes = length >= 0 ? malloc((size_t)length + 1) : NULL;
    *size = bytes && fseek(f, 0, SEEK_SET) == 0 ? fread(bytes, 1, (size_t)length, f) : 0;
    if (f)
        fclose(f);
    if (bytes && *size == (size_t)length)
        bytes[length] = '\0';
    else {
        free(bytes);
        bytes = NULL;
    }
    return bytes;
}

static void put32(char bytes[4], unsigned long value) {
    for (int i = 0; i < 4; i++)
        bytes[i] = (char)(value >> (24 - 8 * i));
}

/* length, "tEXt", "Comment\0text", checksum of the last two */
static size_t png_chunk(const char *text, char *chunk) {
    static const char name[] = "tEXtComment";
    size_t length = strlen(text), data = sizeof "Comment" + length;
    put32(chunk, data);
    memcpy(chunk + 4, name, sizeof name);
    memcpy(chunk + 4 + sizeof name, text, length);
    put32(chunk + 8 + data, crc32(crc32(0, NULL, 0), (const Bytef *)chunk + 4, (uInt)(4 + data)));
    return data + 12;
}

/* What goes in, and before which byte. */
static size_t insertion(PictureFormat format, const char *text, const char *bytes, size_t size,
                        char *out, size_t *at) {
    if (format == PICTURE_PNG && size >= PNG_HEAD) {
        *at = PNG_HEAD;
        return png_chunk(text, out);
    }
    if (format == PICTURE_SVG) {
        const char *end = strstr(bytes, "?>\n");
        *at = end ? (size_t)(end + 3 - bytes) : size;
        return (size_t)sprintf(out, "<!-- %s -->\n", text);
    }
    *at = size;
    return format == PICTURE_PDF ? (size_t)sprintf(out, "%% %s\n", text) : 0;
}

bool picture_sign(const char *where, const char *path, const char *file, PictureFormat format,
                  const char *text, Error *err) {
    size_t size, at;
    char *bytes = read_all(path, &size), *more = malloc(strlen(text) + 64);
    bool ready = bytes && more, written = false;
    FILE *f = ready ? fopen(path, "wbe") : NULL;
    if (f) {
        size_t length = insertion(format, text, bytes, size, more, &at);
        written = fwrite(bytes, 1, at, f) == at && fwrite(more, 1, length, f) == length &&
                  fwrite(bytes + at, 1, size - at, f) == size - at;
        written = fclose(f) == 0 && written;
    }
    int code = errno;
    free(bytes);
    free(more);
    return written || error_set(err, ERROR_FILE, "%s: cannot write %s: %s", where, file,
                                ready ? strerror(code) : "not enough memory");
}
