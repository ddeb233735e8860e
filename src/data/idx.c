#include "data/idx.h"

#include "core/array.h"
#include "core/bytes.h"
#include "core/fail.h"
#include "core/source.h"
#include "data/dataset_bytes.h"
#include "data/elements.h"
#include "data/foreign.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* Deflate expands a byte to 1032 at most: a larger claim is false. */
enum { DEFLATE_RATIO = 1032, CHUNK = 32768 };

/* Elements of packed files are read without a look at how many there are up to this size, and up to
 * so many for each byte of the file: pictures pack to a fifth, and what would be taken for a false
 * claim is in proportion to what somebody has stored. */
enum { UNSEEN_MOST = 1 << 20, UNSEEN_RATIO = 16 };

/* ---- Bytes, unpacked on the way -------------------------------------------------------------- */

typedef struct Packed {
    const char *name;
    Source *source;
    bool gzip;
    z_stream z;
    unsigned char input[CHUNK];
} Packed;

/* From the source's first byte on. */
static bool packed_open(Packed *packed, Source *source, Error *err) {
    unsigned char start[2] = { 0 };
    packed->name = source->name;
    packed->source = source;
    packed->gzip = false;
    packed->z = (z_stream){ 0 };
    source->at = 0;
    if (source->size >= 2 && !source_read(source, start, 2, err))
        return false;
    source->at = 0;
    packed->gzip = start[0] == 0x1f && start[1] == 0x8b;
    return !packed->gzip || inflateInit2(&packed->z, 16 + MAX_WBITS) == Z_OK ||
           error_memory(err, packed->name, CHUNK);
}

static void packed_close(Packed *packed) {
    if (packed->gzip)
        inflateEnd(&packed->z);
}

/* Input that has not been taken yet. */
static size_t packed_left(const Packed *packed) {
    return source_left(packed->source) + packed->z.avail_in;
}

/* At least `wanted` bytes of input for z, if there are as many; what it holds moves to the front.
 */
static bool feed(Packed *packed, unsigned wanted, Error *err) {
    unsigned held = packed->z.avail_in;
    size_t left = source_left(packed->source), more = CHUNK - held;
    if (held >= wanted || left == 0)
        return true;
    more = more < left ? more : left;
    if (held > 0)
        memmove(packed->input, packed->z.next_in, held);
    packed->z.next_in = packed->input;
    packed->z.avail_in = held + (unsigned)more;
    return source_read(packed->source, packed->input + held, more, err);
}

/* Zeros fill the last block of what tar and tapes hold. */
static bool skip_zeros(Packed *packed, Error *err) {
    z_stream *z = &packed->z;
    do {
        if (!source_goes_on(packed->name, err) || !feed(packed, 1, err))
            return false;
        for (; z->avail_in > 0 && *z->next_in == 0; z->avail_in--)
            z->next_in++;
    } while (z->avail_in == 0 && source_left(packed->source) > 0);
    return true;
}

/* At a member's end: gzip files may be several members in a row. Does another one follow? */
static bool next_member(Packed *packed, bool *follows, Error *err) {
    z_stream *z = &packed->z;
    if (!skip_zeros(packed, err) || !feed(packed, 2, err))
        return false;
    *follows = z->avail_in >= 2 && z->next_in[0] == 0x1f && z->next_in[1] == 0x8b &&
               inflateReset(z) == Z_OK;
    return true;
}

/* One step of z: false if the stream is broken; *end at its end. */
static bool unpack_some(Packed *packed, bool *end, Error *err) {
    if (!source_goes_on(packed->name, err) || !feed(packed, 1, err))
        return false;
    int status = inflate(&packed->z, Z_NO_FLUSH);
    bool follows = true;
    if (status == Z_STREAM_END && !next_member(packed, &follows, err))
        return false;
    *end = !follows;
    if (status == Z_BUF_ERROR ||
        (status == Z_OK && packed_left(packed) == 0 && packed->z.avail_out > 0))
        return error_set(err, ERROR_FILE, "%s: truncated gzip stream", packed->name);
    return status == Z_OK || status == Z_STREAM_END ||
           error_set(err, ERROR_FILE, "%s: corrupt gzip stream (%s)", packed->name,
                     packed->z.msg ? packed->z.msg : "no more is known");
}

/* Up to n bytes: fewer only at the end. −1 if they cannot be had. */
static ptrdiff_t packed_take(Packed *packed, void *out, size_t n, Error *err) {
    bool end = false;
    if (!packed->gzip) {
        size_t left = source_left(packed->source), count = n < left ? n : left;
        return source_read(packed->source, out, count, err) ? (ptrdiff_t)count : -1;
    }
    packed->z.next_out = out;
    packed->z.avail_out = (unsigned)n; /* callers ask for CHUNK at most */
    while (packed->z.avail_out > 0 && !end)
        if (!unpack_some(packed, &end, err))
            return -1;
    return (ptrdiff_t)(n - packed->z.avail_out);
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

static bool read_exactly(Packed *packed, void *out, size_t n, const char *part, Error *err) {
    ptrdiff_t got = packed_take(packed, out, n, err);
    if (got < 0)
        return false;
    return (size_t)got == n ||
           error_set(err, ERROR_FILE, "%s: truncated in the %s", packed->name, part);
}

static bool read_header(Packed *packed, IdxHeader *header, Error *err) {
    unsigned char start[4] = { 0 }, sizes[4 * ARRAY_MAX_DIMS];
    ptrdiff_t got = packed_take(packed, start, sizeof start, err);
    if (got < 0)
        return false;
    if (got < 4 || start[0] != 0 || start[1] != 0 || !element_kind(start[2], &header->kind))
        return error_set(err, ERROR_FILE, "%s: not an IDX file%s", packed->name,
                         got == 0 ? ": it is empty" : "");
    header->ndim = start[3];
    if (header->ndim < 1 || header->ndim > ARRAY_MAX_DIMS)
        return error_set(err, ERROR_FILE, "%s: an IDX file of %d dimensions; 1 to %d are read",
                         packed->name, header->ndim, ARRAY_MAX_DIMS);
    if (!read_exactly(packed, sizes, 4 * (size_t)header->ndim, "IDX header", err))
        return false;
    const unsigned char *size = sizes;
    for (int d = 0; d < header->ndim; d++, size += 4)
        header->shape[d] =
            (size_t)size[0] << 24 | (size_t)size[1] << 16 | (size_t)size[2] << 8 | size[3];
    return true;
}

/* Are there really `needed` bytes behind the header? Unpacks them for nothing. */
static bool check_packed(const Packed *packed, const IdxHeader *header, size_t needed, Error *err) {
    unsigned char chunk[CHUNK];
    Source source = *packed->source;
    Packed *again = malloc(sizeof *again);
    if (!again)
        return error_memory(err, packed->name, sizeof *again);
    bool ok = packed_open(again, &source, err);
    size_t end = 4 + 4 * (size_t)header->ndim + needed;
    for (size_t done = 0; ok && done < end; done += CHUNK)
        ok = read_exactly(again, chunk, end - done < CHUNK ? end - done : CHUNK, "elements", err);
    packed_close(again);
    free(again);
    return ok;
}

/* Is the rest of the file this many bytes? A plain file must be exactly that long; a compressed one
 * must be able to hold them, and where they are many it is unpacked to see. Nothing is allocated
 * before this. */
static bool check_length(const Packed *packed, const IdxHeader *header, Error *err) {
    char text[128];
    const char *name = packed->name;
    size_t needed, held = packed_left(packed);
    bool sane = element_bytes(header->kind, header->ndim, header->shape, &needed);
    array_shape_text(header->ndim, header->shape, text);
    if (sane && packed->gzip && needed / DEFLATE_RATIO <= packed->source->size)
        return needed <= UNSEEN_MOST || needed / UNSEEN_RATIO <= packed->source->size ||
               check_packed(packed, header, needed, err);
    if (!sane || packed->gzip || needed > held)
        return error_set(err, ERROR_FILE,
                         "%s: truncated: shape %s needs more than the %zu %sbytes there are", name,
                         text, held, packed->gzip ? "packed " : "");
    if (needed < held)
        return error_set(err, ERROR_FILE, "%s: %zu bytes too many after the elements of shape %s",
                         name, held - needed, text);
    return true;
}

static bool check_end(Packed *packed, Error *err) {
    unsigned char beyond;
    ptrdiff_t got = packed_take(packed, &beyond, 1, err);
    if (got < 0)
        return false;
    return (got == 0 && packed_left(packed) == 0) ||
           error_set(err, ERROR_FILE, "%s: bytes too many after the elements", packed->name);
}

/* ---- Elements -------------------------------------------------------------------------------- */

/* Bytes to [0, 1], a chunk at a time while it is in the cache. */
static Array *read_scaled(Packed *packed, const IdxHeader *header, Error *err) {
    Sizes sizes = sizes_of(header->ndim, header->shape);
    Array *a = array_uninitialised(packed->name, DTYPE_F32, &sizes, err);
    unsigned char chunk[CHUNK];
    size_t n = a ? array_size(a) : 0;
    for (size_t done = 0; done < n; done += CHUNK) {
        size_t count = n - done < CHUNK ? n - done : CHUNK;
        if (!read_exactly(packed, chunk, count, "elements", err)) {
            array_free(a);
            return NULL;
        }
        bytes_to_floats(chunk, count, array_f32(a) + done);
    }
    return a;
}

/* Any number, as a stream delivers them. */
static bool read_bytes(void *from, void *out, size_t n, Error *err) {
    bool ok = true;
    for (size_t done = 0; ok && done < n; done += CHUNK)
        ok = read_exactly(from, (char *)out + done, n - done < CHUNK ? n - done : CHUNK, "elements",
                          err);
    return ok;
}

static Array *read_elements(Packed *packed, const IdxHeader *header, DType dtype, Error *err) {
    const Elements elements = { .name = packed->name,
                                .kind = header->kind,
                                .big_endian = true,
                                .shape = sizes_of(header->ndim, header->shape) };
    ByteStream stream = { packed->name, SIZE_MAX, read_bytes, packed };
    Array *a = array_uninitialised(packed->name, dtype, &elements.shape, err);
    if (!a || elements_read_into(&elements, &stream, a, err))
        return a;
    array_free(a);
    return NULL;
}

static Array *read_integers(Packed *packed, const IdxHeader *header, Error *err) {
    return read_elements(packed, header, DTYPE_I32, err);
}

static Array *read_unsigned(Packed *packed, const IdxHeader *header, Error *err) {
    return read_elements(packed, header, DTYPE_U8, err);
}

static Array *read_floats(Packed *packed, const IdxHeader *header, Error *err) {
    return read_elements(packed, header, DTYPE_F32, err);
}

typedef Array *ReadElements(Packed *packed, const IdxHeader *header, Error *err);

/* Header, length, elements, end. */
static Array *read_file(Packed *packed, const IdxHeader *header, ReadElements *read, Error *err) {
    Array *a = check_length(packed, header, err) ? read(packed, header, err) : NULL;
    if (a && !check_end(packed, err)) {
        array_free(a);
        a = NULL;
    }
    return a;
}

static bool read_samples_header(Packed *packed, IdxHeader *header, Error *err) {
    return read_header(packed, header, err) &&
           (header->ndim >= 2 ||
            error_set(err, ERROR_FILE, "%s: an IDX file of labels (1 dimension), not of samples",
                      packed->name));
}

static Array *read_samples(Packed *packed, Error *err) {
    IdxHeader header;
    if (!read_samples_header(packed, &header, err))
        return NULL;
    return read_file(packed, &header, header.kind == ELEMENT_U8 ? read_scaled : read_floats, err);
}

static Array *read_stored(Packed *packed, Error *err) {
    IdxHeader header;
    if (!read_samples_header(packed, &header, err))
        return NULL;
    if (header.kind == ELEMENT_U8)
        return read_file(packed, &header, read_unsigned, err);
    error_set(err, ERROR_FILE,
              "%s: its elements are no unsigned bytes, which alone are stored as u8", packed->name);
    return NULL;
}

static Array *read_labels(Packed *packed, Error *err) {
    IdxHeader header;
    if (!read_header(packed, &header, err))
        return NULL;
    if (header.ndim != 1 || !dtype_is_whole(element_dtype(header.kind))) {
        error_set(err, ERROR_FILE,
                  "%s: an IDX file of %d dimension%s of %s; labels are 1 dimension of integers",
                  packed->name, header.ndim, header.ndim == 1 ? "" : "s",
                  dtype_is_whole(element_dtype(header.kind)) ? "integers" : "floats");
        return NULL;
    }
    return read_file(packed, &header, read_integers, err);
}

/* ---- Public ---------------------------------------------------------------------------------- */

typedef Array *ReadWhole(Packed *packed, Error *err);

static Array *read_whole(Source *source, ReadWhole *read, Error *err) {
    Packed *packed = malloc(sizeof *packed);
    if (!packed) {
        error_memory(err, source->name, sizeof *packed);
        return NULL;
    }
    Array *a = packed_open(packed, source, err) ? read(packed, err) : NULL;
    packed_close(packed);
    free(packed);
    return a;
}

static Array *parse(Source source, ReadWhole *read, Error *err) {
    return read_whole(&source, read, err);
}

static Array *load(const char *path, ReadWhole *read, Error *err) {
    Source source;
    if (!source_open(&source, path, err))
        return NULL;
    Array *a = read_whole(&source, read, err);
    source_close(&source);
    if (!a)
        foreign_refuse_file(path, "\x1f\x8b", err); /* which says more */
    return a;
}

Array *idx_parse_samples(const char *name, const unsigned char *bytes, size_t size, Error *err) {
    return parse(source_of(name, bytes, size), read_samples, err);
}

Array *idx_parse_labels(const char *name, const unsigned char *bytes, size_t size, Error *err) {
    return parse(source_of(name, bytes, size), read_labels, err);
}

Array *idx_load_samples(const char *path, Error *err) {
    return load(path, read_samples, err);
}

Array *idx_load_labels(const char *path, Error *err) {
    return load(path, read_labels, err);
}

const Field idx_fields[] = {
    { "transpose", FIELD_BOOLEAN, offsetof(IdxOptions, transpose),
      .meaning = "turn rows of pixels into columns, as EMNIST's files want it" },
    STORE_FIELD(offsetof(IdxOptions, store)),
    { "source", FIELD_STRING, offsetof(IdxOptions, source), .initial = "the samples' path",
      .meaning = "for printing" },
    { .name = NULL },
};

/* Every sample's rows become its columns, in place. */
static bool turn_samples(const char *name, Array *x, Error *err) {
    char text[128];
    if (x->ndim != 3)
        return error_set(err, ERROR_ARGUMENT,
                         "%s: transpose: samples of shape %s have no rows and "
                         "columns",
                         name, array_shape_text(x->ndim - 1, x->shape + 1, text));
    size_t n = x->shape[0], height = x->shape[1], width = x->shape[2], size = height * width;
    size_t each = dtype_size(x->dtype), bytes = size * each;
    char *row = malloc(bytes + 1), *at = x->data;
    if (!row)
        return error_memory(err, name, bytes);
    for (size_t i = 0; i < n; i++, at += bytes) {
        memcpy(row, at, bytes);
        for (size_t r = 0; r < height; r++)
            for (size_t c = 0; c < width; c++)
                memcpy(at + (c * height + r) * each, row + (r * width + c) * each, each);
    }
    free(row);
    array_set_shape(x, &(Sizes){ 3, { n, width, height } });
    return true;
}

Dataset *idx_load(const char *samples, const char *labels, const IdxOptions *options, Error *err) {
    const char *source = options->source ? options->source : samples;
    Array *y = idx_load_labels(labels, err);
    ReadWhole *read = options->store == STORE_U8 ? read_stored : read_samples;
    Array *x = y ? load(samples, read, err) : NULL;
    Dataset *dataset = NULL;
    if (x && x->shape[0] != y->shape[0])
        error_set(err, ERROR_FILE, "%s holds %zu samples, %s %zu labels", samples, x->shape[0],
                  labels, y->shape[0]);
    else if (x && dataset_check_read(samples, x, err) &&
             (!options->transpose || turn_samples(samples, x, err)))
        dataset = dataset_new("idx", &(DatasetParts){ .x = x, .y = y, .source = source }, err);
    array_free(x);
    array_free(y);
    return dataset;
}
