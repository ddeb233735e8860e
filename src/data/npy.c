#include "data/npy.h"

#include "core/array.h"
#include "core/fail.h"
#include "core/file.h"
#include "data/elements.h"
#include "data/foreign.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A dict of three entries is short; padding and Python's habits leave room. */
enum { HEADER_MOST = 1 << 16 };

static const unsigned char magic[6] = { 0x93, 'N', 'U', 'M', 'P', 'Y' };

typedef struct NpyHeader {
    ElementKind kind;
    bool big_endian, fortran;
    int ndim;
    size_t shape[ARRAY_MAX_DIMS];
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
    static const struct {
        const char *key;
        bool (*scan)(const char *name, Scan *scan, NpyHeader *header, Error *err);
    } keys[] = { { "descr", scan_type }, { "fortran_order", scan_order }, { "shape", scan_shape } };
    char key[32];
    if (!scan_string(scan, key, sizeof key) || !accept(scan, ':'))
        return error_set(err, ERROR_FILE, "%s: the npy header is malformed", name);
    for (unsigned k = 0; k < sizeof keys / sizeof *keys; k++) {
        if (strcmp(key, keys[k].key) != 0)
            continue;
        if (*seen & 1u << k)
            return error_set(err, ERROR_FILE, "%s: the npy header says '%s' twice", name, key);
        *seen |= 1u << k;
        return keys[k].scan(name, scan, header, err);
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

/* Magic and version, then the length of the dict. */
static bool read_length(ByteStream *in, size_t *length, Error *err) {
    unsigned char start[12] = { 0 };
    if (in->left < 10)
        return error_set(err, ERROR_FILE, "%s: not an npy file", in->name);
    if (!stream_take(in, start, 10, err))
        return false;
    if (start[0] == 0x1f && start[1] == 0x8b)
        return error_set(err, ERROR_FILE, "%s: gzipped; gunzip makes an npy file of it", in->name);
    if (memcmp(start, magic, sizeof magic) != 0)
        return error_set(err, ERROR_FILE, "%s: not an npy file", in->name);
    int version = start[6];
    if (version < 1 || version > 3)
        return error_set(err, ERROR_FILE, "%s: npy version %d.%d is not known", in->name, version,
                         start[7]);
    if (version > 1 && in->left < 2)
        return error_set(err, ERROR_FILE, "%s: truncated in the npy header", in->name);
    if (version > 1 && !stream_take(in, start + 10, 2, err))
        return false;
    *length = start[8] | (size_t)start[9] << 8 | (size_t)start[10] << 16 | (size_t)start[11] << 24;
    if (*length > in->left)
        return error_set(err, ERROR_FILE, "%s: truncated in the npy header", in->name);
    return *length <= HEADER_MOST ||
           error_set(err, ERROR_FILE, "%s: an npy header of %zu bytes", in->name, *length);
}

static bool read_header(ByteStream *in, NpyHeader *header, Error *err) {
    size_t length = 0;
    if (!read_length(in, &length, err))
        return false;
    char *text = malloc(length + 1);
    if (!text)
        return error_memory(err, in->name, length);
    Scan scan = { text, text + length };
    bool ok = stream_take(in, text, length, err) && scan_dict(in->name, &scan, header, err);
    free(text);
    return ok;
}

/* ---- Elements -------------------------------------------------------------------------------- */

static bool check_length(const ByteStream *in, const NpyHeader *header, Error *err) {
    char text[128];
    size_t needed;
    array_shape_text(header->ndim, header->shape, text);
    if (!element_bytes(header->kind, header->ndim, header->shape, &needed) || needed > in->left)
        return error_set(err, ERROR_FILE,
                         "%s: truncated: shape %s needs more than the %zu bytes there are",
                         in->name, text, in->left);
    return needed == in->left ||
           error_set(err, ERROR_FILE, "%s: %zu bytes too many after the elements of shape %s",
                     in->name, in->left - needed, text);
}

static bool check_kind(const char *name, ElementKind kind, NpyAs as, Error *err) {
    return as != NPY_BYTES || kind == ELEMENT_U8 ||
           error_set(err, ERROR_FILE, "%s is %s, not the uint8 that can be stored as u8", name,
                     element_name(kind));
}

Array *npy_read(ByteStream *from, NpyAs as, Error *err) {
    NpyHeader header;
    if (!read_header(from, &header, err) || !check_length(from, &header, err) ||
        !check_kind(from->name, header.kind, as, err))
        return NULL;
    const Elements elements = { .name = from->name,
                                .kind = header.kind,
                                .big_endian = header.big_endian,
                                .fortran = header.fortran,
                                .as_floats = as == NPY_FLOATS,
                                .shape = sizes_of(header.ndim, header.shape) };
    return elements_read(&elements, from, err);
}

Array *npy_parse(const char *name, const unsigned char *bytes, size_t size, Error *err) {
    Source source = source_of(name, bytes, size);
    ByteStream all = source_stream(&source, size);
    return npy_read(&all, NPY_AS_THEY_ARE, err);
}

Array *npy_load(const char *path, Error *err) {
    Source source;
    if (!source_open(&source, path, err))
        return NULL;
    ByteStream all = source_stream(&source, source.size);
    Array *a = npy_read(&all, NPY_AS_THEY_ARE, err);
    source_close(&source);
    if (!a)
        foreign_refuse_file(path, "\x93NUMPY", err); /* which says more */
    return a;
}

/* ---- Writing --------------------------------------------------------------------------------- */

enum { HEADER_ROOM = 512 };

/* The header of version 1.0, padded so that the elements start at a multiple of 64; its length. */
static size_t write_header(const Array *a, char header[HEADER_ROOM]) {
    static const char *const codes[] = { "<f4", "<f8", "<i4", "|u1" };
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
    bool ok = file_writer_put(&writer, rows->data, array_bytes(rows), err);
    array_free(rows);
    if (ok)
        return file_writer_commit(&writer, err);
    file_writer_abandon(&writer);
    return false;
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
