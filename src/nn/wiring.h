/* wiring.h — how the layers of a network's list hang together: whose output each one reads, which
 * container it stands in, and the names that follow from that. */
#ifndef PERIGEE_NN_WIRING_H
#define PERIGEE_NN_WIRING_H

#include "nn/container.h"

enum { WIRING_NONE = -1 };

/* Of one layer. Activation 0 is the network's input, l + 1 the output of layer l. */
typedef struct Wire {
    size_t source;    /* the activation that it reads */
    ptrdiff_t also;   /* the other one that a residual adds, or WIRING_NONE */
    ptrdiff_t parent; /* the container that it stands in, or WIRING_NONE */
    bool named;       /* its name was given */
    bool begins;      /* a residual's body or shortcut begins here: slopes change there */
    size_t readers;   /* of its output, by whatever name */
    size_t last_use;  /* of its output, by whatever name: the last layer that reads it; its own
                         number where none does */
} Wire;

/* Work out all of it but the names, for layers whose containers have been counted right
 * (container.h); an error where they have not. */
bool wiring_make(Layer *const *layer, size_t layers, Wire *wire, Error *err);

/* Layers without a name of their own get one: in a sequence their position from 0; the shortcut
 * "shortcut"; else their kind's label and number among those beside them ("conv1"; "block2_1" of a
 * kind that ends with a digit). Then every layer's whole name. */
bool wiring_name(Layer *const *layer, size_t layers, const Wire *wire, Error *err);

/* The activation that is really there where sequences only pass it on. */
size_t wiring_root(Layer *const *layer, const Wire *wire, size_t activation);

/* The first layer of those that a container and what it is made of are: its own number for others.
 */
size_t wiring_first(Layer *const *layer, size_t l);

#endif
