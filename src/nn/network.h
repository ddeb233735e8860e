/* network.h — a sequence of named layers, as a classifier (its scores are the last layer's output).
 *
 * Sizes and names are as users know them: inputs and layer outputs are flattened channel-first
 * (C, H, W), weights have PyTorch's layouts and names ("conv1.weight": out, in, kh, kw; linear:
 * out, in). How activations lie in memory inside a pass is the layers' own business. */
#ifndef PERIGEE_NN_NETWORK_H
#define PERIGEE_NN_NETWORK_H

#include "core/name_list.h"
#include "core/progress.h"
#include "core/types.h"
#include "data/safetensors.h"
#include "model.h"

#include <cjson/cJSON.h>

typedef struct Network Network; /* starts with a Model: (Model *)net is its base */

extern const ModelKind network_model_kind;

/* From a description: {"input": [1, 28, 28], "layers": [{"kind": "conv2d", "name": "conv1", "out":
 * 64, "kernel": 5, "stride": 2, "padding": 0}, …], "classes": [0, …]}. Sizes of inputs follow from
 * the layer before. Unknown kinds and keys, sizes that do not fit and repeated names are errors
 * that say which layer. Weights are drawn from `seed`. (From its parts: network_build.h.) */
Network *network_new(const cJSON *description, uint64_t seed, Error *err);

/* The description again, classes included: the caller's to delete, NULL without memory; and into an
 * object that is being written. */
cJSON *network_describe(const Network *net);
void network_describe_in(const Network *net, JsonNode to);
/* Does a description have a layer that is not built in? */
bool network_describes_own(const cJSON *description);

size_t network_layer_count(const Network *net);
const char *network_layer_name(const Network *net, size_t layer);
const char *network_layer_kind(const Network *net, size_t layer);
/* The layer's kind where its code is somebody else's (nn/layer.h), or NULL. */
const struct LayerKind *network_layer_hosted(const Network *net, size_t layer);
/* Numbers that training changes. */
size_t network_parameter_count(const Network *net, size_t layer);
size_t network_output_size(const Network *net, size_t layer);
/* Shape of one sample's output: 1 or 3 numbers into shape; returns how many. */
int network_output_shape(const Network *net, size_t layer, size_t shape[3]);
int network_input_shape(const Network *net, size_t shape[3]);

/* Do some layers have dotted names, as "layer1.0.conv1"? */
bool network_is_nested(const Network *net);

/* The 0-based layer of that name, or −1. Where nothing has the whole name, what stands in front of
 * it does not matter: "features:relu2" finds "relu2"; "features.relu2" too, but not in a nested
 * net, where it may be another layer's. */
ptrdiff_t network_find(const Network *net, const char *name);
/* The same where one has to be there: the error lists the net's layers. `where` is the user's
 * function. */
ptrdiff_t network_locate(const Network *net, const char *where, const char *name, Error *err);

/* Layers whose outputs a pass hands out. */
typedef struct Taps {
    const size_t *layer; /* their numbers, from 0 */
    size_t count;
    float *const *output; /* n × each one's output size, channel-first, the caller's memory; NULL:
                             the pass has its own */
} Taps;

/* A network holds the scratch memory of its passes: one call at a time, from the main thread. The
 * batch has the network's features. A Pass keeps its network alive and is good for as many reverse
 * passes as wanted, until the weights change.
 *
 * One forward pass that keeps what reverse passes need. */
typedef struct Pass Pass;
Pass *network_forward(Network *net, const Batch *batch, const Taps *taps, Error *err);
/* Forward only, into the memory that the taps name. */
bool network_outputs(Network *net, const Batch *batch, const Taps *taps, Error *err);
/* Output of tap t, n × network_output_size(net, tap[t]), channel-first. */
const float *pass_output(const Pass *pass, size_t t);
/* dx (n × features) = the sum over taps of gradient[t] (n × output size) pulled back to the input,
 * in one reverse pass; gradient[t] may be NULL for zero. */
bool pass_backward(Pass *pass, const float *const *gradient, float *dx, Error *err);
/* The same, with the gradient of the weights besides: one vector of network_vector_size(net)
 * numbers in the network's own order, read with network_parameter. dx and dweights may each be
 * NULL. */
typedef struct PassSlopes {
    float *dx, *dweights;
} PassSlopes;
bool pass_backward_weights(Pass *pass, const float *const *gradient, const PassSlopes *slopes,
                           Error *err);
void pass_free(Pass *pass);

/* The trainable arrays of a layer, and their names ("weight", "bias"). network_parameter copies one
 * out in PyTorch's layout: of the weights, or of a vector like them (a gradient). */
int network_parameters(const Network *net, size_t layer);
/* Is it a buffer (layer.h), of which there is no gradient? */
bool network_parameter_is_buffer(const Network *net, size_t layer, int p);
const char *network_parameter_name(const Network *net, size_t layer, int p);
Array *network_parameter(const Network *net, size_t layer, int p, const float *vector, Error *err);
size_t network_vector_size(const Network *net);

/* Fill or read the weights; names may carry a prefix such as "features." which is ignored in
 * loading. Every parameter must be found with its shape; on failure nothing has changed. Without a
 * prefix the file is another program's: a network without classes gets 0, 1, … for them.
 * network_load_file reads them from a safetensors file, in which layers may have other names. A
 * tensor that stands beside a layer's own but is none of them ("fc.bias" of a layer without) is an
 * error; with `strict`, whatever no layer takes, which otherwise is listed. */
typedef struct ForeignName {
    size_t layer;
    const char *name; /* "features.0" */
} ForeignName;

typedef struct WeightsFile {
    const char *path;
    const ForeignName *foreign;
    size_t foreigners;
    bool strict;
    NameList *left; /* empty before; NULL: nobody asks */
} WeightsFile;

bool network_load_weights(Network *net, const Tensors *tensors, const char *prefix, Error *err);
bool network_load_file(Network *net, const WeightsFile *file, Error *err);
bool network_save_weights(const Network *net, Tensors *tensors, const char *prefix, Error *err);

/* The model if it is a net, or NULL. */
Network *network_of(Model *model);

/* The part of that name, which has to be a net. */
Network *network_read_part(const ModelReader *from, const char *name, Error *err);

#endif
