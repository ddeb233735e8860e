/* data_file.h — arrays and datasets as the contents of a safetensors file.
 *
 * An array stands under "value"; a dataset's pixels, labels and sample shape under "x", "y" and
 * "shape", and where it came from in the metadata under "source". */
#ifndef PERIGEE_FILES_DATA_FILE_H
#define PERIGEE_FILES_DATA_FILE_H

#include "data/dataset.h"
#include "data/safetensors.h"

/* Into `tensors`, which the caller has initialised. */
bool array_to(const Array *array, Tensors *tensors, Error *err);
bool dataset_to(const Dataset *dataset, Tensors *tensors, Error *err);

/* New ones, which share the file's numbers; NULL where something is missing or does not fit. */
Array *array_from(const Tensors *tensors, Error *err);
Dataset *dataset_from(const Tensors *tensors, Error *err);

#endif
