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

static bool lists_own(const cJSON *list, int depth);

static bool is_own(const cJSON *layer, int depth) {
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(layer, "kind"));
    const LayerKind *kind = name ? layer_find(name, NULL) : NULL;
    return (name && (!kind || kind->host)) || lists_own(list_item(layer, "layers"), depth) ||
           lists_own(list_item(layer, "shortcut"), depth);
}

static bool lists_own(const cJSON *list, int depth) {
    const cJSON *item;
    cJSON_ArrayForEach(item, list) {
        if (depth <= CONTAINER_DEPTH && is_own(item, depth + 1))
            return true;
    }
    return false;
}

bool network_describes_own(const cJSON *description) {
    return lists_own(list_item(description, "layers"), 0);
}

/* A layer with its options, the caller's to free. */
static Layer *read_layer(const cJSON *json, Error *err) {
    static const char *const also[] = { "kind", "layers", NULL };
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
    error_prefix(err, "layer %zu%s%.60s%s", number, known ? " (" : "", known ? known : "",
                 known ? ")" : "");
    return false;
}

/* Layers as they come: what is in a container first (container.h). */
typedef struct Reading {
    NetworkParts *parts;
    size_t room; /* of parts->layer */
    int depth;
} Reading;

static bool add_layer(Reading *reading, Layer *layer, Error *err) {
    NetworkParts *parts = reading->parts;
    Layer **grown = (Layer **)parts->layer;
    bool ok = network_count_layers(parts->layers + 1, err);
    if (ok && parts->layers == reading->room) {
        size_t room = 2 * reading->room + 16;
        grown = realloc(grown, room * sizeof(Layer *));
        if (!grown)
            ok = error_memory(err, "nn.new", room * sizeof(Layer *));
        else
            reading->room = room;
    }
    if (!ok) {
        layer_free(layer);
        return false;
    }
    parts->layer = grown;
    grown[parts->layers++] = layer;
    return true;
}

static bool read_list(Reading *reading, const cJSON *list, Error *err);

/* The layers in a container, which gets their numbers. */
static bool read_inside(Reading *reading, const cJSON *json, Container *container, Error *err) {
    const cJSON *shortcut = cJSON_GetObjectItemCaseSensitive(json, "shortcut");
    size_t before = reading->parts->layers;
    if (++reading->depth > CONTAINER_DEPTH)
        return error_set(err, ERROR_ARGUMENT, "containers in containers: expected at most %d",
                         CONTAINER_DEPTH);
    if (!read_list(reading, list_item(json, "layers"), err))
        return false;
    container->body = reading->parts->layers - before;
    if (cJSON_IsArray(shortcut) && !read_list(reading, shortcut, err)) {
        error_prefix(err, "shortcut");
        return false;
    }
    container->shortcut = reading->parts->layers - before - container->body;
    reading->depth--;
    return true;
}

static bool read_one(Reading *reading, const cJSON *json, Error *err) {
    Layer *layer = read_layer(json, err);
    if (layer && container_of(layer) && !read_inside(reading, json, (Container *)layer, err)) {
        layer_free(layer);
        layer = NULL;
    }
    return layer && add_layer(reading, layer, err);
}

static bool read_list(Reading *reading, const cJSON *list, Error *err) {
    size_t number = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, list) {
        number++;
        if (!source_goes_on("nn.new", err))
            return false;
        if (!read_one(reading, item, err))
            return blame_layer(number, item, err);
    }
    return true;
}

/* The layers, malloc'd into parts->layer. */
static bool read_layers(const cJSON *description, NetworkParts *parts, Error *err) {
    const cJSON *list = list_item(description, "layers");
    Reading reading = { .parts = parts };
    if (!network_count_layers((size_t)cJSON_GetArraySize(list), err))
        return false;
    if (read_list(&reading, list, err))
        return true;
    error_prefix(err, "nn.new");
    return false;
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

static void describe_between(const Network *net, ptrdiff_t parent, size_t begin, size_t end,
                             JsonNode list);

static void describe_layer(const Network *net, size_t l, JsonNode list) {
    const Layer *layer = net->layer[l];
    const Container *container = container_of(layer);
    JsonNode json = json_object(list, NULL);
    json_string(json, "kind", layer->kind->name);
    fields_write_json(layer->kind->fields.field, layer, json);
    if (!container)
        return;
    size_t first = wiring_first(net->layer, l), middle = first + container->body;
    describe_between(net, (ptrdiff_t)l, first, middle, json_list(json, "layers"));
    if (container->shortcut)
        describe_between(net, (ptrdiff_t)l, middle, l, json_list(json, "shortcut"));
}

/* Those of begin … end−1 that stand directly in the parent. */
static void describe_between(const Network *net, ptrdiff_t parent, size_t begin, size_t end,
                             JsonNode list) {
    for (size_t l = begin; l < end; l++)
        if (net->wire[l].parent == parent)
            describe_layer(net, l, list);
}

void network_describe_in(const Network *net, JsonNode to) {
    size_t numbers[3];
    int count = shape_numbers(net->input, numbers);
    JsonNode input = json_list(to, "input");
    for (int i = 0; i < count; i++)
        json_number(input, NULL, (double)numbers[i]);
    describe_between(net, WIRING_NONE, 0, net->layers, json_list(to, "layers"));
    const Labels *classes = &net->model.classes;
    if (classes->count > 0)
        json_item(to, "classes", cJSON_CreateIntArray(classes->label, (int)classes->count));
}

cJSON *network_describe(const Network *net) {
    JsonTree tree;
    network_describe_in(net, json_begin(&tree));
    return json_end(&tree);
}
