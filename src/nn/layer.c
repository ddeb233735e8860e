#include "nn/layer.h"

#include "core/fail.h"
#include "core/simd.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every kind of layer: one line each. */
static const LayerKind *const kinds[] = {
    &conv2d_kind, &relu_kind, &maxpool_kind, &linear_kind, &flatten_kind, &dropout_kind,
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

size_t shape_size(Shape shape) {
    return shape.channels * shape.height * shape.width;
}

int shape_numbers(Shape shape, size_t numbers[3]) {
    numbers[0] = shape.channels;
    numbers[1] = shape.height;
    numbers[2] = shape.width;
    return shape.flat ? 1 : 3;
}

char *shape_text(Shape shape, char text[64]) {
    if (shape.flat)
        snprintf(text, 64, "(%zu)", shape.channels);
    else
        snprintf(text, 64, "(%zu, %zu, %zu)", shape.channels, shape.height, shape.width);
    return text;
}

/* "a, b, c" of a NULL-terminated list, cut to the room there is. */
static void join(const char *const *words, char *text, size_t room) {
    size_t used = 0;
    text[0] = '\0';
    for (; *words && used < room; words++)
        used += (size_t)snprintf(text + used, room - used, "%s%s", used ? ", " : "", *words);
}

const LayerKind *layer_kind_at(size_t i) {
    return i < KINDS ? kinds[i] : NULL;
}

const LayerKind *layer_kind(const cJSON *description, Error *err) {
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(description, "kind"));
    const char *names[KINDS + 1] = { NULL };
    for (size_t k = 0; k < KINDS; k++) {
        names[k] = kinds[k]->name;
        if (name && strcmp(name, kinds[k]->name) == 0)
            return kinds[k];
    }
    char list[256];
    join(names, list, sizeof list);
    error_set(err, ERROR_ARGUMENT, "kind: expected one of %s, got %s%s%s", list, name ? "\"" : "",
              name ? name : "none", name ? "\"" : "");
    return NULL;
}

static bool is_listed(const char *const *words, const char *word) {
    for (; *words; words++)
        if (strcmp(*words, word) == 0)
            return true;
    return false;
}

static bool check_keys(const LayerKind *kind, const cJSON *description, Error *err) {
    const cJSON *item;
    cJSON_ArrayForEach(item, description) {
        const char *key = item->string;
        if (strcmp(key, "kind") == 0 || strcmp(key, "name") == 0 || is_listed(kind->keys, key))
            continue;
        char list[256];
        join(kind->keys, list, sizeof list);
        return error_set(err, ERROR_ARGUMENT, "unknown option \"%s\"; %s takes name%s%s", key,
                         kind->name, list[0] ? ", " : "", list);
    }
    return true;
}

/* Names address taps ("features:relu2") and parameters ("conv1.weight"): keep them apart from the
 * signs used there. */
static bool copy_name(const cJSON *description, const char *fallback, char *name, Error *err) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(description, "name");
    const char *given = item ? cJSON_GetStringValue(item) : fallback;
    if (!given || given[0] == '\0' || strlen(given) >= LAYER_NAME_SIZE || strpbrk(given, ".: \t\n"))
        return error_set(
            err, ERROR_ARGUMENT,
            "name: expected a word of at most %d letters without '.' and ':', got %s%s%s",
            LAYER_NAME_SIZE - 1, given ? "\"" : "", given ? given : "something else",
            given ? "\"" : "");
    strcpy(name, given);
    return true;
}

/* Sizes and counts beyond these are mistakes, and their products would overflow. */
static const double LARGEST_SIZE = 1 << 20;
static const double LARGEST_COUNT = 1u << 31;

static bool check_count(const char *what, int ndim, const size_t *shape, Error *err) {
    double count = 1;
    for (int i = 0; i < ndim; i++)
        count *= (double)shape[i];
    return count <= LARGEST_COUNT ||
           error_set(err, ERROR_ARGUMENT, "%s: %.0f numbers are too many", what, count);
}

static bool check_output(const Layer *layer, Error *err) {
    size_t numbers[3];
    return check_count("the output", shape_numbers(layer->out, numbers), numbers, err);
}

Layer *layer_new(const cJSON *description, const char *name, Shape in, Error *err) {
    const LayerKind *kind = layer_kind(description, err);
    if (!kind || !check_keys(kind, description, err))
        return NULL;
    Layer *layer = calloc(1, kind->size);
    if (!layer) {
        error_memory(err, "nn.new", kind->size);
        return NULL;
    }
    layer->kind = kind;
    layer->in = layer->out = in;
    if (!copy_name(description, name, layer->name, err) ||
        !kind->configure(layer, description, err) || !check_output(layer, err)) {
        free(layer);
        return NULL;
    }
    return layer;
}

void layer_free(Layer *layer) {
    free(layer);
}

cJSON *layer_describe(const Layer *layer) {
    cJSON *object = cJSON_CreateObject();
    if (object && cJSON_AddStringToObject(object, "kind", layer->kind->name) &&
        cJSON_AddStringToObject(object, "name", layer->name) &&
        (!layer->kind->describe || layer->kind->describe(layer, object)))
        return object;
    cJSON_Delete(object);
    return NULL;
}

/* ---- For the kinds --------------------------------------------------------------------------- */

static bool read_size(const cJSON *item, const char *key, size_t low, size_t *value, Error *err) {
    if (!cJSON_IsNumber(item) || item->valuedouble != floor(item->valuedouble) ||
        item->valuedouble < (double)low || item->valuedouble > LARGEST_SIZE) {
        char got[64] = "something else";
        if (cJSON_IsNumber(item))
            snprintf(got, sizeof got, "%.17g", item->valuedouble);
        return error_set(err, ERROR_ARGUMENT,
                         "%s: expected a whole number from %zu to %.0f, got %s", key, low,
                         LARGEST_SIZE, got);
    }
    *value = (size_t)item->valuedouble;
    return true;
}

static bool missing(const char *key, const size_t *fallback, size_t *value, size_t count,
                    Error *err) {
    if (!fallback)
        return error_set(err, ERROR_ARGUMENT, "%s: expected a whole number, got none", key);
    for (size_t i = 0; i < count; i++)
        value[i] = fallback[i];
    return true;
}

bool layer_option_size(const cJSON *options, const char *key, size_t low, const size_t *fallback,
                       size_t *value, Error *err) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(options, key);
    return item ? read_size(item, key, low, value, err) : missing(key, fallback, value, 1, err);
}

bool layer_option_pair(const cJSON *options, const char *key, size_t low, const size_t *fallback,
                       size_t value[2], Error *err) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(options, key);
    if (!item)
        return missing(key, fallback, value, 2, err);
    if (!cJSON_IsArray(item)) {
        if (!read_size(item, key, low, &value[0], err))
            return false;
        value[1] = value[0];
        return true;
    }
    if (cJSON_GetArraySize(item) != 2)
        return error_set(err, ERROR_ARGUMENT,
                         "%s: expected a number or {height, width}, got %d values", key,
                         cJSON_GetArraySize(item));
    return read_size(cJSON_GetArrayItem(item, 0), key, low, &value[0], err) &&
           read_size(cJSON_GetArrayItem(item, 1), key, low, &value[1], err);
}

bool layer_option_number(const cJSON *options, const char *key, double low, double below,
                         double fallback, double *value, Error *err) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(options, key);
    *value = fallback;
    if (!item)
        return true;
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= low && item->valuedouble < below)) {
        char got[64] = "something else";
        if (cJSON_IsNumber(item))
            snprintf(got, sizeof got, "%g", item->valuedouble);
        return error_set(err, ERROR_ARGUMENT, "%s: expected a number from %g to below %g, got %s",
                         key, low, below, got);
    }
    *value = item->valuedouble;
    return true;
}

bool layer_describe_pair(cJSON *options, const char *key, const size_t value[2]) {
    if (value[0] == value[1])
        return cJSON_AddNumberToObject(options, key, (double)value[0]) != NULL;
    cJSON *list = cJSON_AddArrayToObject(options, key);
    for (int i = 0; list && i < 2; i++)
        if (!cJSON_AddItemToArray(list, cJSON_CreateNumber((double)value[i])))
            return false;
    return list != NULL;
}

bool layer_add_parameter(Layer *layer, const char *name, int ndim, const size_t *shape,
                         Error *err) {
    if (!check_count(name, ndim, shape, err))
        return false;
    Parameter *parameter = &layer->parameter[layer->parameters++];
    *parameter = (Parameter){ .name = name, .ndim = ndim, .offset = layer->parameter_count };
    parameter->count = 1;
    for (int i = 0; i < ndim; i++) {
        parameter->shape[i] = shape[i];
        parameter->count *= shape[i];
    }
    layer->parameter_count += parameter->count;
    return true;
}

size_t layer_window_count(size_t in, size_t kernel, size_t stride, size_t padding) {
    size_t padded = in + 2 * padding;
    return kernel > padded ? 0 : (padded - kernel) / stride + 1;
}

SIMD_CLONES
void layer_add_columns(const float *matrix, size_t rows, size_t columns, float *sum) {
    for (size_t i = 0; i < rows; i++)
        for (size_t c = 0; c < columns; c++)
            sum[c] += matrix[i * columns + c];
}
