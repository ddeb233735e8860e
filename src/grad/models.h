/* models.h — classifiers as operations: their scores, and what a net's layers make, go back by the
 * models' own gradients, in one reverse pass.
 *
 * What the way back needs is made beside the forward pass: the attributes of the node that the
 * operations "scores" and "forward" of the table are recorded with. */
#ifndef PERIGEE_GRAD_MODELS_H
#define PERIGEE_GRAD_MODELS_H

#include "core/batch.h"
#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct Model Model;
typedef struct Network Network;

/* The scores (n × columns) of the batch, whose rows are those of x, contiguous float32, which is
 * shared. NULL on failure; the attributes are malloc'd, and end by the operation's `forget`. */
void *model_scores_recorded(Model *model, const Array *x, const Batch *batch, double *scores,
                            Error *err);

/* What the net makes of the batch at these layers (n × each one's output size). */
typedef struct LayerOutputs {
    const Array *x; /* as above */
    const size_t *layer;
    size_t count;
    float *const *output;
} LayerOutputs;
void *network_outputs_recorded(Network *net, const Batch *batch, const LayerOutputs *wanted,
                               Error *err);

/* Rows that a model makes of the batch beside its scores, and its own way back from them:
 * gradient = what the weights dz of these rows give, n × features. */
typedef struct RowsPull {
    const Batch *batch;
    const float *dz;
    float *gradient;
} RowsPull;
typedef struct ModelRows {
    Model *model;
    const Array *x; /* as above */
    const Batch *batch;
    bool (*backward)(Model *model, const RowsPull *pull, Error *err);
} ModelRows;
void *model_rows_recorded(const ModelRows *rows, Error *err);

#endif
