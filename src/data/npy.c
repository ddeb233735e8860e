#include "data/npy.h"

#include "core/array.h"
#include "core/fail.h"
#include "data/elements.h"
#include "core/file.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const unsigned char magic[6] = { 0x93, 'N', 'U', 'M', 'P', 'Y' };

typedef struct NpyHeader {
    ElementKind kind;
    bool big_endian, fortran;
    int ndim;
    size_t shape[ARRAY_MAX_DIMS];
    size_t data_start;
} NpyHeader;

/* ---- The header: a Python dict literal ------------------------------------------------------- */

typedef struct Scan {
    const char *at, *end;
} Scan;

static void skip_space(Scan *scan) {
    while (scan->at < scan->end && isspace((unsigned char)*scan->at))
        scan->at++;
}

/* Step over `c` (after spaces) if it comes next. */
static bool accept(Scan *scan, char c) {
    skip_space(scan);
    if (scan->at == scan->end || *scan->at != c)
        return false;
    scan->at++;
    return true;
}

static bool accept_word(Scan *scan, const char *word) {
    skip_space(scan);
    size_t length = strlen(word);
    if ((size_t)(scan->end - scan->at) < length || memcmp(scan->at, word, length) != 0)
        return false;
    scan->at += length;
    return true;
}

/* A quoted string without escapes: the keys and type names have none. */
static bool scan_string(Scan *scan, char *out, size_t room) {
    skip_space(scan);
    if (scan->at == scan->end || (*scan->at != '\'' && *scan->at != '"'))
        return false;
    char quote = *scan->at++;
    size_t length = 0;
    while (scan->at < scan->end && *scan->at != quote) {
        if (*scan->at == '\\' || length + 1 >= room)
            return false;
        out[length++] = *scan->at++;
    }
    out[length] = '\0';
    return scan->at++ < scan->end;
}

/* A size; Python 2 wrote long integers with an L. */
static bool scan_size(Scan *scan, size_t *out) {
    skip_space(scan);
    const char *start = scan->at;
    size_t value = 0;
    for (; scan->at < scan->end && isdigit((unsigned char)*scan->at); scan->at++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (size_t)(*scan->at - '0'), &value))
            return false;
    if (scan->at == start)
        return false;
    if (scan->at < scan->end && *scan->at == 'L')
        scan->at++;
    *out = value;
    return true;
}

static bool scan_shape(const char *name, Scan *scan, NpyHeader *header, Error *err) {
    header->ndim = 0;
    if (!accept(scan, '('))
        return error_set(err, ERROR_FILE, "%s: the npy header's shape is not a tuple", name);
    while (!accept(scan, ')')) {
        if (header->ndim == ARRAY_MAX_DIMS)
            return error_set(err, ERROR_FILE, "%s: more than %d dimensions", name, ARRAY_MAX_DIMS);
        if (!scan_size(scan, &header->shape[header->ndim++]))
            return error_set(err, ERROR_FILE, "%s: the npy header's shape is malformed", name);
        if (!accept(scan, ',')) {
            if (!accept(scan, ')'))
                return error_set(err, ERROR_FILE, "%s: the npy header's shape is malformed", name);
            break;
        }
    }
    return true;
}

static bool scan_type(const char *name, Scan *scan, NpyHeader *header, Error *err) {
    static const struct {
        const char *code;
        ElementKind kind;
    } types[] = {
        { "f2", ELEMENT_F16 }, { "f4", ELEMENT_F32 }, { "f8", ELEMENT_F64 }, { "b1", ELEMENT_BOOL },
        { "i1", ELEMENT_I8 },  { "u1", ELEMENT_U8 },  { "i2", ELEMENT_I16 }, { "u2", ELEMENT_U16 },
        { "i4", ELEMENT_I32 }, { "u4", ELEMENT_U32 }, { "i8", ELEMENT_I64 }, { "u8", ELEMENT_U64 },
    };
    char text[32];
    if (!scan_string(scan, text, sizeof text))
        return error_set(err, ERROR_FILE, "%s: a structured type; only plain numbers are read",
                         name);
    if (text[0] == '|' && text[1] == 'O')
        return error_set(err, ERROR_FILE,
                         "%s: holds pickled Python objects, which are never executed", name);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (text[0] && strchr("<>|=", text[0]) && strcmp(text + 1, types[i].code) == 0) {
            header->kind = types[i].kind;
            header->big_endian = text[0] == '>';
            return true;
        }
    return error_set(err, ERROR_FILE,
                     "%s: element type '%s' is not one of f2 f4 f8 i1 … i8 u1 …"
                     " u8 b1",
                     name, text);
}

static bool scan_order(const char *name, Scan *scan, NpyHeader *header, Error *err) {
    header->fortran = accept_word(scan, "True");
    if (!header->fortran && !accept_word(scan, "False"))
        return error_set(err, ERROR_FILE, "%s: the npy header's fortran_order is malformed", name);
    return true;
}

/* One "'key': value" of the three; *seen gets its bit. */
static bool scan_entry(const char *name, Scan *scan, NpyHeader *header, unsigned *seen,
                       Error *err) {
    char key[32];
    if (!scan_string(scan, key, sizeof key) || !accept(scan, ':'))
        return error_set(err, ERROR_FILE, "%s: the npy header is malformed", name);
    if (strcmp(key, "descr") == 0) {
        *seen |= 1;
        return scan_type(name, scan, header, err);
    }
    if (strcmp(key, "fortran_order") == 0) {
        *seen |= 2;
        return scan_order(name, scan, header, err);
    }
    if (strcmp(key, "shape") == 0) {
        *seen |= 4;
        return scan_shape(name, scan, header, err);
    }
    return error_set(err, ERROR_FILE, "%s: the npy header has an unknown key '%s'", name, key);
}

static bool scan_dict(const char *name, Scan *scan, NpyHeader *header, Error *err) {
    unsigned seen = 0;
    bool closed = !accept(scan, '{'); /* without it: malformed, as seen stays 0 */
    while (!closed && !accept(scan, '}')) {
        if (!scan_entry(name, scan, header, &seen, err))
            return false;
        if (!accept(scan, ',') && !(closed = accept(scan, '}')))
            return error_set(err, ERROR_FILE, "%s: the npy header is malformed", name);
    }
    skip_space(scan);
    if (seen != 7 || scan->at != scan->end)
        return error_set(err, ERROR_FILE, "%s: the npy header is malformed", name);
    return true;
}

/* Magic, version, header length, header. */
static bool parse_header(const char *name, const unsigned char *bytes, size_t size,
                         NpyHeader *header, Error *err) {
    if (size < 10 || memcmp(bytes, magic, sizeof magic) != 0)
        return error_set(err, ERROR_FILE, "%s: not an npy file", name);
    int version = bytes[6];
    if (version < 1 || version > 3)
        return error_set(err, ERROR_FILE, "%s: npy version %d.%d is not known", name, version,
                         bytes[7]);
    size_t start = version == 1 ? 10 : 12, length = bytes[8] | (size_t)bytes[9] << 8;
    if (version > 1 && size >= 12)
        length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    if (size < start || length > size - start)
        return error_set(err, ERROR_FILE, "%s: truncated in the npy header", name);
    header->data_start = start + length;
    Scan scan = { (const char *)bytes + start, (const char *)bytes + start + length };
    return scan_dict(name, &scan, header, err);
}

/* ---- Elements -------------------------------------------------------------------------------- */

/* A Fortran-ordered file is the C-ordered array of the reversed shape: read that, then transpose
 * it. */
static Array *turn_fortran(const char *name, Array *reversed, Error *err) {
    Array view = *reversed;
    for (int d = 0; d < reversed->ndim; d++) {
        view.shape[d] = reversed->shape[reversed->ndim - 1 - d];
        view.stride[d] = reversed->stride[reversed->ndim - 1 - d];
    }
    Array *result = array_copy(name, &view, err);
    array_free(reversed);
    return result;
}

Array *npy_parse(const char *name, const unsigned char *bytes, size_t size, Error *err) {
    NpyHeader header;
    size_t needed;
    char text[128];
    if (!parse_header(name, bytes, size, &header, err))
        return NULL;
    size_t held = size - header.data_start;
    if (!element_bytes(header.kind, header.ndim, header.shape, &needed) || needed > held) {
        error_set(err, ERROR_FILE,
                  "%s: truncated: shape %s needs more than the %zu bytes there are", name,
                  array_shape_text(header.ndim, header.shape, text), held);
        return NULL;
    }
    if (needed < held) {
        error_set(err, ERROR_FILE, "%s: %zu bytes too many after the elements of shape %s", name,
                  held - needed, array_shape_text(header.ndim, header.shape, text));
        return NULL;
    }
    if (header.fortran)
        for (int d = 0; d < header.ndim / 2; d++) {
            size_t first = header.shape[d];
            header.shape[d] = header.shape[header.ndim - 1 - d];
            header.shape[header.ndim - 1 - d] = first;
        }
    Array *a = elements_decode(&(Elements){ name, header.kind, header.big_endian, header.ndim,
                                            header.shape, bytes + header.data_start },
                               err);
    return a && header.fortran && header.ndim > 1 ? turn_fortran(name, a, err) : a;
}

Array *npy_load(const char *path, Error *err) {
    FileBytes file;
    if (!file_read(path, &file, err))
        return NULL;
    Array *a = npy_parse(path, file.bytes, file.size, err);
    file_bytes_free(&file);
    return a;
}

/* ---- Writing --------------------------------------------------------------------------------- */

enum { HEADER_ROOM = 512 };

/* The header of version 1.0, padded so that the elements start at a multiple of 64; its length. */
static size_t write_header(const Array *a, char header[HEADER_ROOM]) {
    static const char *const codes[] = { "<f4", "<f8", "<i4" };
    char *text = header + 10;
    size_t room = HEADER_ROOM - 10;
    size_t used = (size_t)snprintf(text, room, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                                   codes[a->dtype]);
    for (int d = 0; d < a->ndim; d++)
        used += (size_t)snprintf(text + used, room - used, d ? ", %zu" : "%zu", a->shape[d]);
    used += (size_t)snprintf(text + used, room - used, a->ndim == 1 ? ",), }" : "), }");
    while ((10 + used + 1) % 64 != 0)
        text[used++] = ' ';
    text[used++] = '\n';
    memcpy(header, magic, sizeof magic);
    header[6] = 1;
    header[7] = 0;
    header[8] = (char)(used & 255);
    header[9] = (char)(used >> 8);
    return 10 + used;
}

bool npy_save(const Array *a, const char *path, Error *err) {
    char header[HEADER_ROOM];
    FileWriter writer;
    Array *rows = array_contiguous("save", a, a->dtype, err);
    if (!rows)
        return false;
    if (!file_writer_open(&writer, path, err)) {
        array_free(rows);
        return false;
    }
    fwrite(header, 1, write_header(rows, header), writer.stream);
    fwrite(rows->data, 1, array_bytes(rows), writer.stream);
    array_free(rows);
    return file_writer_commit(&writer, err);
}

unsigned char *npy_encode(const Array *a, size_t *size, Error *err) {
    char header[HEADER_ROOM];
    Array *rows = array_contiguous("save", a, a->dtype, err);
    if (!rows)
        return NULL;
    size_t start = write_header(rows, header), bytes = array_bytes(rows);
    unsigned char *out = malloc(start + bytes);
    if (out) {
        memcpy(out, header, start);
        memcpy(out + start, rows->data, bytes);
        *size = start + bytes;
    } else {
        error_memory(err, "save", start + bytes);
    }
    array_free(rows);
    return out;
}
