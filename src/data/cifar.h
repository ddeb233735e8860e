/* cifar.h — CIFAR-10 and CIFAR-100 in their binary version.
 *
 * Krizhevsky, "Learning multiple layers of features from tiny images", 2009. A sample is a byte of
 * label (CIFAR-100: two, coarse and fine) and 3 × 32 × 32 bytes, red, green, blue plane by plane.
 * Looked for in the folders of data_folder.h under the names that the archives have:
 * cifar-10-batches-bin, cifar-100-binary. */
#ifndef PERIGEE_DATA_CIFAR_H
#define PERIGEE_DATA_CIFAR_H

#include "core/fields.h"
#include "data/dataset.h"
#include "data/names.h"

typedef struct CifarSet {
    const char *name, *folder, *script;
    const char *train[6], *test[2]; /* files, NULL behind the last */
    int labels;                     /* bytes of them in front of a sample */
    struct CifarLabels {
        const char *names; /* the file with the classes' names, a line each */
        int classes;
    } label[2];
} CifarSet;

extern const CifarSet cifar10, cifar100;

typedef struct CifarOptions {
    bool test;          /* else the training part */
    int labels;         /* which of the bytes: 0, or of CIFAR-100 0 coarse and 1 fine */
    int store;          /* a StoreAs (dataset_bytes.h) */
    const char *path;   /* a folder, or one of its files; NULL: looked for */
    const char *source; /* NULL: the set's name and part, or the path */
} CifarOptions;

extern const Field cifar10_fields[], cifar100_fields[];
extern const CifarOptions cifar10_initial, cifar100_initial;

/* Samples of (3, 32, 32); `classes`, the caller's to clear, is empty where the folder has
 * no file with their names. */
Dataset *cifar_load(const CifarSet *set, const CifarOptions *options, ClassNames *classes,
                    Error *err);

/* One file's bytes in memory. */
Dataset *cifar_parse(const CifarSet *set, const char *name, const void *bytes, size_t size,
                     int labels, Error *err);

#endif
