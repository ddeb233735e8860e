/* network_json.c — a network's description, as its files hold it. */
#include "core/fail.h"
#include "core/fields_json.h"
#include "core/source.h"
#include "nn/network_build.h"
#include "nn/network_impl.h"

#include <math.h>
#include <stdlib.h>

/* ---- Reading --------------------------------------------------------------------------------- */

static const cJSON *list_item(const cJSON *object, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsArray(item) ? item : NULL;
}

static bool read_input(const cJSON *description, Shape *input, Error *err) {
    double number[4];
    size_t count = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, list_item(description, "input")) {
        if (count < 4)
            number[count++] = cJSON_IsNumber(item) ? item->valuedouble : NAN;
    }
    return network_read_input(number, count, input, err);
}

/* The options of a layer; of one that is not built in they must be all of them. */
static bool read_options(const cJSON *json, Layer *layer, Error *err) {
    const Field *field = layer->kind->fields.field;
    return (!layer->kind->host || fields_agree_json(field, layer, json, err)) &&
           fields_read_json(field, layer, json, err);
}

bool network_describes_own(const cJSON *description) {
    const cJSON *item;
    cJSON_ArrayForEach(item, list_item(description, "layers")) {
        const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "kind"));
        const LayerKind *kind = name ? layer_find(name, NULL) : NULL;
        if (name && (!kind || kind->host))
            return true;
    }
    return false;
}

/* A layer with its options, the caller's to free. */
static Layer *read_layer(const cJSON *json, Error *err) {
    static const char *const also[] = { "kind", NULL };
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "kind"));
    const LayerKind *kind = layer_find(name, err);
    const Field *field = kind ? kind->fields.field : NULL;
    Layer *layer = kind && fields_check_json(field, also, json, err) ? layer_new(kind, err) : NULL;
    if (!layer || read_options(json, layer, err))
        return layer;
    layer_free(layer);
    return NULL;
}

/* Say which layer an error is about, by its number and whatever name it has. */
static bool blame_layer(size_t number, const cJSON *json, Error *err) {
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "name"));
    const char *kind = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "kind"));
    const char *known = name ? name : kind;
    error_prefix(err, "nn.new: layer %zu%s%.60s%s", number, known ? " (" : "", known ? known : "",
                 known ? ")" : "");
    return false;
}

/* The layers, malloc'd into parts->layer. */
static bool read_layers(const cJSON *description, NetworkParts *parts, Error *err) {
    const cJSON *list = list_item(description, "layers"), *item;
    size_t count = (size_t)cJSON_GetArraySize(list);
    if (!network_count_layers(count, err))
        return false;
    Layer **layer = calloc(count + 1, sizeof *layer);
    if (!layer)
        return error_memory(err, "nn.new", count * sizeof *layer);
    parts->layer = layer;
    cJSON_ArrayForEach(item, list) {
        if (!source_goes_on("nn.new", err))
            return false;
        if (!(layer[parts->layers] = read_layer(item, err)))
            return blame_layer(parts->layers + 1, item, err);
        parts->layers++;
    }
    return true;
}

/* The labels, malloc'd into parts->label; none where the description has none. */
static bool read_classes(const cJSON *description, NetworkParts *parts, Error *err) {
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(description, "classes"), *item;
    if (!list || cJSON_IsNull(list))
        return true;
    size_t count = (size_t)cJSON_GetArraySize(list), i = 0;
    int32_t *label = malloc((count + 1) * sizeof *label);
    if (!label)
        return error_memory(err, "nn.new", count * sizeof *label);
    parts->label = label;
    parts->labels = count;
    cJSON_ArrayForEach(item, list) {
        double value = cJSON_IsNumber(item) ? item->valuedouble : NAN;
        if (!(value == floor(value) && value >= INT32_MIN && value <= INT32_MAX))
            return error_set(err, ERROR_ARGUMENT,
                             "nn.new: classes: expected whole numbers in rising order");
        label[i++] = (int32_t)value;
    }
    return true;
}

Network *network_build_described(const cJSON *description, const NetworkParts *parts, Error *err) {
    NetworkParts own = *parts;
    Network *net = NULL;
    if (read_input(description, &own.input, err) && read_layers(description, &own, err) &&
        read_classes(description, &own, err))
        net = network_build(&own, err);
    for (size_t l = 0; l < own.layers; l++)
        layer_free(own.layer[l]);
    free((void *)own.layer);
    free((void *)own.label);
    return net;
}

Network *network_new(const cJSON *description, uint64_t seed, Error *err) {
    return network_build_described(description, &(NetworkParts){ .seed = seed }, err);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void describe_layers(const Network *net, JsonNode list) {
    for (size_t l = 0; l < net->layers; l++) {
        const Layer *layer = net->layer[l];
        JsonNode json = json_object(list, NULL);
        json_string(json, "kind", layer->kind->name);
        fields_write_json(layer->kind->fields.field, layer, json);
    }
}

void network_describe_in(const Network *net, JsonNode to) {
    size_t numbers[3];
    int count = shape_numbers(net->input, numbers);
    JsonNode input = json_list(to, "input");
    for (int i = 0; i < count; i++)
        json_number(input, NULL, (double)numbers[i]);
    describe_layers(net, json_list(to, "layers"));
    const Labels *classes = &net->model.classes;
    if (classes->count > 0)
        json_item(to, "classes", cJSON_CreateIntArray(classes->label, (int)classes->count));
}

cJSON *network_describe(const Network *net) {
    JsonTree tree;
    network_describe_in(net, json_begin(&tree));
    return json_end(&tree);
}
