#include "plot/picture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TAIL = 64 };

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

/* A name in the folder of `file`. Relative ones get "./", so that no name begins with the '|' or
 * '~' that gnuplot would take for more than a letter. */
static char *temporary_name(const char *file, unsigned serial) {
    const char *slash = strrchr(file, '/');
    size_t folder = slash ? (size_t)(slash - file) + 1 : 0;
    const char *start = file[0] == '/' ? "" : "./";
    size_t size = folder + 64;
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%s%.*s.perigee-%ld-%u", start, (int)folder, file, (long)getpid(),
                 serial);
    return path;
}

char *picture_open(const char *where, const char *file, Error *err) {
    static unsigned serial;
    struct stat old;
    if (stat(file, &old) == 0 && !S_ISREG(old.st_mode)) {
        error_set(err, ERROR_FILE, "%s: %s is not a regular file", where, file);
        return NULL;
    }
    for (;;) {
        char *path = temporary_name(file, ++serial);
        if (!path) {
            error_memory(err, where, strlen(file) + 64);
            return NULL;
        }
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        int code = errno;
        if (fd >= 0) {
            close(fd);
            return path;
        }
        free(path);
        if (code != EEXIST) {
            error_set(err, ERROR_FILE, "%s: cannot write %s: %s", where, file, strerror(code));
            return NULL;
        }
    }
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

bool picture_whole(const char *where, const char *path, const char *file, PictureFormat format,
                   Error *err) {
    static const char iend[] = "\0\0\0\0IEND\xae\x42\x60\x82";
    char head[8], tail[TAIL];
    size_t n = 0;
    long size = 0;
    bool whole = read_ends(path, head, tail, &n, &size);
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
                         "(is the disk full?)",
                         where, file, size);
    return true;
}

bool picture_keep(const char *where, const char *path, const char *file, Error *err) {
    if (rename(path, file) == 0)
        return true;
    int code = errno;
    unlink(path);
    return error_set(err, ERROR_FILE, "%s: cannot write %s: %s", where, file, strerror(code));
}
