/* dataset_save.h — datasets to files, whose format the path's ending says. */
#ifndef PERIGEE_DATA_DATASET_SAVE_H
#define PERIGEE_DATA_DATASET_SAVE_H

#include "data/dataset.h"

/* CSV for .csv, svmlight's text for .svm, .svmlight and .libsvm, else NumPy's archive; endings of
 * formats that are not written are refused. Whole or not at all. */
bool dataset_save(const Dataset *dataset, const char *path, Error *err);

#endif
