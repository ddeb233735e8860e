/* safetensors.h — named arrays and text metadata in one file, the format of Hugging Face's
 * safetensors: eight bytes of header length, a JSON header, then the raw little-endian data. Python
 * reads it with safetensors.numpy.load_file.
 *
 * Nothing in a file is believed until it is checked: header length, JSON, each tensor's type,
 * shape and byte range (in bounds, of the right size, without overlaps or gaps). */
#ifndef PERIGEE_DATA_SAFETENSORS_H
#define PERIGEE_DATA_SAFETENSORS_H

#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Tensors {
    size_t count, capacity;
    struct NamedArray {
        char *name;
        Array *array;
    } * entry;
    size_t text_count, text_capacity;
    struct NamedText {
        char *key, *value;
    } * text; /* the file's __metadata__ */
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

/* Where names that begin with `prefix` start: entries and texts are in the order of their names. */
size_t tensors_first(const Tensors *tensors, const char *prefix);
size_t tensors_first_text(const Tensors *tensors, const char *prefix);

/* The array under prefix+name, or NULL. Still owned by `tensors`. */
Array *tensors_find(const Tensors *tensors, const char *prefix, const char *name);

/* The same, where its absence, another type or number of dimensions is an error. */
Array *tensors_require(const Tensors *tensors, TensorName name, TensorForm form, Error *err);

bool tensors_set_text(Tensors *tensors, const char *key, const char *value, Error *err);
const char *tensors_text(const Tensors *tensors, const char *key); /* or NULL */

/* Writes beside `path` and renames. F32, F64 and I32 are read as they are; F16, BF16, BOOL and
 * integers of 8 to 64 bits are converted (integers to int32, refused if they do not fit). Messages
 * start with the path. tensors_load overwrites `tensors` when it succeeds. */
bool tensors_save(const Tensors *tensors, const char *path, Error *err);
bool tensors_load(Tensors *tensors, const char *path, Error *err);

/* tensors_load from bytes in memory; `name` is what messages call them. */
bool tensors_parse(const char *name, const unsigned char *bytes, size_t size, Tensors *out,
                   Error *err);

#endif
