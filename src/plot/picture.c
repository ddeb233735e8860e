#include "plot/picture.h"

#include "core/error.h"
#include "plot/png.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { TAIL = 64, PNG_HEAD = 33 }; /* bytes of an end; of a PNG's signature and first chunk */

static bool ends_with(const char *text, const char *ending) {
    size_t n = strlen(text), m = strlen(ending);
    return n > m && strcasecmp(text + n - m, ending) == 0;
}

bool picture_format(const char *file, PictureFormat *format) {
    static const char *const ending[] = { ".png", ".svg", ".pdf" };
    for (int i = 0; i < 3; i++)
        if (ends_with(file, ending[i])) {
            *format = (PictureFormat)i;
            return true;
        }
    return false;
}

/* The writer's messages start with the file's name. */
static bool cannot_write(const PictureFile *picture, Error *err) {
    Error why = *err;
    return error_set(err, why.kind, "%s: cannot write %s", picture->where, why.message);
}

bool picture_open(PictureFile *picture, Error *err) {
    return file_writer_open(&picture->writer, picture->file, err) || cannot_write(picture, err);
}

/* First and last bytes of a file; false if it cannot be read. */
static bool read_ends(const char *path, char head[8], char tail[TAIL], size_t *tail_size,
                      long *size) {
    FILE *f = fopen(path, "rbe");
    if (!f)
        return false;
    memset(head, 0, 8);
    bool fine = fread(head, 1, 8, f) > 0 && fseek(f, 0, SEEK_END) == 0 && (*size = ftell(f)) >= 0;
    if (fine)
        fine = fseek(f, *size > TAIL ? *size - TAIL : 0, SEEK_SET) == 0;
    *tail_size = fine ? fread(tail, 1, TAIL, f) : 0;
    fclose(f);
    return fine;
}

static bool tail_is(const char *tail, size_t n, const char *ending, size_t length) {
    return n >= length && memcmp(tail + n - length, ending, length) == 0;
}

bool picture_whole(const PictureFile *picture, const char *words, Error *err) {
    static const char iend[] = "\0\0\0\0IEND\xae\x42\x60\x82";
    char head[8], tail[TAIL];
    PictureFormat format = picture->format;
    size_t n = 0;
    long size = 0;
    bool whole = read_ends(picture->writer.temporary, head, tail, &n, &size);
    if (format != PICTURE_PNG)
        while (n > 0 && strchr(" \r\n\t", tail[n - 1]))
            n--;
    if (whole && format == PICTURE_PNG)
        whole = memcmp(head, "\x89PNG\r\n\x1a\n", 8) == 0 && tail_is(tail, n, iend, 12);
    else if (whole && format == PICTURE_SVG)
        whole = memcmp(head, "<?xml", 5) == 0 && tail_is(tail, n, "</svg>", 6);
    else if (whole && format == PICTURE_LETTERS)
        whole = size > 0; /* letters have neither beginning nor end */
    else if (whole && format == PICTURE_SIXELS)
        whole = memcmp(head, "\033P", 2) == 0 && tail_is(tail, n, "\033\\", 2);
    else if (whole)
        whole = memcmp(head, "%PDF-", 5) == 0 && tail_is(tail, n, "%%EOF", 5);
    if (!whole)
        return error_set(err, ERROR_FILE,
                         "%s: %s was not written: gnuplot's picture is incomplete after %ld bytes "
                         "(is the disk full?)%s%s",
                         picture->where, picture->file, size, *words ? "; it said: " : "", words);
    return true;
}

/* Before which byte the line goes in. */
static size_t place_of(PictureFormat format, const FileBytes *whole) {
    if (format == PICTURE_PNG && whole->size >= PNG_HEAD)
        return PNG_HEAD;
    const char *end = format == PICTURE_SVG ? memmem(whole->bytes, whole->size, "?>\n", 3) : NULL;
    return end ? (size_t)(end + 3 - (const char *)whole->bytes) : whole->size;
}

static void sign_png(const PictureFile *picture, const char *text) {
    png_write_comment(picture->writer.stream, text);
    if (picture->dots > 0)
        png_write_dots(picture->writer.stream, picture->dots);
}

bool picture_sign(const PictureFile *picture, const char *text, Error *err) {
    FileBytes whole;
    FILE *out = picture->writer.stream;
    if (!file_read(picture->writer.temporary, &whole, err))
        return cannot_write(picture, err);
    size_t at = place_of(picture->format, &whole);
    rewind(out);
    fwrite(whole.bytes, 1, at, out);
    if (picture->format == PICTURE_PNG)
        sign_png(picture, text);
    else if (picture->format == PICTURE_SVG)
        fprintf(out, "<!-- %s -->\n", text);
    else if (picture->format == PICTURE_PDF)
        fprintf(out, "%% %s\n", text);
    fwrite(whole.bytes + at, 1, whole.size - at, out);
    file_bytes_free(&whole);
    return true;
}

bool picture_keep(PictureFile *picture, Error *err) {
    return file_writer_commit(&picture->writer, err) || cannot_write(picture, err);
}

void picture_drop(PictureFile *picture) {
    file_writer_abandon(&picture->writer);
}
