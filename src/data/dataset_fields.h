/* dataset_fields.h — the options by which files and arrays become datasets, and back. */
#ifndef PERIGEE_DATA_DATASET_FIELDS_H
#define PERIGEE_DATA_DATASET_FIELDS_H

#include "core/fields.h"

typedef struct DatasetOptions {
    const char *x, *y; /* names of an archive's arrays */
    const char *source;
    double scale; /* x is multiplied by it */
    int store;    /* a StoreAs (dataset_bytes.h); -1: as it is */
} DatasetOptions;

/* Of arrays at hand. */
extern const Field dataset_new_fields[];
extern const DatasetOptions dataset_new_initial;

/* Of what is to be another in a dataset; its own source is left open. */
extern const Field dataset_with_fields[];

/* Of an npz archive; the source is left open. */
extern const Field dataset_npz_fields[];
extern const DatasetOptions dataset_npz_initial;

/* Whether an archive is written compressed: a bool by itself. */
extern const Field npz_save_fields[];

#endif
