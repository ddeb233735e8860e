/* class_tensors.h — names of classes as an array in a file: a row for each, its label, then the
 * bytes of its UTF-8, zeros behind them. */
#ifndef PERIGEE_DATA_CLASS_TENSORS_H
#define PERIGEE_DATA_CLASS_TENSORS_H

#include "data/names.h"
#include "data/safetensors.h"

/* What the array is called in a file. */
extern const char class_tensor[];

/* Add it where there are names. */
bool class_names_to(const ClassNames *classes, Tensors *tensors, Error *err);

/* The names in that array (of any type; NULL: none) into `out`, the caller's to clear. */
bool class_names_from(const Array *array, ClassNames *out, Error *err);

#endif
