/* model_file.h — any model to a file and back: safetensors with the hyperparameters as JSON
 * metadata under the key "perigee".
 *
 * Each kind of model writes and reads itself (ModelKind's save and read); here is the table of
 * those that files hold. A model that holds models keeps each part's arrays under a prefix of its
 * own ("net.", "relu2.") and its metadata in an object of the same name. The outermost object says
 * which format it is (core/json.h). Nothing in a file is believed: kinds are looked up in the
 * table, and every reader checks its numbers as it would a user's. */
#ifndef PERIGEE_FILES_MODEL_FILE_H
#define PERIGEE_FILES_MODEL_FILE_H

#include "data/safetensors.h"
#include "model.h"

#include <cjson/cJSON.h>

/* The kinds that a file can hold; NULL ends them. */
extern const ModelKind *const model_file_kinds[];

/* Write beside `path` and rename. `header` (may be NULL) is a JSON object that is stored as
 * "written_by": seed, versions. */
bool model_save(const Model *model, const char *path, const cJSON *header, Error *err);

/* The same into `tensors`, which the caller has initialised, instead of a file. */
bool model_to(const Model *model, const cJSON *header, Tensors *tensors, Error *err);

/* Would model_to refuse it, and why? Nothing is copied. */
bool model_can_be_saved(const Model *model, Error *err);

/* The file that a name means: what has a slash, or is there, as it is; else the model of that name
 * that came with the program, whose Lua files are in `folder` (NULL: here). */
enum { MODEL_PATH = 4096 };
bool model_find(const char *name, const char *folder, char path[MODEL_PATH], Error *err);

/* One reference to a model of any kind in the table. */
Model *model_load(const char *path, Error *err);

/* The same from a file that has been read. */
Model *model_from(const Tensors *tensors, Error *err);

#endif
