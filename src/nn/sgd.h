/* sgd.h — stochastic gradient descent with momentum and weight decay, PyTorch's update:
 *
 *     d = gradient + weight_decay · w
 *     velocity = momentum · velocity + d
 *     w = w − lr · velocity
 */
#ifndef PERIGEE_NN_SGD_H
#define PERIGEE_NN_SGD_H

#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct Sgd {
    double lr, momentum, weight_decay;
    size_t count;
    float *velocity; /* count numbers, owned */
} Sgd;

/* For `count` weights, at rest; lr, momentum and weight_decay are there already. */
bool sgd_init(Sgd *sgd, size_t count, Error *err);
void sgd_clear(Sgd *sgd);

/* One step; the gradient is the sum of `parts` vectors, added in their order. */
void sgd_step(Sgd *sgd, const float *const *gradient, size_t parts, float *weights);

#endif
