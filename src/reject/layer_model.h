/* layer_model.h — a classifier on one layer of a net, as a classifier of the net's own inputs.
 *
 * scores(x) = the classifier's scores of the layer's flattened output; the gradient goes through
 * the classifier and then back through the net. With an SVM on the last layer and a threshold on
 * top (an Nr) this is neural rejection. The net is used as it is: fitting fits the classifier
 * alone. */
#ifndef PERIGEE_REJECT_LAYER_MODEL_H
#define PERIGEE_REJECT_LAYER_MODEL_H

#include "nn/network.h"

typedef struct LayerModel LayerModel; /* starts with a Model */

/* What reject.layer takes. */
typedef struct LayerParts {
    Network *net;
    const char *layer;
    Model *classifier;
} LayerParts;
extern const Fields layer_fields;

/* Retains both. Fitted if the classifier is, which must then take the layer's output size. */
LayerModel *layer_model_new(Network *net, const char *layer, Model *classifier, Error *err);

Network *layer_model_net(const LayerModel *model);      /* borrowed */
Model *layer_model_classifier(const LayerModel *model); /* borrowed */
const char *layer_model_layer(const LayerModel *model);

extern const ModelKind layer_model_kind;

#endif
