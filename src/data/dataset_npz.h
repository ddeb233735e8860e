/* dataset_npz.h — datasets as NumPy's archives: an array of samples and one of labels. */
#ifndef PERIGEE_DATA_DATASET_NPZ_H
#define PERIGEE_DATA_DATASET_NPZ_H

#include "data/dataset.h"

#include <stdbool.h>

typedef struct DatasetOptions DatasetOptions;

/* From the arrays that the options name. `sample` as in DatasetParts. */
Dataset *dataset_load_npz(const char *path, const DatasetOptions *options, const Sizes *sample,
                          Error *err);

/* x (n × the sample's shape) and y, deflated: what dataset_load_npz reads with its defaults. */
bool dataset_save_npz(const Dataset *dataset, const char *path, Error *err);

#endif
