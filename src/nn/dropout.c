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

static bool configure(Layer *layer, const cJSON *options, Error *err) {
    Dropout *dropout = (Dropout *)layer;
    return layer_option_number(options, "p", 0, 1, 0.5, &dropout->p, err);
}

static bool describe(const Layer *layer, cJSON *options) {
    return cJSON_AddNumberToObject(options, "p", ((const Dropout *)layer)->p) != NULL;
}

/* to = from with the dropped numbers 0. Layers differ by the place of their parameters and their
 * shape at most, so their names tell two dropouts apart. */
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

static void forward(const Layer *layer, const float *weights, const Tile *tile, const float *x,
                    float *y) {
    (void)weights;
    drop((const Dropout *)layer, tile, x, y);
}

static void backward(const Layer *layer, const float *weights, const Tile *tile, const float *x,
                     const float *y, const float *dy, float *dx, float *dweights) {
    (void)weights, (void)x, (void)y, (void)dweights;
    if (dx)
        drop((const Dropout *)layer, tile, dy, dx);
}

static const char *const keys[] = { "p", NULL };

const LayerKind dropout_kind = {
    .name = "dropout",
    .label = "dropout",
    .keys = keys,
    .size = sizeof(Dropout),
    .in_place = true,
    .configure = configure,
    .describe = describe,
    .forward = forward,
    .backward = backward,
};
