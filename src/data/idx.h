/* idx.h — the IDX files that MNIST comes in, gzip or not (told by content, not by name).
 *
 *     0 0 · type (1 byte) · dimensions (1 byte) · sizes (4 bytes each, big-endian) · elements
 *
 * Types: 08 unsigned byte, 09 signed byte, 0B int16, 0C int32, 0D float32, 0E float64, all
 * big-endian. The elements must fill the file exactly; a packed one may be several gzip members in
 * a row, with zeros behind each. Messages start with the file's path. */
#ifndef PERIGEE_DATA_IDX_H
#define PERIGEE_DATA_IDX_H

#include "core/fields.h"
#include "data/dataset.h"

/* Samples: at least two dimensions, the first of which counts samples. Unsigned bytes are divided
 * by 255 into [0, 1]; everything becomes float32. */
Array *idx_load_samples(const char *path, Error *err);

/* Labels: one dimension, integers. */
Array *idx_load_labels(const char *path, Error *err);

/* The same from bytes in memory; `name` is what messages call them. */
Array *idx_parse_samples(const char *name, const unsigned char *bytes, size_t size, Error *err);
Array *idx_parse_labels(const char *name, const unsigned char *bytes, size_t size, Error *err);

/* How a pair of files becomes a dataset. */
typedef struct IdxOptions {
    bool transpose;     /* samples are turned: EMNIST's pictures lie on their side in the file */
    int store;          /* a StoreAs (dataset_bytes.h); only unsigned bytes stay u8 */
    const char *source; /* NULL: the samples' path */
} IdxOptions;

extern const Field idx_fields[];

/* Both files as a dataset; their counts must agree. */
Dataset *idx_load(const char *samples, const char *labels, const IdxOptions *options, Error *err);

#endif
