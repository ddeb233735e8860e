#include "nn/optimizer.h"

#include "core/denormals.h"
#include "core/fail.h"
#include "core/parallel.h"
#include "core/simd.h"

#include <math.h>
#include <stdlib.h>

/* A block at a time, so that the sum of the parts stays in the first cache. */
enum { BLOCK = 1024, PIECE = 8 * BLOCK };

bool optimizer_init(Optimizer *optimizer, size_t count, Error *err) {
    bool adam = optimizer->kind != OPTIMIZER_SGD, clips = optimizer->clip > 0;
    size_t room = count ? count : 1;
    optimizer->count = count;
    optimizer->moment = calloc(room, sizeof *optimizer->moment);
    optimizer->square = adam ? calloc(room, sizeof *optimizer->square) : NULL;
    optimizer->lengths =
        clips ? malloc((parallel_pieces(count, PIECE) + 1) * sizeof *optimizer->lengths) : NULL;
    return (optimizer->moment && (optimizer->square || !adam) && (optimizer->lengths || !clips)) ||
           error_memory(err, "train", room * sizeof *optimizer->moment);
}

void optimizer_clear(Optimizer *optimizer) {
    free(optimizer->moment);
    free(optimizer->square);
    free(optimizer->lengths);
    optimizer->moment = optimizer->square = NULL;
    optimizer->lengths = NULL;
}

typedef struct Step {
    const Optimizer *optimizer;
    const float *const *gradient;
    size_t parts;
    float *weights;
    float scale;        /* of the gradient: 1, or what makes it short enough */
    float rate, spread; /* Adam's: lr / (1 − beta1^t), and 1 / √(1 − beta2^t) */
} Step;

/* The gradient of a block with what decays of its weights. */
SIMD_CLONES
static void block_gradient(const Step *step, size_t first, size_t count, float *sum) {
    const Optimizer *optimizer = step->optimizer;
    bool apart = optimizer->kind == OPTIMIZER_ADAMW;
    float decay = apart ? 0 : (float)optimizer->weight_decay;
    const float *weights = step->weights + first;
    float scale = step->scale;
    for (size_t i = 0; i < count; i++)
        sum[i] = 0;
    for (size_t p = 0; p < step->parts; p++)
        for (size_t i = 0; i < count; i++)
            sum[i] += step->gradient[p][first + i];
    for (size_t i = 0; i < count; i++)
        sum[i] = scale * sum[i] + decay * weights[i];
}

SIMD_CLONES
static void sgd_block(const Step *step, size_t first, size_t count, const float *sum) {
    const Optimizer *optimizer = step->optimizer;
    float lr = (float)optimizer->lr, momentum = (float)optimizer->momentum;
    float *velocity = optimizer->moment + first, *weights = step->weights + first;
    if (optimizer->nesterov)
        for (size_t i = 0; i < count; i++) {
            velocity[i] = momentum * velocity[i] + sum[i];
            weights[i] -= lr * (sum[i] + momentum * velocity[i]);
        }
    else
        for (size_t i = 0; i < count; i++) {
            velocity[i] = momentum * velocity[i] + sum[i];
            weights[i] -= lr * velocity[i];
        }
}

SIMD_CLONES
static void adam_block(const Step *step, size_t first, size_t count, const float *sum) {
    const Optimizer *optimizer = step->optimizer;
    bool apart = optimizer->kind == OPTIMIZER_ADAMW;
    float beta1 = (float)optimizer->beta1, beta2 = (float)optimizer->beta2;
    float other1 = (float)(1 - optimizer->beta1), other2 = (float)(1 - optimizer->beta2);
    float kept = apart ? (float)(1 - optimizer->lr * optimizer->weight_decay) : 1;
    float epsilon = (float)optimizer->epsilon, rate = step->rate, spread = step->spread;
    float *moment = optimizer->moment + first, *square = optimizer->square + first;
    float *weights = step->weights + first;
    for (size_t i = 0; i < count; i++) {
        moment[i] = beta1 * moment[i] + other1 * sum[i];
        square[i] = beta2 * square[i] + other2 * sum[i] * sum[i];
        weights[i] = kept * weights[i] - rate * moment[i] / (sqrtf(square[i]) * spread + epsilon);
    }
}

static void step_some(void *context, size_t first, size_t last, int worker) {
    const Step *step = context;
    float sum[BLOCK];
    DenormalMode caller = denormals_flush();
    (void)worker;
    for (; first < last; first += BLOCK) {
        size_t count = last - first < BLOCK ? last - first : BLOCK;
        block_gradient(step, first, count, sum);
        (step->optimizer->kind == OPTIMIZER_SGD ? sgd_block : adam_block)(step, first, count, sum);
    }
    denormals_restore(caller);
}

static void measure_some(void *context, size_t first, size_t last, int worker) {
    const Step *step = context;
    double *length = &step->optimizer->lengths[first / PIECE];
    float sum[BLOCK];
    DenormalMode caller = denormals_flush();
    (void)worker;
    *length = 0;
    for (; first < last; first += BLOCK) {
        size_t count = last - first < BLOCK ? last - first : BLOCK;
        block_gradient(step, first, count, sum);
        for (size_t i = 0; i < count; i++)
            *length += (double)sum[i] * (double)sum[i];
    }
    denormals_restore(caller);
}

/* What makes the gradient as long as it may be, as torch.nn.utils.clip_grad_norm_ has it. */
static float clipping(const Step *step) {
    const Optimizer *optimizer = step->optimizer;
    Optimizer bare = *optimizer;
    Step measured = *step;
    double squared = 0;
    bare.weight_decay = 0;
    measured.optimizer = &bare;
    parallel_for(optimizer->count, PIECE, measure_some, &measured);
    for (size_t p = 0; p < parallel_pieces(optimizer->count, PIECE); p++)
        squared += optimizer->lengths[p];
    double scale = optimizer->clip / (sqrt(squared) + 1e-6);
    return scale < 1 ? (float)scale : 1;
}

void optimizer_step(Optimizer *optimizer, const float *const *gradient, size_t parts,
                    float *weights) {
    Step step = {
        .optimizer = optimizer, .gradient = gradient, .parts = parts, .weights = weights, .scale = 1
    };
    double t = ++optimizer->steps;
    step.rate = (float)(optimizer->lr / (1 - pow(optimizer->beta1, t)));
    step.spread = (float)(1 / sqrt(1 - pow(optimizer->beta2, t)));
    if (optimizer->lengths)
        step.scale = clipping(&step);
    parallel_for(optimizer->count, PIECE, step_some, &step);
}
