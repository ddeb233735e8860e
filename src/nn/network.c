#include "nn/network.h"

#include "core/fail.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "nn/network_impl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Floats that a tile's kept activations may take: half a megabyte, the better part of a
 * second-level cache. */
static const size_t TILE_ROOM = 128 * 1024;

/* ---- Building from a description ------------------------------------------------------------- */

static const cJSON *list_item(const cJSON *object, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsArray(item) ? item : NULL;
}

/* A whole number from low to high out of a list. */
static bool whole_number(const cJSON *item, double low, double high, double *value) {
    *value = item->valuedouble;
    return cJSON_IsNumber(item) && *value == floor(*value) && *value >= low && *value <= high;
}

static bool read_input(const cJSON *description, Shape *input, Error *err) {
    const cJSON *list = list_item(description, "input"), *item;
    int count = cJSON_GetArraySize(list);
    double size[3] = { 1, 1, 1 };
    bool ok = count == 1 || count == 3;
    int i = 0;
    cJSON_ArrayForEach(item, list) {
        ok = ok && whole_number(item, 1, 1 << 20, &size[i]);
        i++;
        if (!ok)
            break;
    }
    if (!ok || size[0] * size[1] * size[2] > 1u << 30)
        return error_set(err, ERROR_ARGUMENT,
                         "nn.new: input: expected {channels, height, width} or {features}");
    *input = (Shape){ count == 1, (size_t)size[0], (size_t)size[1], (size_t)size[2] };
    return true;
}

/* "conv1" for the first conv2d, and so on: counted through the whole list, names given or not. */
static void automatic_name(const cJSON *list, const cJSON *description, const LayerKind *kind,
                           char name[LAYER_NAME_SIZE]) {
    int number = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, list) {
        const char *word = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "kind"));
        number += word && strcmp(word, kind->name) == 0;
        if (item == description)
            break;
    }
    snprintf(name, LAYER_NAME_SIZE, "%s%d", kind->label, number);
}

/* Say which layer an error is about, by its number and whatever name it has. */
static bool blame_layer(size_t number, const cJSON *description, Error *err) {
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(description, "name"));
    const char *kind = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(description, "kind"));
    const char *known = name ? name : kind;
    error_prefix(err, "nn.new: layer %zu%s%s%s", number, known ? " (" : "", known ? known : "",
                 known ? ")" : "");
    return false;
}

static bool add_layer(Network *net, const cJSON *list, const cJSON *description, Error *err) {
    size_t number = net->layers + 1;
    const LayerKind *kind = layer_kind(description, err);
    if (!kind)
        return blame_layer(number, description, err);
    char name[LAYER_NAME_SIZE];
    automatic_name(list, description, kind, name);
    Shape in = net->layers ? net->layer[net->layers - 1]->out : net->input;
    Layer *layer = layer_new(description, name, in, err);
    if (!layer)
        return blame_layer(number, description, err);
    layer->offset = net->parameters;
    net->layer[net->layers++] = layer;
    net->parameters += layer->parameter_count;
    for (size_t l = 0; l + 1 < net->layers; l++)
        if (strcmp(net->layer[l]->name, layer->name) == 0)
            return error_set(err, ERROR_ARGUMENT,
                             "nn.new: layers %zu and %zu are both named \"%s\"", l + 1, number,
                             layer->name);
    return true;
}

static bool read_layers(Network *net, const cJSON *description, Error *err) {
    const cJSON *list = list_item(description, "layers"), *item;
    int count = cJSON_GetArraySize(list);
    if (count == 0)
        return error_set(err, ERROR_ARGUMENT, "nn.new: expected layers, got none");
    net->layer = calloc((size_t)count, sizeof *net->layer);
    if (!net->layer)
        return error_memory(err, "nn.new", (size_t)count * sizeof *net->layer);
    cJSON_ArrayForEach(item, list) {
        if (!add_layer(net, list, item, err))
            return false;
    }
    return true;
}

static bool read_classes(Network *net, const cJSON *description, Error *err) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(description, "classes");
    size_t count = (size_t)cJSON_GetArraySize(item), i = 0;
    size_t outputs = shape_size(net->layer[net->layers - 1]->out);
    if (!item || cJSON_IsNull(item))
        return true;
    if (!cJSON_IsArray(item) || count != outputs)
        return error_set(
            err, ERROR_ARGUMENT,
            "nn.new: classes: expected a list of %zu labels, one for each output, got %zu", outputs,
            count);
    int32_t *label = malloc((count ? count : 1) * sizeof *label);
    if (!label)
        return error_memory(err, "nn.new", count * sizeof *label);
    bool ok = true;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(description, "classes")) {
        double value;
        ok = ok && whole_number(item, INT32_MIN, INT32_MAX, &value);
        label[i] = ok ? (int32_t)value : 0;
        ok = ok && (i == 0 || label[i] > label[i - 1]);
        i++;
    }
    ok = ok ? labels_from("nn.new", label, count, &net->model.classes, err)
            : error_set(err, ERROR_ARGUMENT,
                        "nn.new: classes: expected whole numbers in rising order");
    free(label);
    return ok;
}

/* ---- Plans of memory ------------------------------------------------------------------------- */

/* May layer l overwrite its input? Never the network's own; and not, where backward is to come, an
 * output that the layer before still reads. (Kinds that read x do not work in place.) */
static bool overwrites(const Network *net, size_t l, bool keep) {
    return l > 0 && net->layer[l]->kind->in_place &&
           !(keep && net->layer[l - 1]->kind->backward_reads_y);
}

/* Multiples of a cache line, so that every activation of a full tile starts on one. */
static size_t rounded(size_t floats) {
    return (floats + 15) / 16 * 16;
}

static void plan_keep(Network *net) {
    size_t used = rounded(shape_size(net->input));
    for (size_t l = 0; l < net->layers; l++) {
        size_t size = rounded(shape_size(net->layer[l]->out));
        bool same = overwrites(net, l, true);
        net->keep.offset[l + 1] = same ? net->keep.offset[l] : used;
        used += same ? 0 : size;
    }
    net->keep.per_sample = used;
}

/* Forward only: activations lie in two places in turns. */
static void plan_pass(Network *net) {
    size_t room[2] = { rounded(shape_size(net->input)), 0 };
    int side = 0;
    for (size_t l = 0; l < net->layers; l++) {
        size_t size = rounded(shape_size(net->layer[l]->out));
        side = overwrites(net, l, false) ? side : !side;
        room[side] = size > room[side] ? size : room[side];
    }
    side = 0;
    for (size_t l = 0; l < net->layers; l++) {
        side = overwrites(net, l, false) ? side : !side;
        net->pass.offset[l + 1] = side ? room[0] : 0;
    }
    net->pass.per_sample = room[0] + room[1];
}

static bool make_plans(Network *net, Error *err) {
    net->pass.offset = calloc(net->layers + 1, sizeof(size_t));
    net->keep.offset = calloc(net->layers + 1, sizeof(size_t));
    if (!net->pass.offset || !net->keep.offset)
        return error_memory(err, "nn.new", 2 * (net->layers + 1) * sizeof(size_t));
    plan_keep(net);
    plan_pass(net);
    net->largest = shape_size(net->input);
    for (size_t l = 0; l < net->layers; l++) {
        const Layer *layer = net->layer[l];
        size_t size = shape_size(layer->out);
        size_t scratch = layer->kind->scratch ? layer->kind->scratch(layer) : 0;
        net->largest = size > net->largest ? size : net->largest;
        net->scratch = scratch > net->scratch ? scratch : net->scratch;
    }
    size_t tile = TILE_ROOM / net->keep.per_sample;
    net->tile = tile < 1 ? 1 : tile > NETWORK_TILE_MOST ? NETWORK_TILE_MOST : tile;
    return true;
}

static float *take(float **next, size_t floats) {
    float *taken = *next;
    *next += rounded(floats);
    return taken;
}

static bool workspace_init(const Network *net, Workspace *space, Error *err) {
    size_t per_sample =
        net->keep.per_sample > net->pass.per_sample ? net->keep.per_sample : net->pass.per_sample;
    size_t arena = rounded(per_sample * net->tile), gradient = rounded(net->largest * net->tile);
    size_t bytes = (arena + 2 * gradient + rounded(net->scratch)) * sizeof(float);
    space->memory = aligned_alloc(64, bytes);
    if (!space->memory)
        return error_memory(err, "net", bytes);
    float *next = space->memory;
    space->arena = take(&next, arena);
    space->gradient[0] = take(&next, gradient);
    space->gradient[1] = take(&next, gradient);
    space->scratch = take(&next, net->scratch);
    return true;
}

static bool reserve(Network *net, Error *err) {
    int threads = parallel_threads();
    if (threads <= net->workspaces)
        return true;
    Workspace *grown = realloc(net->workspace, (size_t)threads * sizeof *grown);
    if (!grown)
        return error_memory(err, "net", (size_t)threads * sizeof *grown);
    net->workspace = grown;
    while (net->workspaces < threads) {
        if (!workspace_init(net, &grown[net->workspaces], err))
            return false;
        net->workspaces++;
    }
    return true;
}

bool network_ready(Network *net, Error *err) {
    if (!reserve(net, err))
        return false;
    for (size_t l = 0; !net->fresh && l < net->layers; l++) {
        const Layer *layer = net->layer[l];
        if (layer->kind->prepare)
            layer->kind->prepare(layer, net->weights + layer->offset,
                                 net->prepared + layer->prepared);
    }
    net->fresh = true;
    return true;
}

void network_weights_changed(Network *net) {
    net->fresh = false;
}

/* ---- The network ----------------------------------------------------------------------------- */

void network_draw_weights(Network *net, uint64_t seed) {
    Rng rng;
    rng_seed(&rng, seed);
    for (size_t l = 0; l < net->layers; l++) {
        const Layer *layer = net->layer[l];
        double bound = layer->parameters ? 1 / sqrt((double)layer->fan_in) : 0;
        for (size_t i = 0; i < layer->parameter_count; i++)
            net->weights[layer->offset + i] = (float)((2 * rng_uniform(&rng) - 1) * bound);
    }
    network_weights_changed(net);
}

static bool build(Network *net, const cJSON *description, size_t most, Error *err) {
    if (!read_input(description, &net->input, err) || !read_layers(net, description, err) ||
        !read_classes(net, description, err) || !make_plans(net, err))
        return false;
    if (net->parameters > most)
        return error_set(err, ERROR_ARGUMENT, "the layers have %zu weights, the file only %zu",
                         net->parameters, most);
    net->model.features = shape_size(net->input);
    size_t prepared = 0;
    for (size_t l = 0; l < net->layers; l++) {
        Layer *layer = net->layer[l];
        layer->prepared = prepared;
        prepared += layer->kind->prepared ? rounded(layer->kind->prepared(layer)) : 0;
    }
    size_t floats = rounded(net->parameters + 1);
    net->weights = aligned_alloc(64, floats * sizeof(float));
    net->prepared = aligned_alloc(64, (prepared + 16) * sizeof(float));
    if (!net->weights || !net->prepared)
        return error_memory(err, "nn.new", (floats + prepared) * sizeof(float));
    network_draw_weights(net, net->seed);
    return true;
}

Network *network_new_within(const cJSON *description, uint64_t seed, size_t most, Error *err) {
    Network *net = calloc(1, sizeof *net);
    if (!net) {
        error_memory(err, "nn.new", sizeof *net);
        return NULL;
    }
    model_init(&net->model, &network_model_kind);
    net->seed = seed;
    net->params = train_defaults();
    net->params.seed = seed;
    if (!build(net, description, most, err)) {
        model_release(&net->model);
        return NULL;
    }
    return net;
}

Network *network_new(const cJSON *description, uint64_t seed, Error *err) {
    return network_new_within(description, seed, SIZE_MAX, err);
}

static bool describe_into(const Network *net, cJSON *object) {
    size_t numbers[3];
    int count = shape_numbers(net->input, numbers);
    cJSON *input = cJSON_AddArrayToObject(object, "input");
    for (int i = 0; i < count; i++)
        if (!cJSON_AddItemToArray(input, cJSON_CreateNumber((double)numbers[i])))
            return false;
    cJSON *layers = cJSON_AddArrayToObject(object, "layers");
    for (size_t l = 0; l < net->layers; l++)
        if (!cJSON_AddItemToArray(layers, layer_describe(net->layer[l])))
            return false;
    if (net->model.classes.count == 0)
        return true;
    cJSON *classes = cJSON_AddArrayToObject(object, "classes");
    for (size_t i = 0; i < net->model.classes.count; i++)
        if (!cJSON_AddItemToArray(classes, cJSON_CreateNumber(net->model.classes.label[i])))
            return false;
    return true;
}

cJSON *network_describe(const Network *net) {
    cJSON *object = cJSON_CreateObject();
    if (object && describe_into(net, object))
        return object;
    cJSON_Delete(object);
    return NULL;
}

size_t network_layer_count(const Network *net) {
    return net->layers;
}

const char *network_layer_name(const Network *net, size_t layer) {
    return net->layer[layer]->name;
}

const char *network_layer_kind(const Network *net, size_t layer) {
    return net->layer[layer]->kind->name;
}

size_t network_parameter_count(const Network *net, size_t layer) {
    return net->layer[layer]->parameter_count;
}

size_t network_output_size(const Network *net, size_t layer) {
    return shape_size(net->layer[layer]->out);
}

int network_output_shape(const Network *net, size_t layer, size_t shape[3]) {
    return shape_numbers(net->layer[layer]->out, shape);
}

int network_input_shape(const Network *net, size_t shape[3]) {
    return shape_numbers(net->input, shape);
}

ptrdiff_t network_find(const Network *net, const char *name) {
    for (const char *c = name; *c; c++)
        if (*c == ':' || *c == '.')
            name = c + 1;
    for (size_t l = 0; l < net->layers; l++)
        if (strcmp(net->layer[l]->name, name) == 0)
            return (ptrdiff_t)l;
    return -1;
}

/* ---- Weights to and from files --------------------------------------------------------------- */

/* Does a tensor's name end in layer.parameter, either alone or after a '.'? */
static bool is_named(const char *full, const char *layer, const char *parameter) {
    size_t length = strlen(full), tail = strlen(layer) + 1 + strlen(parameter);
    if (length < tail || (length > tail && full[length - tail - 1] != '.'))
        return false;
    const char *end = full + length - tail;
    return strncmp(end, layer, strlen(layer)) == 0 && end[strlen(layer)] == '.' &&
           strcmp(end + strlen(layer) + 1, parameter) == 0;
}

/* The one tensor below `prefix` for that parameter; *found is NULL where there is none. */
static bool find_tensor(const Tensors *tensors, const char *prefix, const Layer *layer, int p,
                        const Array **found, Error *err) {
    size_t skip = prefix ? strlen(prefix) : 0;
    const char *name = NULL;
    *found = NULL;
    for (size_t i = 0; i < tensors->count; i++) {
        const char *full = tensors->entry[i].name;
        if ((skip && strncmp(full, prefix, skip) != 0) ||
            !is_named(full + skip, layer->name, layer->parameter[p].name))
            continue;
        if (*found)
            return error_set(err, ERROR_ARGUMENT, "load_weights: both %s and %s fit %s.%s", name,
                             full, layer->name, layer->parameter[p].name);
        *found = tensors->entry[i].array;
        name = full;
    }
    return true;
}

static bool has_shape(const Array *array, const Parameter *parameter) {
    bool same = array->ndim == parameter->ndim;
    for (int i = 0; same && i < parameter->ndim; i++)
        same = array->shape[i] == parameter->shape[i];
    return same;
}

static bool load_parameter(const Tensors *tensors, const char *prefix, const Layer *layer, int p,
                           float *weights, Error *err) {
    const Parameter *parameter = &layer->parameter[p];
    const Array *found;
    if (!find_tensor(tensors, prefix, layer, p, &found, err))
        return false;
    if (!found)
        return error_set(err, ERROR_ARGUMENT, "load_weights: %s%s.%s is missing",
                         prefix ? prefix : "", layer->name, parameter->name);
    if (!has_shape(found, parameter)) {
        char got[128], expected[128];
        return error_set(err, ERROR_ARGUMENT, "load_weights: %s.%s is %s, expected %s", layer->name,
                         parameter->name, array_shape_text(found->ndim, found->shape, got),
                         array_shape_text(parameter->ndim, parameter->shape, expected));
    }
    Array *values = array_contiguous("load_weights", found, DTYPE_F32, err);
    if (!values)
        return false;
    float *own = weights + layer->offset + parameter->offset;
    if (layer->kind->import)
        layer->kind->import(layer, p, array_f32(values), own);
    else
        memcpy(own, array_f32(values), parameter->count * sizeof *own);
    array_free(values);
    return true;
}

/* A net that was given no classes takes 0, 1, … once it has weights: PyTorch's files have no
 * labels. */
static bool number_classes(Network *net, Error *err) {
    size_t count = shape_size(net->layer[net->layers - 1]->out);
    if (net->model.classes.count > 0)
        return true;
    int32_t *label = malloc(count * sizeof *label);
    if (!label)
        return error_memory(err, "load_weights", count * sizeof *label);
    for (size_t i = 0; i < count; i++)
        label[i] = (int32_t)i;
    bool ok = labels_from("load_weights", label, count, &net->model.classes, err);
    free(label);
    return ok;
}

bool network_load_weights(Network *net, const Tensors *tensors, const char *prefix, Error *err) {
    size_t bytes = (net->parameters + 1) * sizeof(float);
    float *weights = malloc(bytes);
    if (!weights)
        return error_memory(err, "load_weights", bytes);
    bool ok = true;
    for (size_t l = 0; l < net->layers && ok; l++)
        for (int p = 0; p < net->layer[l]->parameters && ok; p++)
            ok = load_parameter(tensors, prefix, net->layer[l], p, weights, err);
    ok = ok && number_classes(net, err);
    if (ok) {
        memcpy(net->weights, weights, net->parameters * sizeof *weights);
        network_weights_changed(net);
    }
    free(weights);
    return ok;
}

Array *network_parameter(const Network *net, size_t layer, int p, const float *vector, Error *err) {
    const Layer *owner = net->layer[layer];
    const Parameter *parameter = &owner->parameter[p];
    Array *array = array_new("weights", DTYPE_F32, parameter->ndim, parameter->shape, err);
    if (!array)
        return NULL;
    const float *own = (vector ? vector : net->weights) + owner->offset + parameter->offset;
    if (owner->kind->export)
        owner->kind->export(owner, p, own, array_f32(array));
    else
        memcpy(array_f32(array), own, parameter->count * sizeof *own);
    return array;
}

int network_parameters(const Network *net, size_t layer) {
    return net->layer[layer]->parameters;
}

const char *network_parameter_name(const Network *net, size_t layer, int p) {
    return net->layer[layer]->parameter[p].name;
}

size_t network_vector_size(const Network *net) {
    return net->parameters;
}

bool network_save_weights(const Network *net, Tensors *tensors, const char *prefix, Error *err) {
    bool ok = true;
    for (size_t l = 0; l < net->layers && ok; l++)
        for (int p = 0; p < net->layer[l]->parameters && ok; p++) {
            char name[2 * LAYER_NAME_SIZE];
            snprintf(name, sizeof name, "%s.%s", net->layer[l]->name,
                     net->layer[l]->parameter[p].name);
            Array *array = network_parameter(net, l, p, NULL, err);
            ok = array && tensors_add(tensors, prefix, name, array, err);
            array_free(array);
        }
    return ok;
}
