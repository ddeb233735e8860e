/* dataset.h — samples with labels: rows of float32 or bytes, int32 labels, the shape of one sample.
 *
 * Samples that are pictures may be stored as bytes, u8: 0 … 255 for k / 255 (core/bytes.h). Whoever
 * computes with them asks for floats, some at a time.
 * A Dataset is a header over two read-only arrays (views where possible: a row range shares its
 * parent's pixels) and never changes once made. Rows are contiguous. Those of a large part, half of
 * MNIST say, are copied when somebody first asks for them: often only parts of the part are used.
 */
#ifndef PERIGEE_DATA_DATASET_H
#define PERIGEE_DATA_DATASET_H

#include "core/labels.h"
#include "core/rng.h"
#include "core/types.h"
#include "data/names.h"

typedef struct DatasetRows DatasetRows;

typedef struct Dataset {
    DatasetRows *rows; /* dataset_x */
    Array *y;          /* n, int32, contiguous, read-only */
    int sample_ndim;
    size_t sample_shape[ARRAY_MAX_DIMS]; /* {28, 28} for digits; its product is `features` */
    Labels classes;                      /* the sorted labels of y */
    ClassNames names; /* what labels are called, those too that no sample has; perhaps none */
    char *source;     /* where it came from, in a few words of UTF-8: "MNIST train"; never NULL */
} Dataset;

/* What a dataset is made of. x is n × features or n × the sample's shape; a `sample` without sizes
 * has the one that x has. */
typedef struct DatasetParts {
    const Array *x, *y;
    const char *source;
    Sizes sample;
    const ClassNames *names; /* copied; NULL: none */
} DatasetParts;

/* Over x and y themselves, which nobody writes from then on; what is not contiguous, x that is
 * neither float32 nor u8 and y (whole numbers of any type) that is not int32 are copied. */
Dataset *dataset_new(const char *where, const DatasetParts *parts, Error *err);
void dataset_free(Dataset *dataset);

/* What all readers ask of a file's samples, a row each: no number is NaN or infinite. */
bool dataset_check_read(const char *path, const Array *x, Error *err);

/* Names for a dataset that nobody else has yet, beside those that it has; copied. */
bool dataset_add_names(Dataset *dataset, const ClassNames *names, Error *err);

size_t dataset_count(const Dataset *dataset);
size_t dataset_features(const Dataset *dataset);
DType dataset_dtype(const Dataset *dataset); /* float32 or u8 */

/* n × features, contiguous, read-only. It may copy the rows first, and so do all that read them:
 * not for workers. */
Array *dataset_x(const Dataset *dataset);

/* What nobody shares of its rows, copied or not. */
size_t dataset_own_bytes(const Dataset *dataset);

/* Rows first … first+count−1 as float32, count × features: a view where they are stored so. */
Array *dataset_floats(const Dataset *dataset, size_t first, size_t count, Error *err);

/* One row of them: where it is, or converted into room for `features` numbers. */
const float *dataset_row(const Dataset *dataset, size_t i, float *room);

/* The same samples stored as float32 or as u8, which fails where one is no byte's k / 255. */
Dataset *dataset_stored_as(const Dataset *dataset, DType dtype, Error *err);

/* x under the samples' own shape, n × 28 × 28: a view. */
Array *dataset_images(const Dataset *dataset, Error *err);

/* Rows first … first+count−1 (0-based), sharing the pixels. */
Dataset *dataset_range(const Dataset *dataset, size_t first, size_t count, Error *err);

/* The rows at these 0-based positions, in that order: copied, or if they are many, and no small
 * share of the whole, copied when they are first asked for. */
Dataset *dataset_take(const Dataset *dataset, const size_t *position, size_t count, Error *err);

/* The first n of each class in file order, sorted by position; given an rng, a random n of each.
 * Fails if a class has fewer. */
Dataset *dataset_per_class(const Dataset *dataset, size_t n, Rng *rng, Error *err);

/* The samples whose number in the mask, 1-d with one for each sample, is not 0; those that have one
 * of the labels (int32, contiguous). */
Dataset *dataset_masked(const Dataset *dataset, const Array *mask, Error *err);
Dataset *dataset_labelled(const Dataset *dataset, const Array *labels, Error *err);

/* Samples of each class, in the order of `classes`. */
void dataset_class_counts(const Dataset *dataset, size_t *counts);

/* One after the other; shapes must agree, and names of classes. Bytes if all of them are. */
Dataset *dataset_concat(const Dataset *const *parts, size_t count, Error *err);

#endif
