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
    size_t bytes =
        (arena + (2 + net->depth) * gradient + network_rounded(net->scratch)) * sizeof(float);
    space->memory = aligned_alloc(64, bytes);
    if (!space->memory)
        return error_memory(err, "net", bytes);
    float *next = space->memory;
    space->arena = take(&next, arena);
    space->gradient[0] = take(&next, gradient);
    space->gradient[1] = take(&next, gradient);
    space->scratch = take(&next, net->scratch);
    space->waiting = next;
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
    if (net->busy)
        return error_set(err, ERROR_ARGUMENT,
                         "net: a layer's function called the net that the layer stands in");
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
    model_changes(&net->model);
    net->fresh = false;
}

/* ---- The network ----------------------------------------------------------------------------- */

static void start_parameter(Network *net, const Layer *layer, const Parameter *parameter,
                            Rng *rng) {
    float *weights = net->weights + layer->offset + parameter->offset;
    double bound = 1 / sqrt((double)layer->fan_in);
    if (parameter->initial && !parameter->one)
        memcpy(weights, parameter->initial, parameter->count * sizeof *weights);
    for (size_t i = 0; parameter->one && i < parameter->count; i++)
        weights[i] = *parameter->initial; // NOLINT(clang-analyzer-core.NullDereference): that one
    for (size_t i = 0; !parameter->initial && i < parameter->count; i++)
        weights[i] = (float)((2 * rng_uniform(rng) - 1) * bound);
}

void network_draw_weights(Network *net, uint64_t seed) {
    Rng rng;
    rng_seed(&rng, seed);
    for (size_t l = 0; l < net->layers; l++)
        for (int p = 0; p < net->layer[l]->parameters; p++)
            start_parameter(net, net->layer[l], &net->layer[l]->parameter[p], &rng);
    network_weights_changed(net);
}

void network_copy_buffers(const Network *net, const float *from, float *to) {
    for (size_t l = 0; l < net->layers; l++)
        for (int p = 0; p < net->layer[l]->parameters; p++) {
            const Parameter *parameter = &net->layer[l]->parameter[p];
            size_t at = net->layer[l]->offset + parameter->offset;
            if (parameter->buffer)
                memcpy(to + at, from + at, parameter->count * sizeof *to);
        }
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

const LayerKind *network_layer_hosted(const Network *net, size_t layer) {
    const LayerKind *kind = net->layer[layer]->kind;
    return kind->host ? kind : NULL;
}

size_t network_parameter_count(const Network *net, size_t layer) {
    const Layer *owner = net->layer[layer];
    size_t count = 0;
    for (int p = 0; p < owner->parameters; p++)
        count += owner->parameter[p].buffer ? 0 : owner->parameter[p].count;
    return count;
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

static ptrdiff_t find_whole(const Network *net, const char *name) {
    for (size_t l = 0; l < net->layers; l++)
        if (strcmp(net->layer[l]->name, name) == 0)
            return (ptrdiff_t)l;
    return -1;
}

bool network_is_nested(const Network *net) {
    for (size_t l = 0; l < net->layers; l++)
        if (strchr(net->layer[l]->name, '.'))
            return true;
    return false;
}

ptrdiff_t network_find(const Network *net, const char *name) {
    ptrdiff_t found = find_whole(net, name);
    const char *own = name;
    for (const char *c = name; *c; c++)
        if (*c == ':' || (*c == '.' && !network_is_nested(net)))
            own = c + 1;
    return found >= 0 || own == name ? found : find_whole(net, own);
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
