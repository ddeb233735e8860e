/* dropout.c — in training each number is dropped with probability p and the kept ones are divided
 * by 1 − p; otherwise nothing happens. What is dropped follows from the batch's seed, the layer and
 * the sample's number in its batch, so that it does not depend on how a batch is cut into tiles,
 * and backward can draw it again instead of keeping it. */
#include "core/hash.h"
#include "core/rng.h"
#include "nn/layer.h"

#include <string.h>

typedef struct Dropout {
    Layer layer;
    double p;
} Dropout;

static const Field fields[] = {
    { "p", FIELD_NUMBER, offsetof(Dropout, p), 0, 1, FIELD_BELOW_HIGH,
      .meaning = "the share that is dropped" },
    LAYER_NAME,
    { .name = NULL },
};

static const Dropout initial = { .p = 0.5 };

/* to = from with the dropped numbers 0. Two dropout layers may be alike in everything else, so
 * their names tell them apart. */
static void drop(const Dropout *dropout, const Tile *tile, const float *from, float *to) {
    size_t size = shape_size(dropout->layer.out);
    if (!tile->training || dropout->p == 0) {
        if (from != to)
            memcpy(to, from, tile->n * size * sizeof *to);
        return;
    }
    uint64_t seed = tile->seed ^ hash_text(dropout->layer.name);
    float scale = (float)(1 / (1 - dropout->p));
    for (size_t i = 0; i < tile->n; i++) {
        Rng rng;
        rng_seed_part(&rng, seed, tile->first + i);
        for (size_t j = 0; j < size; j++, from++, to++)
            *to = rng_uniform(&rng) < dropout->p ? 0 : *from * scale;
    }
}

static void forward(const Layer *layer, const LayerCall *call) {
    drop((const Dropout *)layer, call->tile, call->x, call->y);
}

static void backward(const Layer *layer, const LayerCall *call) {
    if (call->dx)
        drop((const Dropout *)layer, call->tile, call->dy, call->dx);
}

const LayerKind layer_dropout = {
    .name = "dropout",
    .label = "dropout",
    .summary = "In training sets each number to 0 with probability p and divides the others by "
               "1 - p; else nothing.",
    .example = "print(nn.new { input = { 3 }, nn.dropout { p = 0.2 } })",
    .fields = { fields, &initial },
    .size = sizeof(Dropout),
    .in_place = true,
    .forward = forward,
    .backward = backward,
};
