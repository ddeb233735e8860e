/* svmlight.h — the text of libsvm and svmlight: a line a sample, its features that are not 0.
 *
 *     +1 qid:3 2:0.5 7:-1.25   # a comment
 *
 * Labels are whole numbers; indices ascend along a line. Samples are dense here: rows of float32.
 * A comment "# features: 784" before the samples says how many features they have at least, where
 * the last ones are 0 everywhere; other programs pass over it. */
#ifndef PERIGEE_DATA_SVMLIGHT_H
#define PERIGEE_DATA_SVMLIGHT_H

#include "core/fields.h"
#include "data/dataset.h"

typedef enum SvmlightBase { SVMLIGHT_FOUND, SVMLIGHT_ZERO, SVMLIGHT_ONE } SvmlightBase;

typedef struct SvmlightOptions {
    size_t features;    /* 0: as many as the largest index says */
    SvmlightBase base;  /* found: from 0, if there is an index 0 anywhere */
    const char *source; /* NULL: the path */
} SvmlightOptions;

extern const Field svmlight_fields[];
extern const SvmlightOptions svmlight_initial;

/* Over 2 GB of rows are refused with the share of them that is not 0, unless the number of features
 * is given. */
Dataset *svmlight_load(const char *path, const SvmlightOptions *options, Error *err);
Dataset *svmlight_parse(const char *name, const void *bytes, size_t size,
                        const SvmlightOptions *options, Error *err);

/* Under a comment with the number of features; indices from 1, in as few digits as give the numbers
 * again. */
bool svmlight_save(const Dataset *dataset, const char *path, Error *err);

#endif
