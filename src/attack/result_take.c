/* Some samples of a result, as a result. */
#include "attack/result.h"
#include "core/array_index.h"
#include "core/array_values.h"
#include "core/error.h"
#include "core/json.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

static const char where[] = "attack result";
static const char taken_from[] = "taken_from";

/* The samples at some places of another result. */
typedef struct Taking {
    const AttackResult *from;
    const size_t *place;
    size_t count;
} Taking;

static bool in_a_row(const Taking *taking) {
    for (size_t i = 1; i < taking->count; i++)
        if (taking->place[i] != taking->place[0] + i)
            return false;
    return true;
}

static bool take_arrays(const Taking *taking, const AttackResult *to, Error *err) {
    const Places places = { 0, taking->place, taking->count };
    size_t first = taking->count ? taking->place[0] : 0;
    bool views = in_a_row(taking), ok = true;
    for (size_t k = 0; ok && k < RESULT_ARRAYS; k++) {
        const Array *from = *result_array(taking->from, &result_arrays[k]);
        Array **made = result_array(to, &result_arrays[k]);
        if (from)
            *made = views ? array_rows(from, first, taking->count, err)
                          : array_take(where, from, &places, err);
        ok = !from || *made;
    }
    return ok;
}

static AttackResult *take(const Taking *taking, Error *err) {
    const AttackResult *from = taking->from;
    ResultSize size = { .n = taking->count, .features = from->features };
    AttackResult *to = result_header(&from->classes, from->rejects, &size, err);
    bool ok = to && result_copy_words(to, from, err) && take_arrays(taking, to, err);
    for (size_t i = 0; ok && i < taking->count; i++)
        ok = trace_share(&to->trace[i], &from->trace[taking->place[i]], err);
    if (ok)
        return to;
    result_free(to);
    return NULL;
}

AttackResult *result_pick(const AttackResult *result, size_t i, Error *err) {
    return take(&(Taking){ result, &i, 1 }, err);
}

/* Remember of how many samples the whole was, unless it is a part already. */
static bool note_whole(AttackResult *part, size_t n, Error *err) {
    cJSON *params = cJSON_Parse(part->params);
    bool known = cJSON_HasObjectItem(params, taken_from);
    bool ok = params && (known || cJSON_AddNumberToObject(params, taken_from, (double)n));
    char *text = ok ? json_text(params) : NULL;
    cJSON_Delete(params);
    if (!text)
        return error_memory(err, where, strlen(part->params));
    free(part->params);
    part->params = text;
    return true;
}

/* All of them in their own order: as many may be chosen with repeats. */
static bool is_whole(const size_t *place, size_t count, size_t n) {
    for (size_t i = 0; i < count; i++)
        if (place[i] != i)
            return false;
    return count == n;
}

AttackResult *result_take(const AttackResult *result, const size_t *place, size_t count,
                          Error *err) {
    AttackResult *part = take(&(Taking){ result, place, count }, err);
    if (!part || is_whole(place, count, result->n) || note_whole(part, result->n, err))
        return part;
    result_free(part);
    return NULL;
}
