#include "data/zip_directory.h"

#include "core/fail.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The records' sizes without names and comments. The end of the directory is followed by a comment
 * of any length up to 65535; in large archives a locator is before it, which says where the same
 * stands in 64 bits. */
enum { END = 22, LOCATOR = 20, END64 = 56, ENTRY = 46, TAIL = LOCATOR + END + 65535 };

static uint64_t little(const unsigned char *bytes, int count) {
    uint64_t value = 0;
    while (count-- > 0)
        value = value << 8 | bytes[count];
    return value;
}

static bool is_record(const unsigned char *bytes, const char *mark) {
    return memcmp(bytes, mark, 4) == 0;
}

/* What an end says of its directory. */
typedef struct Directory {
    uint64_t entries, size, offset;
} Directory;

/* The next record; zeros, if it is not all there. False on a failure. */
static bool read_record(Source *source, void *record, size_t size, Error *err) {
    memset(record, 0, size);
    return size > source_left(source) || source_read(source, record, size, err);
}

static void go_to(Source *source, uint64_t at) {
    source->at = at < source->size ? (size_t)at : source->size;
}

/* The end at `end`, by its locator's record where it has one, as libzip reads it. The tail has a
 * locator's length before each end: zeros, where the archive has nothing there. */
static bool read_end(Source *source, const unsigned char *end, Directory *out, Error *err) {
    unsigned char record[END64];
    *out = (Directory){ little(end + 10, 2), little(end + 12, 4), little(end + 16, 4) };
    if (!is_record(end - LOCATOR, "PK\6\7"))
        return true;
    go_to(source, little(end - LOCATOR + 8, 8));
    if (!read_record(source, record, sizeof record, err))
        return false;
    if (is_record(record, "PK\6\6"))
        *out =
            (Directory){ little(record + 32, 8), little(record + 40, 8), little(record + 48, 8) };
    return true;
}

/* Take its entries off `left`, which ends at 0: an end may claim fewer than there are. */
static bool count_entries(Source *source, const Directory *directory, size_t *left, Error *err) {
    unsigned char entry[ENTRY];
    uint64_t at = directory->offset, size = directory->size;
    while (*left > 0 && size >= ENTRY) {
        go_to(source, at);
        if (!read_record(source, entry, sizeof entry, err))
            return false;
        if (!is_record(entry, "PK\1\2"))
            break;
        uint64_t taken =
            ENTRY + little(entry + 28, 2) + little(entry + 30, 2) + little(entry + 32, 2);
        --*left;
        at += taken;
        size = size > taken ? size - taken : 0;
    }
    return true;
}

/* All ends in `tail`, the archive's last bytes behind LOCATOR zeros. */
static bool check_tail(Source *source, const unsigned char *tail, size_t most, Error *err) {
    size_t left = most + 1, length = source->size < TAIL ? source->size : TAIL;
    const unsigned char *end = tail + LOCATOR;
    for (; end + END <= tail + LOCATOR + length; end++) {
        Directory directory;
        if (!is_record(end, "PK\5\6"))
            continue;
        if (!read_end(source, end, &directory, err) ||
            !count_entries(source, &directory, &left, err))
            return false;
        if (left == 0 || directory.entries > most)
            return error_set(err, ERROR_FILE, "%s: more than %zu entries", source->name, most);
    }
    return true;
}

bool zip_directory_check(Source *source, size_t most, Error *err) {
    size_t length = source->size < TAIL ? source->size : TAIL;
    unsigned char *tail = calloc(LOCATOR + length, 1);
    if (!tail)
        return error_memory(err, source->name, length);
    source->at = source->size - length;
    bool ok =
        source_read(source, tail + LOCATOR, length, err) && check_tail(source, tail, most, err);
    free(tail);
    return ok;
}
