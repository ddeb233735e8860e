/* fields_json.h — options in files: fields as the members of a JSON object, under their names.
 *
 * A pair is a list of two, or one number where both are the same; a word is a string, and so are
 * numbers that JSON cannot write (infinite ones, whole ones that no double can hold). What is left
 * open is not written. Fields of kind FIELD_OBJECT are the caller's. */
#ifndef PERIGEE_CORE_FIELDS_JSON_H
#define PERIGEE_CORE_FIELDS_JSON_H

#include "core/fields.h"
#include "core/json.h"

/* Add every field's value to an object. */
void fields_write_json(const Field *field, const void *object, JsonNode to);

/* Every member of `json` that is a field's, into the object; null and a missing one leave it as it
 * is, unless it is required. The complaints are field_set's; on failure some may be set already.
 * Numbers other than 0 are true, as they are in older files. */
bool fields_read_json(const Field *field, void *object, const cJSON *json, Error *err);

/* What an item stands for: of a string the number in it, unless it is a text. Words are borrowed.
 */
Value value_from_json(const cJSON *item, bool is_text);

/* Refuse members whose names are none of the fields' nor of `also` (NULL-terminated, or NULL). */
bool fields_check_json(const Field *field, const char *const *also, const cJSON *json, Error *err);

/* Refuse a file that lacks what the object has a value of: where the fields are a user's, whose
 * definition may be another one than the file was made with, a default would be a guess. */
bool fields_agree_json(const Field *field, const void *object, const cJSON *json, Error *err);

#endif
