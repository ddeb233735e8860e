/* elementwise.h — the frame of layers that map every number by itself. A kind says what a few
 * numbers become and how steep that is; here are the loops over a call's numbers, a block at a
 * time, which is room enough on the stack for what lies in between. */
#ifndef PERIGEE_NN_ELEMENTWISE_H
#define PERIGEE_NN_ELEMENTWISE_H

#include "nn/layer.h"

enum { ELEMENTWISE_BLOCK = 512 };

/* y[i] from x[i], for at most ELEMENTWISE_BLOCK numbers; y may be x. */
typedef void ElementwiseValues(const Layer *layer, const float *x, float *y, size_t n);

/* slope[i] = dy/dx at number i, from what the kind reads in backward: y[i], or x[i]. */
typedef void ElementwiseSlopes(const Layer *layer, const float *at, float *slope, size_t n);

void elementwise_forward(const Layer *layer, const LayerCall *call, ElementwiseValues *values);
void elementwise_backward(const Layer *layer, const LayerCall *call, ElementwiseSlopes *slopes);

/* A kind's forward and backward, from its static values and slopes. */
#define ELEMENTWISE_FUNCTIONS                                                                      \
    static void forward(const Layer *layer, const LayerCall *call) {                               \
        elementwise_forward(layer, call, values);                                                  \
    }                                                                                              \
    static void backward(const Layer *layer, const LayerCall *call) {                              \
        elementwise_backward(layer, call, slopes);                                                 \
    }

#endif
