#include "core/json.h"

#include "core/context.h"
#include "core/error.h"
#include "core/fail.h"
#include "core/printable.h"
#include "core/utf8.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Writing --------------------------------------------------------------------------------- */

JsonNode json_begin(JsonTree *tree) {
    *tree = (JsonTree){ .root = cJSON_CreateObject() };
    tree->failed = !tree->root;
    return (JsonNode){ tree, tree->root };
}

/* Add an item, which is freed where that fails; NULL then. */
static cJSON *add(JsonNode to, const char *name, cJSON *item) {
    bool ok =
        to.node && item &&
        (name ? cJSON_AddItemToObject(to.node, name, item) : cJSON_AddItemToArray(to.node, item));
    if (ok)
        return item;
    cJSON_Delete(item);
    to.tree->failed = true;
    return NULL;
}

JsonNode json_object(JsonNode to, const char *name) {
    return (JsonNode){ to.tree, add(to, name, cJSON_CreateObject()) };
}

JsonNode json_list(JsonNode to, const char *name) {
    return (JsonNode){ to.tree, add(to, name, cJSON_CreateArray()) };
}

void json_number(JsonNode to, const char *name, double number) {
    add(to, name, cJSON_CreateNumber(number));
}

void json_string(JsonNode to, const char *name, const char *text) {
    add(to, name, cJSON_CreateString(text));
}

void json_bool(JsonNode to, const char *name, bool truth) {
    add(to, name, cJSON_CreateBool(truth));
}

void json_null(JsonNode to, const char *name) {
    add(to, name, cJSON_CreateNull());
}

void json_copy(JsonNode to, const char *name, const cJSON *item) {
    add(to, name, cJSON_Duplicate(item, true));
}

void json_item(JsonNode to, const char *name, cJSON *item) {
    add(to, name, item);
}

cJSON *json_end(JsonTree *tree) {
    cJSON *root = tree->root;
    if (tree->failed) {
        cJSON_Delete(root);
        root = NULL;
    }
    *tree = (JsonTree){ 0 };
    return root;
}

char *json_end_text(JsonTree *tree) {
    cJSON *root = json_end(tree);
    char *text = root ? json_text(root) : NULL;
    cJSON_Delete(root);
    return text;
}

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

/* Bytes that are no UTF-8, of a file's name say, become visible: nobody would read the text. */
static bool mend_string(char **text) {
    if (!*text || utf8_is_valid(*text))
        return true;
    char *shown = printable_utf8(*text);
    if (!shown)
        return false;
    cJSON_free(*text);
    *text = shown;
    return true;
}

static bool prepare(cJSON *node) {
    bool ok = mend_string(&node->string) &&
              (cJSON_IsNumber(node) ? keep_digits(node) : mend_string(&node->valuestring));
    for (cJSON *child = node->child; ok && child; child = child->next)
        ok = prepare(child);
    return ok;
}

char *json_text(cJSON *root) {
    return prepare(root) ? cJSON_PrintUnformatted(root) : NULL;
}

/* ---- Reading --------------------------------------------------------------------------------- */

size_t json_values(const char *text) {
    bool quoted = false;
    size_t values = 1;
    for (const char *at = text; *at; at++) {
        if (*at == '"')
            quoted = !quoted;
        else if (quoted && *at == '\\' && at[1])
            at++;
        else if (!quoted && strchr(",[{", *at))
            values++;
    }
    return values;
}

/* Does a string of the text have a NUL, behind which C would cut it? */
static bool has_nul(const char *text) {
    for (const char *at = strchr(text, '\\'); at; at = at[1] ? strchr(at + 2, '\\') : NULL)
        if (strncmp(at + 1, "u0000", 5) == 0)
            return true;
    return false;
}

bool json_check_text(const char *what, const char *text, size_t most, Error *err) {
    if (has_nul(text))
        return error_set(err, ERROR_FILE, "%s: a text that contains NUL", what);
    return json_values(text) <= most ||
           error_set(err, ERROR_FILE, "%s: more than %zu values", what, most);
}

bool json_check_description(const char *what, const char *text, Error *err) {
    if (json_check_text(what, text, JSON_DESCRIPTION, err))
        return true;
    err->kind = ERROR_ARGUMENT;
    return false;
}

static int compare_names(const void *a, const void *b) {
    const cJSON *const *x = a, *const *y = b;
    return strcmp((*x)->string, (*y)->string);
}

/* A name that two members of an object share, or NULL. `list` has room for all members. */
static const char *shared_name(const cJSON *object, const cJSON **list) {
    size_t count = 0;
    for (const cJSON *child = object->child; child; child = child->next)
        list[count++] = child;
    qsort(list, count, sizeof *list, compare_names);
    for (size_t i = 1; i < count; i++)
        if (strcmp(list[i]->string, list[i - 1]->string) == 0)
            return list[i]->string;
    return NULL;
}

static bool check_members(const char *what, const cJSON *object, Error *err) {
    size_t count = (size_t)cJSON_GetArraySize(object);
    const cJSON **list = malloc((count + 1) * sizeof *list);
    if (!list)
        return error_memory(err, what, count * sizeof *list);
    const char *shared = shared_name(object, list);
    free((void *)list);
    return !shared || error_set(err, ERROR_FILE, "%s: '%.60s' is there twice", what, shared);
}

static bool check_names(const char *what, const cJSON *node, Error *err) {
    bool ok = !cJSON_IsObject(node) || check_members(what, node, err);
    for (const cJSON *child = node->child; ok && child; child = child->next)
        ok = check_names(what, child, err);
    return ok;
}

/* cJSON answers NULL whether the text was wrong or memory lacked: its requests pass through here.
 */
static bool *memory_lacked(void) {
    static const ContextSlot slot = { .size = sizeof(bool) };
    return context_slot(&slot);
}

static void *request(size_t bytes) {
    void *block = malloc(bytes);
    if (!block)
        *memory_lacked() = true;
    return block;
}

static void watch_requests(void) {
    cJSON_InitHooks(&(cJSON_Hooks){ .malloc_fn = request, .free_fn = free });
}

cJSON *json_parse(const char *what, const char *text, size_t most, Error *err) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (!json_check_text(what, text, most, err))
        return NULL;
    pthread_once(&once, watch_requests);
    *memory_lacked() = false;
    cJSON *root = cJSON_ParseWithOpts(text, NULL, true);
    if (!root && *memory_lacked())
        error_memory(err, what, 0);
    else if (!root || !cJSON_IsObject(root))
        error_set(err, ERROR_FILE, "%s is not a JSON object", what);
    else if (check_names(what, root, err))
        return root;
    cJSON_Delete(root);
    return NULL;
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

char *json_row(const double *x, size_t n) {
    enum { NUMBER_SIZE = 24 }; /* "-1.234567e-308" and a comma fit */
    char *text = malloc(n * NUMBER_SIZE + 3), *end = text;
    if (!text)
        return NULL;
    *end++ = '[';
    for (size_t i = 0; i < n; i++)
        end += snprintf(end, NUMBER_SIZE, isfinite(x[i]) ? "%s%.7g" : "%snull", i ? "," : "", x[i]);
    strcpy(end, "]");
    return text;
}
