/* json.h — what cJSON lacks for files: numbers to the last bit, distrust, and writing that cannot
 * lose a part without a word. */
#ifndef PERIGEE_CORE_JSON_H
#define PERIGEE_CORE_JSON_H

#include "core/types.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

/* ---- Writing --------------------------------------------------------------------------------- */

/* A tree that is being made. Lack of memory anywhere is remembered: what comes after it is left
 * out, and the tree's end is NULL. So nothing in between needs a look. */
typedef struct JsonTree {
    cJSON *root;
    bool failed;
} JsonTree;

/* An object or a list in it, to add to; `name` is NULL in lists. */
typedef struct JsonNode {
    JsonTree *tree;
    cJSON *node;
} JsonNode;

JsonNode json_begin(JsonTree *tree); /* an object at its root */
JsonNode json_object(JsonNode to, const char *name);
JsonNode json_list(JsonNode to, const char *name);
void json_number(JsonNode to, const char *name, double number);
void json_string(JsonNode to, const char *name, const char *text);
void json_bool(JsonNode to, const char *name, bool truth);
void json_null(JsonNode to, const char *name);
void json_copy(JsonNode to, const char *name, const cJSON *item);

/* Takes over the item; NULL is one for which there was no memory. */
void json_item(JsonNode to, const char *name, cJSON *item);

/* The end: what was made, the caller's to cJSON_Delete, or its text as by json_text. NULL without
 * memory. Either leaves the tree empty. */
cJSON *json_end(JsonTree *tree);
char *json_end_text(JsonTree *tree);

/* The text of `root`, every number in it to the last bit: cJSON's own writes 15 digits where those
 * are nearly the number. Strings that are not UTF-8 are made so (printable_utf8). NULL without
 * memory; cJSON_free it. Afterwards such numbers are raw text in `root`, which is good for printing
 * and deleting only. */
char *json_text(cJSON *root);

/* ---- Reading --------------------------------------------------------------------------------- */

/* Parse a text that came with a file, a string: NULL, with an Error of the kind ERROR_FILE, if it
 * is not JSON, has more than `most` values (each takes a hundred bytes), strings that contain NUL,
 * or objects that say one thing twice. Messages start with `what` it is. */
cJSON *json_parse(const char *what, const char *text, size_t most, Error *err);

/* What json_parse looks at before it parses, for those who write what it shall read. */
bool json_check_text(const char *what, const char *text, size_t most, Error *err);

/* At least as many values as the text has, one that was cut out of a longer one too. */
size_t json_values(const char *text);

/* `most` for descriptions of models, results and sessions; whether one will be read, before it is
 * written: false with an Error of the kind ERROR_ARGUMENT. */
enum { JSON_DESCRIPTION = 100000 };
bool json_check_description(const char *what, const char *text, Error *err);

/* Files say by "format" how they are to be read: 1, 2, …; those that do not are of format 1. False,
 * with both versions' names, for one newer than the newest known. `what` is the file's kind. */
bool json_check_format(const cJSON *root, const char *what, int newest, Error *err);

/* ---- Figures --------------------------------------------------------------------------------- */

/* "[1,2.5,null]": the numbers with seven digits, as in a figure's data; null for what is not
 * finite. NULL without memory; the caller frees it. */
char *json_row(const double *x, size_t n);

#endif
