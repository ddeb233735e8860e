#include "data/idx.h"

#include "core/array.h"
#include "core/fail.h"
#include "core/simd.h"
#include "data/elements.h"
#include "core/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* Deflate expands a byte to 1032 at most: a larger claim is false. */
enum { DEFLATE_RATIO = 1032, CHUNK = 32768 };

/* ---- Bytes, unpacked on the way -------------------------------------------------------------- */

typedef struct Source {
    const char *name;
    const unsigned char *bytes;
    size_t size, at; /* `at` is used for plain files; z keeps its own place */
    bool gzip;
    z_stream z;
} Source;

static bool source_open(Source *source, const char *name, const unsigned char *bytes, size_t size,
                        Error *err) {
    *source = (Source){ .name = name, .bytes = bytes, .size = size };
    source->gzip = size >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
    if (source->gzip && inflateInit2(&source->z, 16 + MAX_WBITS) != Z_OK)
        return error_memory(err, name, CHUNK);
    return true;
}

static void source_close(Source *source) {
    if (source->gzip)
        inflateEnd(&source->z);
}

/* Input that z has not taken yet. */
static size_t packed_left(const Source *source) {
    return source->size - source->at + source->z.avail_in;
}

/* zlib counts input in 32 bits: feed it in portions. */
static void feed(Source *source) {
    if (source->z.avail_in > 0)
        return;
    size_t left = source->size - source->at, portion = left < 1 << 30 ? left : 1 << 30;
    source->z.next_in = (unsigned char *)source->bytes + source->at;
    source->z.avail_in = (unsigned)portion;
    source->at += portion;
}

/* At a member's end: gzip files may be several members in a row. True if another one follows. */
static bool next_member(Source *source) {
    feed(source);
    return source->z.avail_in >= 2 && source->z.next_in[0] == 0x1f &&
           source->z.next_in[1] == 0x8b && inflateReset(&source->z) == Z_OK;
}

/* Up to n unpacked bytes: fewer only at the end. −1 if the stream is broken. */
static ptrdiff_t unpack(Source *source, unsigned char *out, size_t n, Error *err) {
    source->z.next_out = out;
    source->z.avail_out = (unsigned)n; /* callers ask for CHUNK at most */
    while (source->z.avail_out > 0) {
        feed(source);
        int status = inflate(&source->z, Z_NO_FLUSH);
        if (status == Z_STREAM_END && !next_member(source))
            break;
        if (status == Z_BUF_ERROR ||
            (status == Z_OK && packed_left(source) == 0 && source->z.avail_out > 0)) {
            error_set(err, ERROR_FILE, "%s: truncated gzip stream", source->name);
            return -1;
        }
        if (status != Z_OK && status != Z_STREAM_END) {
            error_set(err, ERROR_FILE, "%s: corrupt gzip stream (%s)", source->name,
                      source->z.msg ? source->z.msg : "no more is known");
            return -1;
        }
    }
    return (ptrdiff_t)(n - source->z.avail_out);
}

static ptrdiff_t source_read(Source *source, unsigned char *out, size_t n, Error *err) {
    if (source->gzip)
        return unpack(source, out, n, err);
    size_t left = source->size - source->at, count = n < left ? n : left;
    memcpy(out, source->bytes + source->at, count);
    source->at += count;
    return (ptrdiff_t)count;
}

/* ---- The header ------------------------------------------------------------------------------ */

typedef struct IdxHeader {
    ElementKind kind;
    int ndim;
    size_t shape[ARRAY_MAX_DIMS];
} IdxHeader;

static bool element_kind(unsigned char code, ElementKind *kind) {
    switch (code) {
    case 0x08:
        *kind = ELEMENT_U8;
        return true;
    case 0x09:
        *kind = ELEMENT_I8;
        return true;
    case 0x0b:
        *kind = ELEMENT_I16;
        return true;
    case 0x0c:
        *kind = ELEMENT_I32;
        return true;
    case 0x0d:
        *kind = ELEMENT_F32;
        return true;
    case 0x0e:
        *kind = ELEMENT_F64;
        return true;
    default:
        return false;
    }
}

static bool read_exactly(Source *source, unsigned char *out, size_t n, const char *part,
                         Error *err) {
    ptrdiff_t got = source_read(source, out, n, err);
    if (got < 0)
        return false;
    return (size_t)got == n ||
           error_set(err, ERROR_FILE, "%s: truncated in the %s", source->name, part);
}

static bool read_header(Source *source, IdxHeader *header, Error *err) {
    unsigned char start[4] = { 0 }, sizes[4 * ARRAY_MAX_DIMS];
    ptrdiff_t got = source_read(source, start, sizeof start, err);
    if (got < 0)
        return false;
    if (got < 4 || start[0] != 0 || start[1] != 0 || !element_kind(start[2], &header->kind))
        return error_set(err, ERROR_FILE, "%s: not an IDX file%s", source->name,
                         got == 0 ? ": it is empty" : "");
    header->ndim = start[3];
    if (header->ndim < 1 || header->ndim > ARRAY_MAX_DIMS)
        return error_set(err, ERROR_FILE, "%s: an IDX file of %d dimensions; 1 to %d are read",
                         source->name, header->ndim, ARRAY_MAX_DIMS);
    if (!read_exactly(source, sizes, 4 * (size_t)header->ndim, "IDX header", err))
        return false;
    for (int d = 0; d < header->ndim; d++)
        header->shape[d] = (size_t)sizes[4 * d] << 24 | (size_t)sizes[4 * d + 1] << 16 |
                           (size_t)sizes[4 * d + 2] << 8 | sizes[4 * d + 3];
    return true;
}

/* Can the rest of the file be this many bytes? A plain file must be exactly that long; a compressed
 * one must at least be able to hold them. Nothing is allocated before this. */
static bool check_length(const Source *source, const IdxHeader *header, Error *err) {
    char text[128];
    size_t needed, held = packed_left(source);
    bool sane = element_bytes(header->kind, header->ndim, header->shape, &needed);
    array_shape_text(header->ndim, header->shape, text);
    if (sane && source->gzip && needed / DEFLATE_RATIO <= source->size)
        return true;
    if (!sane || source->gzip || needed > held)
        return error_set(err, ERROR_FILE,
                         "%s: truncated: shape %s needs more than the %zu %sbytes there are",
                         source->name, text, held, source->gzip ? "packed " : "");
    if (needed < held)
        return error_set(err, ERROR_FILE, "%s: %zu bytes too many after the elements of shape %s",
                         source->name, held - needed, text);
    return true;
}

static bool check_end(Source *source, Error *err) {
    unsigned char beyond;
    ptrdiff_t got = source_read(source, &beyond, 1, err);
    if (got < 0)
        return false;
    if (got > 0 || packed_left(source) > 0)
        return error_set(err, ERROR_FILE, "%s: bytes too many after the elements", source->name);
    return true;
}

/* ---- Elements -------------------------------------------------------------------------------- */

SIMD_CLONES static void scale_bytes(const unsigned char *bytes, size_t n, float *out) {
    for (size_t i = 0; i < n; i++)
        out[i] = (float)bytes[i] / 255.0f;
}

/* Bytes to [0, 1], a chunk at a time while it is in the cache. */
static Array *read_scaled(Source *source, const IdxHeader *header, Error *err) {
    Sizes sizes = sizes_of(header->ndim, header->shape);
    Array *a = array_new(source->name, DTYPE_F32, &sizes, err);
    unsigned char chunk[CHUNK];
    size_t n = a ? array_size(a) : 0;
    for (size_t done = 0; done < n; done += CHUNK) {
        size_t count = n - done < CHUNK ? n - done : CHUNK;
        if (!read_exactly(source, chunk, count, "elements", err)) {
            array_free(a);
            return NULL;
        }
        scale_bytes(chunk, count, array_f32(a) + done);
    }
    return a;
}

/* Any type as it is: the rest of the file, then elements_decode. */
static Array *read_plain(Source *source, const IdxHeader *header, Error *err) {
    size_t needed;
    element_bytes(header->kind, header->ndim, header->shape, &needed);
    unsigned char *bytes = malloc(needed ? needed : 1);
    if (!bytes) {
        error_memory(err, source->name, needed);
        return NULL;
    }
    bool ok = true;
    for (size_t done = 0; ok && done < needed; done += CHUNK)
        ok = read_exactly(source, bytes + done, needed - done < CHUNK ? needed - done : CHUNK,
                          "elements", err);
    Array *a = ok ? elements_decode(&(Elements){ source->name, header->kind, true, header->ndim,
                                                 header->shape, bytes },
                                    err)
                  : NULL;
    free(bytes);
    return a;
}

typedef Array *ReadElements(Source *source, const IdxHeader *header, Error *err);

/* Header, length, elements, end. */
static Array *read_file(Source *source, const IdxHeader *header, ReadElements *read, Error *err) {
    Array *a = check_length(source, header, err) ? read(source, header, err) : NULL;
    if (a && !check_end(source, err)) {
        array_free(a);
        a = NULL;
    }
    return a;
}

static Array *read_samples(Source *source, Error *err) {
    IdxHeader header;
    if (!read_header(source, &header, err))
        return NULL;
    if (header.ndim < 2) {
        error_set(err, ERROR_FILE, "%s: an IDX file of labels (1 dimension), not of samples",
                  source->name);
        return NULL;
    }
    if (header.kind == ELEMENT_U8)
        return read_file(source, &header, read_scaled, err);
    Array *a = read_file(source, &header, read_plain, err);
    Array *floats = a ? array_contiguous(source->name, a, DTYPE_F32, err) : NULL;
    array_free(a);
    return floats;
}

static Array *read_labels(Source *source, Error *err) {
    IdxHeader header;
    if (!read_header(source, &header, err))
        return NULL;
    if (header.ndim != 1 || element_dtype(header.kind) != DTYPE_I32) {
        error_set(err, ERROR_FILE,
                  "%s: an IDX file of %d dimension%s of %s; labels are 1 dimension of integers",
                  source->name, header.ndim, header.ndim == 1 ? "" : "s",
                  element_dtype(header.kind) == DTYPE_I32 ? "integers" : "floats");
        return NULL;
    }
    return read_file(source, &header, read_plain, err);
}

/* ---- Public ---------------------------------------------------------------------------------- */

typedef Array *ReadWhole(Source *source, Error *err);

static Array *parse(const char *name, const unsigned char *bytes, size_t size, ReadWhole *read,
                    Error *err) {
    Source source;
    if (!source_open(&source, name, bytes, size, err))
        return NULL;
    Array *a = read(&source, err);
    source_close(&source);
    return a;
}

static Array *load(const char *path, ReadWhole *read, Error *err) {
    FileBytes file;
    if (!file_read(path, &file, err))
        return NULL;
    Array *a = parse(path, file.bytes, file.size, read, err);
    file_bytes_free(&file);
    return a;
}

Array *idx_parse_samples(const char *name, const unsigned char *bytes, size_t size, Error *err) {
    return parse(name, bytes, size, read_samples, err);
}

Array *idx_parse_labels(const char *name, const unsigned char *bytes, size_t size, Error *err) {
    return parse(name, bytes, size, read_labels, err);
}

Array *idx_load_samples(const char *path, Error *err) {
    return load(path, read_samples, err);
}

Array *idx_load_labels(const char *path, Error *err) {
    return load(path, read_labels, err);
}

Dataset *idx_load(const char *samples, const char *labels, const char *source, Error *err) {
    Array *y = idx_load_labels(labels, err);
    Array *x = y ? idx_load_samples(samples, err) : NULL;
    Dataset *dataset = NULL;
    if (x && x->shape[0] != y->shape[0])
        error_set(err, ERROR_FILE, "%s holds %zu samples, %s %zu labels", samples, x->shape[0],
                  labels, y->shape[0]);
    else if (x)
        dataset = dataset_new("idx", &(DatasetParts){ .x = x, .y = y, .source = source }, err);
    array_free(x);
    array_free(y);
    return dataset;
}
