/* json.h — what cJSON lacks for files: numbers to the last bit, and distrust. */
#ifndef PERIGEE_CORE_JSON_H
#define PERIGEE_CORE_JSON_H

#include "core/types.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

/* The text of `root`, every number in it to the last bit: cJSON's own writes 15 digits where those
 * are nearly the number. NULL without memory; cJSON_free it. Afterwards such numbers are raw text
 * in `root`, which is good for printing and deleting only. */
char *json_text(cJSON *root);

/* Parse a text that came with a file, a string: NULL, with an Error of the kind ERROR_FILE, if it
 * is not JSON, has more than `most` values (each takes a hundred bytes), strings that contain NUL,
 * or objects that say one thing twice. Messages start with `what` it is. */
cJSON *json_parse(const char *what, const char *text, size_t most, Error *err);

/* `most` for descriptions of models and results. */
enum { JSON_DESCRIPTION = 100000 };

/* Files say by "format" how they are to be read: 1, 2, …; those that do not are of format 1. False,
 * with both versions' names, for one newer than the newest known. `what` is the file's kind. */
bool json_check_format(const cJSON *root, const char *what, int newest, Error *err);

/* "[1,2.5,null]": the numbers with seven digits, as in a figure's data; null for what is not
 * finite. NULL without memory; the caller frees it. */
char *json_row(const double *x, size_t n);

#endif
