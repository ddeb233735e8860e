/* network_impl.h — a Network's inside, for the files of this room: network_build.c builds,
 * network_json.c describes, tile.c and pass.c run, train.c trains, network_model.c is the Model.
 *
 * Work on a batch is cut into tiles of a few samples, which follow from the network alone: a worker
 * carries one through all layers, so that its activations stay in the processor's cache.
 *
 * Where layers are hosted (layer.h) a batch's activations are all kept, and tiles go from one such
 * layer to the next: it takes the whole batch in between, on the main thread. */
#ifndef PERIGEE_NN_NETWORK_IMPL_H
#define PERIGEE_NN_NETWORK_IMPL_H

#include "model.h"
#include "nn/gradient_parts.h"
#include "nn/layer.h"
#include "nn/train_params.h"
#include "nn/wiring.h"

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

/* What a worker needs for one tile: the arena, two gradients to go back and forth between, those
 * that wait, a layer's scratch. Allocated once and kept; used by one call at a time. */
typedef struct Workspace {
    float *memory; /* what malloc gave */
    float *arena, *gradient[2], *scratch;
    float *waiting; /* net->depth gradients, of residuals (forks.h) */
} Workspace;

struct Network {
    Model model; /* first: a Network is a Model */
    Shape input;
    Layer **layer;
    Wire *wire; /* how they hang together: one for each */
    size_t layers;
    size_t depth;         /* residuals in residuals, at most */
    size_t largest;       /* numbers in the largest activation */
    size_t scratch;       /* floats, the most that a layer asks for */
    size_t parameters;    /* in all */
    bool hosted;          /* some layers are */
    bool whole_batch;     /* some take a batch of training as a whole */
    bool buffers;         /* some parameters are not trained */
    bool busy;            /* and one of them may be at work: no other pass now */
    bool training;        /* network_train is at work: no other training now */
    float *weights;       /* each layer's part in turn */
    float *prepared;      /* what layers prepare of them, for backward */
    bool fresh;           /* it is that of the present weights */
    uint64_t seed;        /* of the first weights */
    Plan pass, keep;      /* forward only, two places in turns; everything kept for backward */
    size_t tile;          /* samples in a tile: 1 to 16 */
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

/* Copy the buffers' numbers, and nothing else, from one vector of weights to another. */
void network_copy_buffers(const Network *net, const float *from, float *to);

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
    size_t begin, end;   /* layers begin … end−1 are run */
    bool first;          /* of those whose gradients of the weights are summed */
} TileRun;

float *tile_activation(const Network *net, const TileRun *run, size_t activation);

/* The call of layer l forward, in a run of these samples; `tile` is filled in for it. */
LayerCall tile_call(const Network *net, const TileRun *run, size_t l, Tile *tile);

/* Copy layer l's output, which is there, to the taps that want it. */
void tile_give(const Network *net, const TileRun *run, const Taps *taps, size_t l);

/* Run the layers forward; after each, copy its output to the taps that want it, if any. */
void tile_forward(const Network *net, const TileRun *run, const Taps *taps);

/* What enters a tile at the outputs of tapped layers, channel-first, and where it goes. Above and
 * below are the whole arena's samples, in the layers' order. */
typedef struct TileGradients {
    const Taps *taps;
    const float *const *gradient; /* one per tap; NULL entries are zero */
    const float *above; /* the slope of the output of the last layer that is run, or NULL */
    float *below;       /* where that of the first one's input goes, or NULL */
    float *dx;          /* the tile's own n × features, channel-first, or NULL */
    float *dweights;    /* the whole vector, added to (by the first tile: written), or NULL */
} TileGradients;

/* The gradient of a layer's output; nothing is there before something has entered. */
typedef struct Slope {
    size_t layer;
    float *values; /* in the layers' order */
    bool started;
} Slope;

/* Add what enters there by the taps. */
void tile_enter(const Network *net, const TileRun *run, const TileGradients *gradients,
                Slope *slope);

/* Layers below this one need no gradient: the lowest with parameters, where only weights are
 * wanted. */
size_t network_lowest(const Network *net, bool input_wanted);

/* The reverse pass of a tile that was run with the keep plan. */
void tile_backward(const Network *net, const TileRun *run, const Workspace *space,
                   const TileGradients *gradients);

/* ---- Whole batches --------------------------------------------------------------------------- */

/* Rows of a batch that a pass through a net with hosted layers takes at a time, where it may
 * choose. */
size_t network_whole_rows(const Network *net);

/* A loss of the logits of a whole batch (n × outputs): its gradient goes into slopes. */
typedef bool LogitsLoss(void *context, const float *logits, float *slopes, Error *err);

/* Floats from the pool, which the passes of a training hand on to one another: those of a large
 * batch are more than the pool keeps, and a new block's pages would be cleared every time. */
typedef struct PassBlock {
    float *floats;
    size_t capacity; /* as the pool says it */
} PassBlock;

/* What a pass through a whole batch lives in: its activations, and the slopes on the way back. All
 * NULL at first. */
typedef struct PassRoom {
    PassBlock arena, slopes;
} PassRoom;

void pass_room_clear(PassRoom *room);

/* A batch of training, with dropout by its seed. */
typedef struct TrainingBatch {
    const float *x; /* n × features, channel-first */
    size_t n;
    uint64_t seed;
    LogitsLoss *loss;
    void *context;
    PassRoom *room; /* for one pass after the other */
} TrainingBatch;

/* The gradient of the loss with respect to the weights, as the sum over the first
 * parallel_pieces(n, parts->rows) of parts->vector: a forward pass that keeps every activation of
 * the batch, the loss on the main thread, a reverse pass. `parts` is for batches of n samples or
 * more; cross-entropy gives the same bits as tile by tile. An interrupt of a long batch is
 * ERROR_INTERRUPTED; on failure parts->vector holds anything. */
bool network_pass_gradients(Network *net, const TrainingBatch *batch, const GradientParts *parts,
                            Error *err);

#endif
