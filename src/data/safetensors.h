/* safetensors.h — named arrays and text metadata in one file, the format of Hugging Face's
 * safetensors: eight bytes of header length, a JSON header, then the raw little-endian data. Python
 * reads it with safetensors.numpy.load_file.
 *
 * Nothing in a file is believed until it is checked: header length, JSON, each tensor's type,
 * shape and byte range (in bounds, of the right size, without overlaps or gaps). */
#ifndef PERIGEE_DATA_SAFETENSORS_H
#define PERIGEE_DATA_SAFETENSORS_H

#include "core/file.h"
#include "core/hash.h"
#include "core/lender.h"
#include "core/source.h"
#include "core/types.h"
#include "data/elements.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An open file whose tensors are still to be read, and where one of them is in it. */
typedef struct TensorFile TensorFile;
typedef struct Claim Claim;

typedef struct Tensors {
    size_t count, capacity;
    struct NamedArray {
        char *name;
        Array *array; /* NULL: still in the file … */
        Claim *claim; /* … here; NULL once it has been read or handed on */
    } * entry;
    size_t text_count, text_capacity;
    struct NamedText {
        char *key, *value;
    } * text;         /* the file's __metadata__ */
    TensorFile *file; /* NULL: all arrays are in memory */
} Tensors;

void tensors_init(Tensors *tensors);
void tensors_clear(Tensors *tensors);

/* prefix+name; the prefix may be NULL. */
typedef struct TensorName {
    const char *prefix, *name;
} TensorName;

/* Plain values of that shape, row-major. */
typedef struct TensorValues {
    DType dtype;
    const void *values;
    int ndim;
    const size_t *shape;
} TensorValues;

typedef struct TensorForm {
    DType dtype;
    int ndim;
} TensorForm;

/* Add a shared header of `array`, or a copy of the values; names are unique. */
bool tensors_add(Tensors *tensors, TensorName name, const Array *array, Error *err);
bool tensors_add_values(Tensors *tensors, TensorName name, const TensorValues *values, Error *err);

/* Move an entry or a text of another table, whose file is then kept open, to its place among those
 * that are here, under `name`, which is copied: that of an entry must be new, a text of that key is
 * replaced. The other keeps its own name, without what it stood for. */
bool tensors_move(Tensors *tensors, const char *name, const Tensors *from, size_t i, Error *err);
bool tensors_move_text(Tensors *tensors, const char *key, struct NamedText *from, Error *err);

/* Where names that begin with `prefix` start: entries and texts are in the order of their names. */
size_t tensors_first(const Tensors *tensors, const char *prefix);
size_t tensors_first_text(const Tensors *tensors, const char *prefix);

/* The array under prefix+name, or NULL: there is none in memory. Still owned by `tensors`. */
Array *tensors_find(const Tensors *tensors, const char *prefix, const char *name);

/* Which tensor has that name, in memory or in the file; −1: none. */
ptrdiff_t tensors_index(const Tensors *tensors, TensorName name);

/* The same out of the file, where it is read only now and then kept here. Its absence is an error;
 * with a form, another type or number of dimensions as well. */
Array *tensors_read(const Tensors *tensors, TensorName name, Error *err);
Array *tensors_require(const Tensors *tensors, TensorName name, TensorForm form, Error *err);

/* The shape of the i-th tensor, read or not. */
Sizes tensors_shape(const Tensors *tensors, size_t i);

/* The numbers of one tensor in turn, as float32, into memory of the caller's: none is made for the
 * whole of it. What is still in a file is handed out so only once. */
typedef struct TensorPieces {
    char name[128]; /* begins messages */
    Source source;
    ByteStream stream;
    Elements elements;
    Array *whole; /* of a tensor in memory */
} TensorPieces;
bool tensor_begin(TensorPieces *pieces, const Tensors *tensors, size_t i, Error *err);
bool tensor_take(TensorPieces *pieces, float *out, size_t n, Error *err); /* the next n */
void tensor_end(TensorPieces *pieces); /* also where tensor_begin failed */

bool tensors_set_text(Tensors *tensors, const char *key, const char *value, Error *err);
const char *tensors_text(const Tensors *tensors, const char *key); /* or NULL */

/* What is taken of the room that one file has: arrays, texts, and values and bytes of the header,
 * of both a little more than it will be. */
typedef struct TensorRoom {
    size_t arrays, texts, values, bytes;
} TensorRoom;

/* Add what `part` takes. False, with nothing added, where no file has room for so much. */
bool tensors_room_take(TensorRoom *room, const Tensors *part, Error *err);

/* Remove what has names that begin with `prefix`. */
void tensors_drop(Tensors *tensors, const char *prefix);

/* Writes beside `path` and renames; what is still in a file is read first. F32, F64 and I32 are
 * read as they are; F16, BF16, BOOL and integers of 8 to 64 bits are converted (integers to int32,
 * refused if they do not fit); others are refused when they are read. Messages start with the path.
 * tensors_load overwrites `tensors` when it succeeds. */
bool tensors_save(const Tensors *tensors, const char *path, Error *err);

/* The file's bytes in memory, which tensors_parse reads; `name` begins messages. The caller frees
 * them (file_bytes_free). */
bool tensors_pack(const Tensors *tensors, const char *name, FileBytes *out, Error *err);

typedef struct TensorHash {
    HashMore *more;
    bool widens; /* with hash_more: bytes count as the float32 that they stand for */
} TensorHash;

/* A number that tells whether arrays in memory and texts are still the same ones: of all names,
 * types, shapes, elements and texts. */
bool tensors_hash(const Tensors *tensors, const TensorHash *how, uint64_t *out, Error *err);
bool tensors_load(Tensors *tensors, const char *path, Error *err);

/* The same, but the arrays stay in the file, which is open until tensors_clear, until somebody
 * reads them: what holds them in another form never needs room for both. */
bool tensors_open(Tensors *tensors, const char *path, Error *err);

/* Read all that tensors_open left in the file, and close that. What cannot be read is dropped, and
 * the texts of `left` say why, by its name; it fails where nothing can be read, or with a `left` of
 * NULL where one tensor cannot. */
bool tensors_read_all(Tensors *tensors, Tensors *left, Error *err);

/* tensors_load from bytes in memory; `name` is what messages call them. */
bool tensors_parse(const char *name, const unsigned char *bytes, size_t size, Tensors *out,
                   Error *err);

/* The same, where large arrays stay in the lent memory. */
bool tensors_parse_lent(const char *name, Lender *lender, Tensors *out, Error *err);

#endif
