/* model_file.h — any model to a file and back: safetensors with the hyperparameters as JSON
 * metadata under the key "perigee".
 *
 * A model that holds models keeps each part's arrays under a prefix of its own ("net.", "relu2.")
 * and its metadata in an object of the same name. Nothing of a file is believed: kinds are looked
 * up in a table, and every reader checks its numbers as it would check a user's. */
#ifndef PERIGEE_MODEL_FILE_H
#define PERIGEE_MODEL_FILE_H

#include "data/safetensors.h"
#include "model.h"
#include "nn/network.h"

#include <cjson/cJSON.h>

/* Write beside `path` and rename. `header` (may be NULL) is a JSON object that goes along as
 * "written_by": seed, versions. */
bool model_save(const Model *model, const char *path, const cJSON *header, Error *err);

/* The same into `tensors`, which the caller has initialised, instead of a file. */
bool model_to(const Model *model, const cJSON *header, Tensors *tensors, Error *err);

/* One reference to a model of any kind in the table. */
Model *model_load(const char *path, Error *err);

/* The same from a file that has been read. */
Model *model_from(const Tensors *tensors, Error *err);

/* For models that hold models: the part `name` of a model whose arrays lie under `prefix` and whose
 * metadata is `meta`, {"kind": …} and all. A `name` is a layer's, or a word that no layer may have.
 */
bool model_write_part(const Model *part, Tensors *tensors, const char *prefix, const char *name,
                      cJSON *meta, Error *err);
Model *model_read_part(const Tensors *tensors, const char *prefix, const char *name,
                       const cJSON *meta, Error *err);

/* The same for a part that has to be a net. */
Network *model_read_net(const Tensors *tensors, const char *prefix, const char *name,
                        const cJSON *meta, Error *err);

#endif
