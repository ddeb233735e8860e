/* npy.h — NumPy's .npy: one array in one file.
 *
 *     "\x93NUMPY" · version (2 bytes) · header length (2 bytes; 4 from version 2 on) ·
 *     {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } padded · elements
 *
 * Read: versions 1 to 3, both byte orders, C and Fortran order, floats of 16, 32 and 64 bits,
 * integers of 8 to 64 bits (see elements.h for what they become), bool; pickled objects never.
 * Written: version 1.0, little-endian, C order, f4, f8 or i4. The elements must fill the file. */
#ifndef PERIGEE_DATA_NPY_H
#define PERIGEE_DATA_NPY_H

#include "core/source.h"
#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>

/* Messages start with `path`. */
Array *npy_load(const char *path, Error *err);

/* The same from bytes in memory; `name` is what messages call them. */
Array *npy_parse(const char *name, const unsigned char *bytes, size_t size, Error *err);

/* What is made of a file's numbers: arrays of their types (elements.h), float32 whatever they are,
 * or bytes, where others are refused. */
typedef enum NpyAs { NPY_AS_THEY_ARE, NPY_FLOATS, NPY_BYTES } NpyAs;

/* The same from a stream, whose end is the file's: an entry of an archive. */
Array *npy_read(ByteStream *from, NpyAs as, Error *err);

/* Writes beside `path` and renames. */
bool npy_save(const Array *a, const char *path, Error *err);

/* The whole file's bytes for `a`, malloc'd, the caller's to free; NULL only on lack of memory. */
unsigned char *npy_encode(const Array *a, size_t *size, Error *err);

#endif
