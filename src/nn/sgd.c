#include "nn/sgd.h"

#include "core/denormals.h"
#include "core/fail.h"
#include "core/parallel.h"
#include "core/simd.h"

#include <stdlib.h>

bool sgd_init(Sgd *sgd, size_t count, Error *err) {
    sgd->count = count;
    sgd->velocity = calloc(count ? count : 1, sizeof *sgd->velocity);
    return sgd->velocity || error_memory(err, "train", count * sizeof *sgd->velocity);
}

void sgd_clear(Sgd *sgd) {
    free(sgd->velocity);
    sgd->velocity = NULL;
}

/* A block at a time, so that the sum of the parts stays in the first cache. */
enum { BLOCK = 1024, PIECE = 8 * BLOCK };

typedef struct Step {
    const Sgd *sgd;
    const float *const *gradient;
    size_t parts;
    float *weights;
} Step;

SIMD_CLONES
static void step_block(const Step *step, size_t first, size_t count) {
    const Sgd *sgd = step->sgd;
    float sum[BLOCK], lr = (float)sgd->lr, momentum = (float)sgd->momentum;
    float decay = (float)sgd->weight_decay, *velocity = sgd->velocity + first;
    float *weights = step->weights + first;
    for (size_t i = 0; i < count; i++)
        sum[i] = decay * weights[i];
    for (size_t p = 0; p < step->parts; p++)
        for (size_t i = 0; i < count; i++)
            sum[i] += step->gradient[p][first + i];
    for (size_t i = 0; i < count; i++) {
        velocity[i] = momentum * velocity[i] + sum[i];
        weights[i] -= lr * velocity[i];
    }
}

static void step_some(void *context, size_t first, size_t last, int worker) {
    (void)worker;
    DenormalMode caller = denormals_flush();
    for (; first < last; first += BLOCK)
        step_block(context, first, last - first < BLOCK ? last - first : BLOCK);
    denormals_restore(caller);
}

void sgd_step(Sgd *sgd, const float *const *gradient, size_t parts, float *weights) {
    Step step = { sgd, gradient, parts, weights };
    parallel_for(sgd->count, PIECE, step_some, &step);
}
