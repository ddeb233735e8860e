#include "core/json.h"

#include "core/fail.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A finite number that 15 digits would change becomes its text of 17, and so does −0: newer
 * releases of cJSON print it as 0. */
static bool keep_digits(cJSON *number) {
    char text[32];
    double value = number->valuedouble;
    bool negative_zero = value == 0 && signbit(value);
    snprintf(text, sizeof text, "%.15g", value);
    if (!isfinite(value) || (strtod(text, NULL) == value && !negative_zero))
        return true;
    int length = snprintf(text, sizeof text, negative_zero ? "-0.0" : "%.17g", value);
    char *raw = cJSON_malloc((size_t)length + 1);
    if (!raw)
        return false;
    number->valuestring = strcpy(raw, text);
    number->type = (number->type & ~cJSON_Number) | cJSON_Raw;
    return true;
}

static bool keep_all_digits(cJSON *node) {
    if (cJSON_IsNumber(node))
        return keep_digits(node);
    bool ok = true;
    for (cJSON *child = node->child; ok && child; child = child->next)
        ok = keep_all_digits(child);
    return ok;
}

char *json_text(cJSON *root) {
    return keep_all_digits(root) ? cJSON_PrintUnformatted(root) : NULL;
}

bool json_check_format(const cJSON *root, const char *what, int newest, Error *err) {
    const cJSON *format = cJSON_GetObjectItemCaseSensitive(root, "format");
    if (!format)
        return true;
    double said = cJSON_IsNumber(format) ? format->valuedouble : 0;
    if (!(said >= 1 && said == floor(said)))
        return error_set(err, ERROR_FILE, "the format of this %s is not a number from 1", what);
    if (said <= newest)
        return true;
    return error_set(err, ERROR_FILE,
                     "this %s is of format %.0f, and perigee %s reads formats up to %d: a newer "
                     "perigee wrote it",
                     what, said, PERIGEE_VERSION, newest);
}
