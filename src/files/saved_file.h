/* saved_file.h — a file that may hold a model or a result. */
#ifndef PERIGEE_FILES_SAVED_FILE_H
#define PERIGEE_FILES_SAVED_FILE_H

#include "files/model_file.h"
#include "files/result_file.h"

/* What the file holds; the other one is NULL. False, and both are, on failure: messages start with
 * the path. */
bool saved_load(const char *path, Model **model, AttackResult **result, Error *err);

#endif
