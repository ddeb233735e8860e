/* mnist.h — MNIST and the sets that come in the same form: where they are, and reading them.
 *
 * LeCun, Cortes, Burges, "The MNIST database of handwritten digits", 1998; Xiao, Rasul, Vollgraf,
 * "Fashion-MNIST", 2017; Clanuwat et al., "Deep learning for classical Japanese literature", 2018.
 * Four IDX files each, gzip or not, named train-images-idx3-ubyte and so on
 * (train-images.idx3-ubyte too, and with .gz), in the folders of data_folder.h. */
#ifndef PERIGEE_DATA_MNIST_H
#define PERIGEE_DATA_MNIST_H

#include "core/fields.h"
#include "data/data_folder.h"
#include "data/dataset.h"
#include "data/names.h"

typedef enum MnistPart { MNIST_TRAIN, MNIST_TEST } MnistPart;

enum { MNIST_PATH = DATA_PATH };

/* 60000 and 10000 images of 28 × 28 in ten classes, which have names or are digits. */
typedef struct IdxSet {
    const char *name, *folder, *script; /* "MNIST", "mnist", what downloads it */
    const char *const *classes;         /* ten names, or NULL */
} IdxSet;

extern const IdxSet idx_mnist, idx_fashion_mnist, idx_kmnist;

/* The first folder with both files of the part. Where there is none, the message lists the folders
 * that were searched. */
bool idx_set_find(const IdxSet *set, MnistPart part, char folder[MNIST_PATH], Error *err);

/* How a part becomes a dataset. */
typedef struct IdxSetOptions {
    MnistPart part;
    int store; /* a StoreAs (dataset_bytes.h) */
} IdxSetOptions;

extern const Field idx_set_fields[]; /* store */

/* The images, their labels 0 … 9; `classes`, the caller's to clear, may be NULL. */
Dataset *idx_set_load(const IdxSet *set, const IdxSetOptions *options, ClassNames *classes,
                      Error *err);

/* The same of MNIST. */
bool mnist_find(MnistPart part, char folder[MNIST_PATH], Error *err);
Dataset *mnist_load(MnistPart part, Error *err);

#endif
