/* network_build.h — a network from its layers: names, shapes, classes, first weights, and the plans
 * by which activations lie in memory. */
#ifndef PERIGEE_NN_NETWORK_BUILD_H
#define PERIGEE_NN_NETWORK_BUILD_H

#include "nn/layer.h"
#include "nn/network.h"

/* What a network is made of. Everything is copied. */
typedef struct NetworkParts {
    Shape input;
    Layer *const *layer; /* with their options and, if chosen, their names */
    size_t layers;
    const int32_t *label; /* of the scores, in rising order; NULL: the first training data's */
    size_t labels;
    uint64_t seed; /* of the first weights, drawn as PyTorch does: Kaiming-uniform with a = √5 */
    bool is_limited; /* out of a file: at most most_weights in all, which it will fill in itself */
    size_t most_weights;
} NetworkParts;

/* The options of nn.new besides the list of layers, over NetworkParts. */
extern const Field network_fields[];

/* An input's shape from the numbers that users give: {channels, height, width},
 * {height, width} for one channel, or {features}. */
bool network_read_input(const double *numbers, size_t count, Shape *input, Error *err);

/* Refuse more layers than any network has: callers ask before they make them. */
bool network_count_layers(size_t count, Error *err);

/* Sizes of inputs follow from the layer before. Sizes that do not fit and repeated names are errors
 * that say which layer. */
Network *network_build(const NetworkParts *parts, Error *err);

/* network_build of what a description says; its seed and limit are those of `parts`. */
Network *network_build_described(const cJSON *description, const NetworkParts *parts, Error *err);

#endif
