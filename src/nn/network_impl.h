/* network_impl.h — a Network's inside, for the files of this room: network_build.c builds,
 * network_json.c describes, pass.c runs, train.c trains, network_model.c is the Model.
 *
 * Work on a batch is cut into tiles of a few samples, which follow from the network alone: a worker
 * carries one through all layers, so that its activations stay in the processor's cache. */
#ifndef PERIGEE_NN_NETWORK_IMPL_H
#define PERIGEE_NN_NETWORK_IMPL_H

#include "model.h"
#include "nn/layer.h"
#include "nn/train_params.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Network Network;
typedef struct Taps Taps;

/* Where activations lie in an arena for `capacity` samples: activation a (0 is the input, l + 1 the
 * output of layer l) of sample i starts at offset[a]·capacity + i·its size. A layer that works in
 * place shares its input's offset. */
typedef struct Plan {
    size_t *offset;    /* layers + 1 */
    size_t per_sample; /* floats of arena a sample needs */
} Plan;

/* What a worker needs for one tile: the arena, two gradients to go back and forth between, a
 * layer's scratch. Allocated once and kept; used by one call at a time. */
typedef struct Workspace {
    float *memory; /* what malloc gave */
    float *arena, *gradient[2], *scratch;
} Workspace;

struct Network {
    Model model; /* first: a Network is a Model */
    Shape input;
    Layer **layer;
    size_t layers;
    size_t largest;       /* numbers in the largest activation */
    size_t scratch;       /* floats, the most that a layer asks for */
    size_t parameters;    /* in all */
    float *weights;       /* each layer's part in turn */
    float *prepared;      /* what layers prepare of them, for backward */
    bool fresh;           /* it is that of the present weights */
    uint64_t seed;        /* of the first weights */
    Plan pass, keep;      /* forward only, two places in turns; everything kept for backward */
    size_t tile;          /* samples in a tile: 1, 2, 4, 8 or 16 */
    Workspace *workspace; /* one per worker */
    int workspaces;
    TrainParams params; /* of fit */
    cJSON *record;      /* how it was trained; NULL if not */
};

enum { NETWORK_TILE_MOST = 16 };

/* Multiples of a cache line, so that every activation of a full tile starts on one. */
static inline size_t network_rounded(size_t floats) {
    return (floats + 15) / 16 * 16;
}

/* To be called whenever the weights have changed. */
void network_weights_changed(Network *net);

/* Draw all weights anew: uniform in ±1/√fan_in (PyTorch's default). */
void network_draw_weights(Network *net, uint64_t seed);

/* Before any pass: see to a workspace for every worker and to what the layers prepare. */
bool network_ready(Network *net, Error *err);

/* The activations of one tile in an arena: activation a at tile_activation(…, a). */
typedef struct TileRun {
    Tile tile;
    const Plan *plan;
    float *arena;
    size_t capacity, at; /* the arena's; the tile's first sample in it */
    const float *input;  /* used instead of activation 0, or NULL */
    size_t row;          /* of the tile's first sample in what taps give and take */
    size_t end;          /* layers 0 … end−1 are run */
    bool first;          /* of those whose gradients of the weights are summed */
} TileRun;

float *tile_activation(const Network *net, const TileRun *run, size_t activation);

/* Run the layers forward; after each, copy its output to the taps that want it, if any. */
void tile_forward(const Network *net, const TileRun *run, const Taps *taps);

/* What enters a tile at the outputs of tapped layers, channel-first, and where it goes. */
typedef struct TileGradients {
    const Taps *taps;
    const float *const *gradient; /* one per tap; NULL entries are zero */
    float *dx;                    /* the tile's own n × features, channel-first, or NULL */
    float *dweights; /* the whole vector, added to (by the first tile: written), or NULL */
} TileGradients;

/* The reverse pass of a tile that was run with the keep plan. */
void tile_backward(const Network *net, const TileRun *run, const Workspace *space,
                   const TileGradients *gradients);

#endif
