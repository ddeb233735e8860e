/* network.c — what a Network owns: its weights, and a workspace for every worker.
 *
 *     weights     | conv1: weight, bias | fc1: weight, bias | …   one vector; a layer's part is at
 *                                                                 its `offset`, in its own order
 *     prepared    | conv1 transposed | …                          what backward needs besides, made
 *                                                                 by network_ready if not `fresh`
 *     workspace   | arena of a tile | gradient | gradient | scratch |   one block per worker
 *
 * Whoever writes weights calls network_weights_changed; whoever runs a pass calls network_ready
 * first. Where an activation lies in the arena follows from a plan (network_build.c): every layer's
 * output has its own place if a reverse pass will read it, else two places take turns. Files have
 * weights in PyTorch's order and under its names; layers translate (export, import). */
#include "nn/network.h"

#include "core/array.h"
#include "core/fail.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "nn/network_impl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Workspaces ------------------------------------------------------------------------------ */

static float *take(float **next, size_t floats) {
    float *taken = *next;
    *next += network_rounded(floats);
    return taken;
}

static bool workspace_init(const Network *net, Workspace *space, Error *err) {
    size_t per_sample =
        net->keep.per_sample > net->pass.per_sample ? net->keep.per_sample : net->pass.per_sample;
    size_t arena = network_rounded(per_sample * net->tile),
           gradient = network_rounded(net->largest * net->tile);
    size_t bytes = (arena + 2 * gradient + network_rounded(net->scratch)) * sizeof(float);
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

ptrdiff_t network_locate(const Network *net, const char *where, const char *name, Error *err) {
    ptrdiff_t found = network_find(net, name);
    if (found >= 0)
        return found;
    char list[512] = "";
    for (size_t i = 0; i < network_layer_count(net); i++) {
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "",
                 network_layer_name(net, i));
    }
    error_set(err, ERROR_ARGUMENT, "%s: the net has no layer \"%s\" (it has: %s)", where, name,
              list);
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

/* Weights on their way from tensors whose names begin with `prefix` (NULL: any) into a vector. */
typedef struct WeightsLoad {
    const Tensors *tensors;
    const char *prefix;
    float *weights;
} WeightsLoad;

/* The one tensor there for parameter p, or NULL: a model's file has it under just that name,
 * and is not searched. */
static const Array *find_tensor(const WeightsLoad *from, const Layer *layer, int p, Error *err) {
    const char *name = NULL, *parameter = layer->parameter[p].name;
    char own[2 * LAYER_NAME_SIZE];
    snprintf(own, sizeof own, "%s.%s", layer->name, parameter);
    const Array *found = from->prefix ? tensors_find(from->tensors, from->prefix, own) : NULL;
    if (found)
        return found;
    size_t skip = from->prefix ? strlen(from->prefix) : 0;
    for (size_t i = 0; i < from->tensors->count; i++) {
        const char *full = from->tensors->entry[i].name;
        if ((skip && strncmp(full, from->prefix, skip) != 0) ||
            !is_named(full + skip, layer->name, parameter))
            continue;
        if (found) {
            error_set(err, ERROR_ARGUMENT, "load_weights: both %s and %s fit %s.%s", name, full,
                      layer->name, parameter);
            return NULL;
        }
        found = from->tensors->entry[i].array;
        name = full;
    }
    if (!found)
        error_set(err, ERROR_ARGUMENT, "load_weights: %s%s.%s is missing",
                  from->prefix ? from->prefix : "", layer->name, parameter);
    return found;
}

static bool has_shape(const Array *array, const Parameter *parameter) {
    bool same = array->ndim == parameter->ndim;
    for (int i = 0; same && i < parameter->ndim; i++)
        same = array->shape[i] == parameter->shape[i];
    return same;
}

static bool load_parameter(const WeightsLoad *from, const Layer *layer, int p, Error *err) {
    const Parameter *parameter = &layer->parameter[p];
    const Array *found = find_tensor(from, layer, p, err);
    if (!found)
        return false;
    if (!has_shape(found, parameter)) {
        char got[128], expected[128];
        return error_set(err, ERROR_ARGUMENT, "load_weights: %s.%s is %s, expected %s", layer->name,
                         parameter->name, array_shape_text(found->ndim, found->shape, got),
                         array_shape_text(parameter->ndim, parameter->shape, expected));
    }
    char what[128];
    snprintf(what, sizeof what, "load_weights: %s.%s", layer->name, parameter->name);
    Array *values = array_contiguous(what, found, DTYPE_F32, err);
    if (!values || !array_check_finite(what, values, err)) {
        array_free(values);
        return false;
    }
    float *own = from->weights + layer->offset + parameter->offset;
    if (layer->kind->import)
        layer->kind->import(layer, p, array_f32(values), own);
    else
        memcpy(own, array_f32(values), parameter->count * sizeof *own);
    array_free(values);
    return true;
}

/* Of labels that are not listed anywhere. */
enum { CLASSES_MOST = 1 << 18 };

/* A net that was given no classes takes 0, 1, … once it has weights: PyTorch's files have no
 * labels. */
static bool number_classes(Network *net, Error *err) {
    size_t count = shape_size(net->layer[net->layers - 1]->out);
    if (net->model.classes.count > 0)
        return true;
    if (count > CLASSES_MOST)
        return error_set(err, ERROR_ARGUMENT, "load_weights: %zu outputs are too many for classes",
                         count);
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
    size_t bytes = network_rounded(net->parameters + 1) * sizeof(float);
    float *weights = aligned_alloc(64, bytes);
    if (!weights)
        return error_memory(err, "load_weights", bytes);
    const WeightsLoad from = { tensors, prefix, weights };
    bool ok = true;
    for (size_t l = 0; l < net->layers && ok; l++)
        for (int p = 0; p < net->layer[l]->parameters && ok; p++)
            ok = load_parameter(&from, net->layer[l], p, err);
    ok = ok && number_classes(net, err);
    if (ok) {
        float *old = net->weights;
        net->weights = weights;
        weights = old;
        network_weights_changed(net);
    }
    free(weights);
    return ok;
}

bool network_load_file(Network *net, const char *path, Error *err) {
    Tensors tensors;
    tensors_init(&tensors);
    bool ok = tensors_load(&tensors, path, err);
    if (!ok)
        error_prefix(err, "load_weights");
    else if (!(ok = network_load_weights(net, &tensors, NULL, err)))
        error_prefix(err, "%s", path);
    tensors_clear(&tensors);
    return ok;
}

Array *network_parameter(const Network *net, size_t layer, int p, const float *vector, Error *err) {
    const Layer *owner = net->layer[layer];
    const Parameter *parameter = &owner->parameter[p];
    Sizes sizes = sizes_of(parameter->ndim, parameter->shape);
    Array *array = array_new("weights", DTYPE_F32, &sizes, err);
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
            ok = array && tensors_add(tensors, (TensorName){ prefix, name }, array, err);
            array_free(array);
        }
    return ok;
}
