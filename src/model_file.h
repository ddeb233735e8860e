/* model_file.h — any model to a file and back: safetensors with the hyperparameters as JSON metadata
 * under the key "perigee". */
#ifndef PERIGEE_MODEL_FILE_H
#define PERIGEE_MODEL_FILE_H

#include "data/safetensors.h"
#include "model.h"

#include <cjson/cJSON.h>

/* Write beside `path` and rename. `header` (may be NULL) is a JSON object that goes along as
 * "written_by": seed, versions. */
bool model_save(const Model *model, const char *path, const cJSON *header, Error *err);

/* One reference to a model of any kind in the table. */
Model *model_load(const char *path, Error *err);

/* For models that hold models: one part under its prefix, {"kind": …} and all. */
bool model_write_part(const Model *model, Tensors *tensors, const char *prefix, cJSON *meta,
                      Error *err);
Model *model_read_part(const Tensors *tensors, const char *prefix, const cJSON *meta, Error *err);

#endif
