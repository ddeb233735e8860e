/* container.h — layers made of layers: sequence, and residual, y = body(x) + shortcut(x).
 *
 * A network is one list of layers, in the order in which they run. A container stands in it behind
 * what it is made of, as the layer whose output is the container's: of a sequence its last layer's,
 * of a residual the sum.
 *
 *     body, shortcut, residual        shortcut: one layer or sequence, or none: x itself
 *
 * What is inside has dotted names, as PyTorch's modules have: "layer1.0.conv1" (wiring.h). */
#ifndef PERIGEE_NN_CONTAINER_H
#define PERIGEE_NN_CONTAINER_H

#include "nn/layer.h"

typedef struct Container {
    Layer layer;
    bool prefix;           /* names inside begin with its own */
    size_t body, shortcut; /* layers of the list before it that are inside */
} Container;

enum { CONTAINER_DEPTH = 32 }; /* containers in containers, at most */

extern const LayerKind layer_sequence, layer_residual;

/* The layer as a container, or NULL; and one that adds. */
const Container *container_of(const Layer *layer);
const Container *residual_of(const Layer *layer);

#endif
