#include "nn/wiring.h"

#include "core/fail.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t wiring_first(Layer *const *layer, size_t l) {
    const Container *container = container_of(layer[l]);
    return container ? l - container->body - container->shortcut : l;
}

/* ---- Parents --------------------------------------------------------------------------------- */

static bool miscounted(const char *what, Error *err) {
    return error_set(err, ERROR_ARGUMENT, "nn.new: a %s", what);
}

/* Those directly inside container l get it as their parent; a residual's shortcut is one of them.
 */
static bool adopt(Layer *const *layer, size_t l, Wire *wire, Error *err) {
    const Container *container = container_of(layer[l]);
    size_t inside = container->body + container->shortcut;
    if (container->body == 0)
        return miscounted(
            residual_of(layer[l]) ? "residual has no layers" : "sequence has no layers", err);
    if (inside > l || container->body > l)
        return miscounted("container has more layers than there are", err);
    size_t first = l - inside, middle = first + container->body;
    for (size_t d = l; d > first;) {
        size_t top = wiring_first(layer, --d);
        if (wire[d].parent != WIRING_NONE || top < first || (d >= middle && top != middle))
            return miscounted("container's layers are not where they should be", err);
        wire[d].parent = (ptrdiff_t)l;
        d = top;
    }
    return true;
}

static bool check_depth(const Wire *wire, size_t layers, Error *err) {
    for (size_t l = 0; l < layers; l++) {
        int depth = 0;
        for (ptrdiff_t p = wire[l].parent; p != WIRING_NONE; p = wire[p].parent)
            if (++depth > CONTAINER_DEPTH)
                return error_set(err, ERROR_ARGUMENT,
                                 "nn.new: containers in containers: expected at most %d",
                                 CONTAINER_DEPTH);
    }
    return true;
}

/* ---- Sources --------------------------------------------------------------------------------- */

/* Outer containers come first: where a body begins, an outer one may have said what it reads. */
static void connect(Layer *const *layer, size_t layers, Wire *wire) {
    for (size_t l = layers; l-- > 0;) {
        const Container *residual = residual_of(layer[l]);
        if (!residual)
            continue;
        size_t first = wiring_first(layer, l), middle = first + residual->body;
        size_t fork = wire[first].source;
        wire[first].begins = true;
        wire[l].source = middle;
        wire[l].also = (ptrdiff_t)(residual->shortcut ? l : fork);
        if (residual->shortcut) {
            wire[middle].source = fork;
            wire[middle].begins = true;
        }
    }
}

size_t wiring_root(Layer *const *layer, const Wire *wire, size_t activation) {
    while (activation > 0 && layer[activation - 1]->kind == &layer_sequence)
        activation = wire[activation - 1].source;
    return activation;
}

static void use(Layer *const *layer, Wire *wire, size_t activation, size_t by) {
    size_t root = wiring_root(layer, wire, activation);
    if (root == 0 || layer[by]->kind == &layer_sequence)
        return;
    wire[root - 1].readers++;
    if (wire[root - 1].last_use < by)
        wire[root - 1].last_use = by;
}

bool wiring_make(Layer *const *layer, size_t layers, Wire *wire, Error *err) {
    for (size_t l = 0; l < layers; l++)
        wire[l] = (Wire){ .source = l,
                          .also = WIRING_NONE,
                          .parent = WIRING_NONE,
                          .named = layer[l]->own[0],
                          .last_use = l };
    for (size_t l = 0; l < layers; l++)
        if (container_of(layer[l]) && !adopt(layer, l, wire, err))
            return false;
    if (!check_depth(wire, layers, err))
        return false;
    connect(layer, layers, wire);
    for (size_t l = 0; l < layers; l++) {
        use(layer, wire, wire[l].source, l);
        if (wire[l].also != WIRING_NONE)
            use(layer, wire, (size_t)wire[l].also, l);
    }
    return true;
}

/* ---- Names ----------------------------------------------------------------------------------- */

/* Is it the shortcut of the residual that it stands in? */
static bool is_shortcut(Layer *const *layer, const Wire *wire, size_t l) {
    ptrdiff_t parent = wire[l].parent;
    const Container *residual = parent == WIRING_NONE ? NULL : residual_of(layer[parent]);
    return residual && residual->shortcut && l + 1 == (size_t)parent;
}

static bool is_in_sequence(Layer *const *layer, const Wire *wire, size_t l) {
    ptrdiff_t parent = wire[l].parent;
    return parent != WIRING_NONE && layer[parent]->kind == &layer_sequence;
}

/* Shortcuts, and positions in sequences; count has room for each container's, and all is 0. */
static void name_positions(Layer *const *layer, size_t layers, const Wire *wire, size_t *count) {
    for (size_t l = 0; l < layers; l++) {
        size_t position = count[wire[l].parent + 1]++;
        if (layer[l]->own[0])
            continue;
        if (is_shortcut(layer, wire, l))
            snprintf(layer[l]->own, LAYER_NAME_SIZE, "shortcut");
        else if (is_in_sequence(layer, wire, l))
            snprintf(layer[l]->own, LAYER_NAME_SIZE, "%zu", position);
    }
}

/* Those of a kind, counted among the layers beside each. */
static void name_kind(Layer *const *layer, size_t layers, const Wire *wire, size_t *count,
                      const LayerKind *kind) {
    size_t length = strlen(kind->label);
    const char *join = length > 0 && isdigit((unsigned char)kind->label[length - 1]) ? "_" : "";
    memset(count, 0, (layers + 1) * sizeof *count);
    for (size_t l = 0; l < layers; l++) {
        if (layer[l]->kind != kind)
            continue;
        size_t number = ++count[wire[l].parent + 1];
        if (!layer[l]->own[0])
            snprintf(layer[l]->own, LAYER_NAME_SIZE, "%.40s%s%zu", kind->label, join, number);
    }
}

/* The whole name, its parent's being there. */
static bool name_whole(Layer *const *layer, const Wire *wire, size_t l, Error *err) {
    ptrdiff_t parent = wire[l].parent;
    while (parent != WIRING_NONE && !container_of(layer[parent])->prefix)
        parent = wire[parent].parent;
    const char *before = parent == WIRING_NONE ? "" : layer[parent]->name;
    char name[2 * LAYER_NAME_SIZE];
    snprintf(name, sizeof name, "%s%s%s", before, *before ? "." : "", layer[l]->own);
    if (strlen(name) >= LAYER_NAME_SIZE)
        return error_set(
            err, ERROR_ARGUMENT,
            "nn.new: layer %zu: the name \"%s\" is too long: expected at most %d bytes", l + 1,
            name, LAYER_NAME_SIZE - 1);
    strcpy(layer[l]->name, name);
    return true;
}

bool wiring_name(Layer *const *layer, size_t layers, const Wire *wire, Error *err) {
    size_t *count = calloc(layers + 1, sizeof *count);
    if (!count)
        return error_memory(err, "nn.new", (layers + 1) * sizeof *count);
    name_positions(layer, layers, wire, count);
    for (size_t l = 0; l < layers; l++)
        if (!layer[l]->own[0])
            name_kind(layer, layers, wire, count, layer[l]->kind);
    free(count);
    bool ok = true;
    for (size_t l = layers; ok && l-- > 0;)
        ok = name_whole(layer, wire, l, err);
    return ok;
}
