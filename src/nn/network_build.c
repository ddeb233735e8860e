#include "nn/network_build.h"

#include "core/fail.h"
#include "nn/network_impl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Floats that a tile's kept activations may take: half a megabyte, the better part of a
 * second-level cache. But weights are read again for every tile: where few samples have room, up to
 * TILE_LEAST of them may take more, out of a third-level cache. */
static const size_t TILE_ROOM = 128 << 10, TILE_MOST_ROOM = 1 << 20;
enum { TILE_LEAST = 4 };

/* More are a mistake, or somebody's joke. */
enum { LAYERS_MOST = 8192 };

/* ---- Layers and classes ---------------------------------------------------------------------- */

const Field network_fields[] = {
    { "input", FIELD_OBJECT, .type = "integer[]", .required = true,
      .meaning = "{ channels, height, width }, { height, width }: one channel, or { features } for "
                 "flat samples" },
    { "classes", FIELD_OBJECT, .type = "integer[]",
      .meaning = "labels in rising order, one for each score" },
    { "seed", FIELD_SEED, offsetof(NetworkParts, seed), .initial = "the session's",
      .meaning = "of the first weights" },
    { .name = NULL },
};

bool network_read_input(const double *numbers, size_t count, Shape *input, Error *err) {
    double size[3] = { 1, 1, 1 };
    size_t gray = count == 2; /* {height, width}: one channel */
    bool ok = count >= 1 && count <= 3;
    for (size_t i = 0; ok && i < count; i++) {
        size[gray + i] = numbers[i];
        ok = numbers[i] == floor(numbers[i]) && numbers[i] >= 1 && numbers[i] <= LAYER_LARGEST_SIZE;
    }
    if (!ok || size[0] * size[1] * size[2] > 0x1p30)
        return error_set(err, ERROR_ARGUMENT,
                         "nn.new: input: expected {channels, height, width}, {height, width} or "
                         "{features}, whole numbers whose product is at most 2^30");
    *input = (Shape){ count == 1, (size_t)size[0], (size_t)size[1], (size_t)size[2] };
    return true;
}

/* Which of the layers that were given it is, from 1, or stands in: a block counts as one. */
static size_t number_given(const Network *net, size_t l) {
    size_t number = 1;
    for (size_t before = 0; before < l; before++)
        number += net->wire[before].parent == WIRING_NONE;
    return number;
}

/* A layer's name and its number, from 1. */
typedef struct Named {
    const char *name;
    size_t number;
} Named;

static int compare_named(const void *a, const void *b) {
    const Named *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->number > y->number) - (x->number < y->number);
}

static bool named_alike(const Named *a, const Named *b, Error *err) {
    if (a->number == b->number)
        return error_set(err, ERROR_ARGUMENT, "nn.new: two layers of layer %zu are named \"%s\"",
                         a->number, a->name);
    return error_set(err, ERROR_ARGUMENT, "nn.new: layers %zu and %zu are both named \"%s\"",
                     a->number, b->number, a->name);
}

static bool check_names(const Network *net, Error *err) {
    Named *named = malloc(net->layers * sizeof *named);
    if (!named)
        return error_memory(err, "nn.new", net->layers * sizeof *named);
    for (size_t l = 0, number = 1; l < net->layers; l++) {
        named[l] = (Named){ net->layer[l]->name, number };
        number += net->wire[l].parent == WIRING_NONE;
    }
    qsort(named, net->layers, sizeof *named, compare_named);
    bool ok = true;
    for (size_t i = 1; ok && i < net->layers; i++)
        if (strcmp(named[i - 1].name, named[i].name) == 0)
            ok = named_alike(&named[i - 1], &named[i], err);
    free(named);
    return ok;
}

bool network_count_layers(size_t count, Error *err) {
    return count <= LAYERS_MOST ||
           error_set(err, ERROR_ARGUMENT, "nn.new: expected at most %d layers, got %zu",
                     LAYERS_MOST, count);
}

static bool copy_layers(Network *net, const NetworkParts *parts, Error *err) {
    if (parts->layers == 0)
        return error_set(err, ERROR_ARGUMENT, "nn.new: expected layers, got none");
    if (!network_count_layers(parts->layers, err))
        return false;
    net->layer = calloc(parts->layers, sizeof *net->layer);
    if (!net->layer)
        return error_memory(err, "nn.new", parts->layers * sizeof *net->layer);
    for (; net->layers < parts->layers; net->layers++)
        if (!(net->layer[net->layers] = layer_copy(parts->layer[net->layers], err)))
            return false;
    return true;
}

static Shape shape_at(const Network *net, size_t activation) {
    return activation ? net->layer[activation - 1]->out : net->input;
}

/* A residual's ways end in the same shape. */
static bool check_ways(const Network *net, size_t l, Error *err) {
    ptrdiff_t also = net->wire[l].also;
    char body[64], other[64];
    if (also == WIRING_NONE)
        return true;
    Shape a = shape_at(net, net->wire[l].source), b = shape_at(net, (size_t)also);
    if (a.flat == b.flat && a.channels == b.channels && a.height == b.height && a.width == b.width)
        return true;
    bool has_shortcut = residual_of(net->layer[l])->shortcut > 0;
    return error_set(err, ERROR_ARGUMENT, "its layers give %s, %s %s: their sum needs one shape%s",
                     shape_text(a, body), has_shortcut ? "its shortcut" : "its input is",
                     shape_text(b, other), has_shortcut ? "" : "; give it a shortcut");
}

static bool set_up_layers(Network *net, Error *err) {
    for (size_t l = 0; l < net->layers; l++) {
        Layer *layer = net->layer[l];
        if (!layer_configure(layer, shape_at(net, net->wire[l].source), err) ||
            !check_ways(net, l, err)) {
            bool known = net->wire[l].named || net->wire[l].parent != WIRING_NONE;
            error_prefix(err, "nn.new: layer %zu (%s)", number_given(net, l),
                         known ? layer->name : layer->kind->name);
            return false;
        }
        net->hosted = net->hosted || layer->kind->host;
        net->whole_batch = net->whole_batch || layer->kind->whole_batch;
        for (int p = 0; p < layer->parameters; p++)
            net->buffers = net->buffers || layer->parameter[p].buffer;
        layer->offset = net->parameters;
        net->parameters += layer->parameter_count;
    }
    return true;
}

/* Residuals that the deepest one stands in, itself included. */
static size_t count_depth(const Network *net) {
    size_t deepest = 0;
    for (size_t l = 0; l < net->layers; l++) {
        size_t depth = 0;
        for (ptrdiff_t p = (ptrdiff_t)l; p != WIRING_NONE; p = net->wire[p].parent)
            depth += residual_of(net->layer[p]) != NULL;
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest;
}

static bool wire_layers(Network *net, Error *err) {
    net->wire = malloc(net->layers * sizeof *net->wire);
    if (!net->wire)
        return error_memory(err, "nn.new", net->layers * sizeof *net->wire);
    if (!wiring_make(net->layer, net->layers, net->wire, err) ||
        !wiring_name(net->layer, net->layers, net->wire, err))
        return false;
    net->depth = count_depth(net);
    return check_names(net, err);
}

static bool set_classes(Network *net, const NetworkParts *parts, Error *err) {
    size_t outputs = shape_size(net->layer[net->layers - 1]->out);
    if (!parts->label)
        return true;
    if (parts->labels != outputs)
        return error_set(
            err, ERROR_ARGUMENT,
            "nn.new: classes: expected a list of %zu labels, one for each output, got %zu", outputs,
            parts->labels);
    for (size_t i = 1; i < parts->labels; i++)
        if (parts->label[i] <= parts->label[i - 1])
            return error_set(err, ERROR_ARGUMENT,
                             "nn.new: classes: expected whole numbers in rising order");
    return labels_from("nn.new", parts->label, parts->labels, &net->model.classes, err);
}

/* ---- Plans of memory ------------------------------------------------------------------------- */

/* May layer l overwrite what it reads? Never the network's own input, nor what another layer reads
 * after it; and not, where backward is to come, what any other layer reads, nor an output that the
 * layer before still needs. (Kinds that read x do not work in place.) A sequence only passes on
 * what is there. */
static bool overwrites(const Network *net, size_t l, bool keep) {
    const Layer *layer = net->layer[l];
    size_t root = wiring_root(net->layer, net->wire, net->wire[l].source);
    if (layer->kind == &layer_sequence)
        return true;
    if (!layer->kind->in_place || root == 0)
        return false;
    if (keep)
        return net->wire[root - 1].readers == 1 && !net->layer[root - 1]->kind->backward_reads_y;
    return net->wire[root - 1].last_use == l;
}

static void plan_keep(Network *net) {
    size_t used = network_rounded(shape_size(net->input));
    for (size_t l = 0; l < net->layers; l++) {
        size_t size = network_rounded(shape_size(net->layer[l]->out));
        bool same = overwrites(net, l, true);
        net->keep.offset[l + 1] = same ? net->keep.offset[net->wire[l].source] : used;
        used += same ? 0 : size;
    }
    net->keep.per_sample = used;
}

/* Forward only: places that activations take in turns, two where nothing parts. `until` is the last
 * layer that reads what is there, −1 of one that is free from the start. */
enum { PLACES = 2 * CONTAINER_DEPTH + 2 };
typedef struct Places {
    size_t room[PLACES];
    ptrdiff_t until[PLACES];
    int of[]; /* each activation's */
} Places;

static ptrdiff_t last_use(const Network *net, size_t activation) {
    ptrdiff_t last = 0;
    size_t root = wiring_root(net->layer, net->wire, activation);
    if (root > 0)
        return (ptrdiff_t)net->wire[root - 1].last_use;
    for (size_t l = 0; l < net->layers; l++)
        if (wiring_root(net->layer, net->wire, net->wire[l].source) == 0 ||
            (net->wire[l].also != WIRING_NONE &&
             wiring_root(net->layer, net->wire, (size_t)net->wire[l].also) == 0))
            last = (ptrdiff_t)l;
    return last;
}

/* Where layer l's output goes: where its input is, or to the first place that is free by then. */
static int choose_place(const Network *net, const Places *places, size_t l) {
    int p = 0;
    if (overwrites(net, l, false))
        return places->of[net->wire[l].source];
    while (places->until[p] >= (ptrdiff_t)l)
        p++;
    return p;
}

static void occupy(const Network *net, Places *places, size_t activation, int p) {
    Shape shape = activation ? net->layer[activation - 1]->out : net->input;
    size_t size = network_rounded(shape_size(shape));
    places->of[activation] = p;
    places->until[p] = last_use(net, activation);
    places->room[p] = size > places->room[p] ? size : places->room[p];
}

static bool plan_pass(Network *net, Error *err) {
    size_t bytes = sizeof(Places) + (net->layers + 1) * sizeof(int), used = 0, offset[PLACES];
    Places *places = calloc(1, bytes);
    if (!places)
        return error_memory(err, "nn.new", bytes);
    for (int p = 0; p < PLACES; p++)
        places->until[p] = -1;
    occupy(net, places, 0, 0);
    for (size_t l = 0; l < net->layers; l++)
        occupy(net, places, l + 1, choose_place(net, places, l));
    for (int p = 0; p < PLACES; p++) {
        offset[p] = used;
        used += places->room[p];
    }
    for (size_t l = 0; l < net->layers; l++)
        net->pass.offset[l + 1] = offset[places->of[l + 1]];
    net->pass.per_sample = used;
    free(places);
    return true;
}

static size_t choose_tile(size_t per_sample) {
    size_t tile = TILE_ROOM / per_sample, more = TILE_MOST_ROOM / per_sample;
    if (tile < TILE_LEAST)
        tile = more < TILE_LEAST ? more : TILE_LEAST;
    return tile < 1 ? 1 : tile > NETWORK_TILE_MOST ? NETWORK_TILE_MOST : tile;
}

static bool make_plans(Network *net, Error *err) {
    net->pass.offset = calloc(net->layers + 1, sizeof(size_t));
    net->keep.offset = calloc(net->layers + 1, sizeof(size_t));
    if (!net->pass.offset || !net->keep.offset)
        return error_memory(err, "nn.new", 2 * (net->layers + 1) * sizeof(size_t));
    plan_keep(net);
    if (!plan_pass(net, err))
        return false;
    net->largest = shape_size(net->input);
    for (size_t l = 0; l < net->layers; l++) {
        const Layer *layer = net->layer[l];
        size_t size = shape_size(layer->out);
        size_t scratch = layer->kind->scratch ? layer->kind->scratch(layer) : 0;
        net->largest = size > net->largest ? size : net->largest;
        net->scratch = scratch > net->scratch ? scratch : net->scratch;
    }
    net->tile = choose_tile(net->keep.per_sample);
    return true;
}

/* ---- The network ----------------------------------------------------------------------------- */

/* The memory of the weights and of what is prepared of them. */
static bool allocate_weights(Network *net, Error *err) {
    size_t prepared = 0, floats = network_rounded(net->parameters + 1);
    for (size_t l = 0; l < net->layers; l++) {
        Layer *layer = net->layer[l];
        layer->prepared = prepared;
        prepared += layer->kind->prepared ? network_rounded(layer->kind->prepared(layer)) : 0;
    }
    net->weights = aligned_alloc(64, floats * sizeof(float));
    net->prepared = aligned_alloc(64, (prepared + 16) * sizeof(float));
    return (net->weights && net->prepared) ||
           error_memory(err, "nn.new", (floats + prepared) * sizeof(float));
}

static bool build(Network *net, const NetworkParts *parts, Error *err) {
    if (!copy_layers(net, parts, err) || !wire_layers(net, err) || !set_up_layers(net, err) ||
        !set_classes(net, parts, err) || !make_plans(net, err))
        return false;
    if (parts->is_limited && net->parameters > parts->most_weights)
        return error_set(err, ERROR_ARGUMENT, "the layers have %zu weights, the file only %zu",
                         net->parameters, parts->most_weights);
    net->model.features = shape_size(net->input);
    if (!allocate_weights(net, err))
        return false;
    if (!parts->is_limited)
        network_draw_weights(net, net->seed);
    return true;
}

Network *network_build(const NetworkParts *parts, Error *err) {
    Network *net = calloc(1, sizeof *net);
    if (!net) {
        error_memory(err, "nn.new", sizeof *net);
        return NULL;
    }
    model_init(&net->model, &network_model_kind);
    net->input = parts->input;
    net->seed = parts->seed;
    net->params = train_defaults();
    net->params.seed = parts->seed;
    if (build(net, parts, err))
        return net;
    model_release(&net->model);
    return NULL;
}
