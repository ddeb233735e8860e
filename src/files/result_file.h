/* result_file.h — results of attacks in files.
 *
 * A saved result is a safetensors file: the arrays under their names in AttackResult, the traces
 * end to end (trace.loss, trace.scores, trace.distance, and where there are some
 * trace.gradient_norm, trace.largest_kernel, trace.iterates) with trace.length for each
 * sample; what it is, classes, shape, parameters and seed as JSON under the metadata key "perigee",
 * with "kind": "attack_result" and "format" (core/json.h). */
#ifndef PERIGEE_FILES_RESULT_FILE_H
#define PERIGEE_FILES_RESULT_FILE_H

#include "attack/result.h"
#include "data/safetensors.h"

#include <cjson/cJSON.h>

/* Writes beside `path` and renames. The header (may be NULL) says who wrote it, under "written_by".
 */
bool attack_result_save(const AttackResult *result, const char *path, const cJSON *header,
                        Error *err);

/* The same into `tensors`, which the caller has initialised, instead of a file. */
bool attack_result_to(const AttackResult *result, const cJSON *header, Tensors *tensors,
                      Error *err);

AttackResult *attack_result_load(const char *path, Error *err);

/* Does a loaded file hold a result rather than a model? False where there is no memory to find out.
 * And the result itself. */
bool attack_result_is_in(const Tensors *tensors, bool *is_in, Error *err);
AttackResult *attack_result_from(const Tensors *tensors, Error *err);

/* The traces as CSV, one line an iterate: sample and iterate (from 1), loss, score_LABEL for each
 * class, reject (where the model rejects), distance. Writes beside `path` and renames. */
bool attack_result_csv(const AttackResult *result, const char *path, Error *err);

#endif
