/* json.h — what cJSON lacks for numbers in files. */
#ifndef PERIGEE_CORE_JSON_H
#define PERIGEE_CORE_JSON_H

#include "core/types.h"

#include <cjson/cJSON.h>
#include <stdbool.h>

/* The text of `root`, every number in it to the last bit: cJSON's own writes 15 digits where those
 * are nearly the number. NULL without memory; cJSON_free it. Afterwards such numbers are raw text
 * in `root`, which is good for printing and deleting only. */
char *json_text(cJSON *root);

/* Files say by "format" how they are to be read: 1, 2, …; those that do not are of format 1. False,
 * with both versions' names, for one newer than the newest known. `what` is the file's kind. */
bool json_check_format(const cJSON *root, const char *what, int newest, Error *err);

#endif
