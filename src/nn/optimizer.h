/* optimizer.h — steps of training, as PyTorch makes them. With g the gradient (scaled down to the
 * length `clip` where it is longer), t the number of the step:
 *
 *     sgd     d = g + weight_decay · w,  v = momentum · v + d
 *             w = w − lr · v;  with nesterov  w = w − lr · (d + momentum · v)
 *     adam    d = g + weight_decay · w      adamw   d = g,  w = w − lr · weight_decay · w
 *             m = beta1 · m + (1 − beta1) · d,  s = beta2 · s + (1 − beta2) · d²
 *             w = w − lr / (1 − beta1^t) · m / (√(s / (1 − beta2^t)) + epsilon)
 */
#ifndef PERIGEE_NN_OPTIMIZER_H
#define PERIGEE_NN_OPTIMIZER_H

#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum OptimizerKind { OPTIMIZER_SGD, OPTIMIZER_ADAM, OPTIMIZER_ADAMW } OptimizerKind;

typedef struct Optimizer {
    int kind; /* OptimizerKind */
    double lr, momentum, weight_decay;
    bool nesterov;
    double beta1, beta2, epsilon;
    double clip; /* 0: the gradient may have any length */
    size_t count;
    double steps;           /* that were made */
    float *moment, *square; /* v or m, and Adam's s (NULL without): count numbers each, owned */
    double *lengths;        /* what clipping sums up in, or NULL */
} Optimizer;

/* For `count` weights, at rest; what can be chosen is there already. */
bool optimizer_init(Optimizer *optimizer, size_t count, Error *err);
void optimizer_clear(Optimizer *optimizer);

/* One step; the gradient is the sum of `parts` vectors, added in their order. */
void optimizer_step(Optimizer *optimizer, const float *const *gradient, size_t parts,
                    float *weights);

#endif
