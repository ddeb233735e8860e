#include "nn/sgd.h"

#include "core/fail.h"
#include "core/simd.h"

#include <stdlib.h>

bool sgd_init(Sgd *sgd, size_t count, double lr, double momentum, double weight_decay, Error *err) {
    float *velocity = calloc(count ? count : 1, sizeof *velocity);
    if (!velocity)
        return error_memory(err, "train", count * sizeof *velocity);
    *sgd = (Sgd){ lr, momentum, weight_decay, count, velocity };
    return true;
}

void sgd_clear(Sgd *sgd) {
    free(sgd->velocity);
    sgd->velocity = NULL;
}

/* A block at a time, so that the sum of the parts stays in the first cache. */
enum { BLOCK = 1024 };

SIMD_CLONES
static void step_block(const Sgd *sgd, const float *const *gradient, size_t parts, size_t first,
                       size_t count, float *weights) {
    float sum[BLOCK], lr = (float)sgd->lr, momentum = (float)sgd->momentum;
    float decay = (float)sgd->weight_decay, *velocity = sgd->velocity + first;
    weights += first;
    for (size_t i = 0; i < count; i++)
        sum[i] = decay * weights[i];
    for (size_t p = 0; p < parts; p++)
        for (size_t i = 0; i < count; i++)
            sum[i] += gradient[p][first + i];
    for (size_t i = 0; i < count; i++) {
        velocity[i] = momentum * velocity[i] + sum[i];
        weights[i] -= lr * velocity[i];
    }
}

void sgd_step(Sgd *sgd, const float *const *gradient, size_t parts, float *weights) {
    for (size_t first = 0; first < sgd->count; first += BLOCK) {
        size_t left = sgd->count - first;
        step_block(sgd, gradient, parts, first, left < BLOCK ? left : BLOCK, weights);
    }
}
