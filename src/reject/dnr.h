/* dnr.h — deep neural rejection (A. Sotgiu et al., "Deep neural rejection against adversarial
 * examples", EURASIP J. on Information Security 2020:5).
 *
 * A classifier on each of several layers of a net, and a combiner on their scores side by side:
 *
 *     x → net ─┬ layer 1 → classifier 1 ─┐
 *              ├ layer 2 → classifier 2 ─┼ layer scores (float32) → combiner → class scores
 *              └ layer 3 → classifier 3 ─┘                                     threshold
 *
 * The threshold is the reject class's score, the last column. Classifiers and combiner are any
 * models that do not reject by themselves; the net is used as it is. One forward pass serves all
 * layers, and one reverse pass takes all their gradients back to x. */
#ifndef PERIGEE_REJECT_DNR_H
#define PERIGEE_REJECT_DNR_H

#include "nn/network.h"

typedef struct Dnr Dnr; /* starts with a Model */

typedef struct DnrParts {
    Network *net;
    size_t layers;
    const char *const *layer; /* names of the net's layers; the order of the combiner's inputs */
    Model *const *classifier; /* one per layer; NULL: a clone of the pattern */
    const Model *pattern;     /* or NULL */
    Model *combiner;
    double threshold;
    uint64_t seed; /* of the folds, where a fit is given none */
} DnrParts;

enum { DNR_FOLDS = 5 };

/* Layers that a DNR taps at most: names are looked up one by one. */
enum { DNR_LAYERS_MOST = 1024 };
bool dnr_count_layers(size_t count, Error *err);

/* What dnr.new takes, over DnrParts, and dnr:fit; objects that have no place there, and the folds,
 * are the caller's to read. */
extern const Fields dnr_fields, dnr_fit_fields;

/* Which of the parts' layers has that name; −1: none. */
ptrdiff_t dnr_part_layer(const DnrParts *parts, const char *name);

/* Retains the parts. Fitted if all of them are, and then their sizes must agree. Fails on layers
 * that the net does not have, that occur twice, or that are named like another part ("net",
 * "combiner"). */
Dnr *dnr_new(const DnrParts *parts, Error *err);

Network *dnr_net(const Dnr *dnr); /* borrowed, like all parts */
Model *dnr_combiner(const Dnr *dnr);
size_t dnr_layer_count(const Dnr *dnr);
const char *dnr_layer_name(const Dnr *dnr, size_t layer);
Model *dnr_layer_classifier(const Dnr *dnr, size_t layer);
ptrdiff_t dnr_find_layer(const Dnr *dnr, const char *name); /* or −1 */

double dnr_threshold(const Dnr *dnr);
bool dnr_set_threshold(Dnr *dnr, double threshold, Error *err);

/* Train on folds->samples; oof is not used. fold[i] is sample i's fold, any two or more integers
 * whatever folds->folds says: its layer scores,
 * from which the combiner learns, come from classifiers trained on the other folds; in the end each
 * layer's classifier is trained once more on everything. Training works on clones of the parts with
 * the same hyperparameters, which take their places when all is done: after a failure or an
 * interrupt (true is returned, progress_was_interrupted tells) the Dnr is what it was before. The
 * threshold stays. model_fit draws DNR_FOLDS stratified folds from the seed of dnr_new. */
bool dnr_fit(Dnr *dnr, const Folds *folds, Progress *progress, Error *err);

/* The combiner's inputs: n × dnr_layer_columns(dnr), the layers' scores side by side. */
size_t dnr_layer_columns(const Dnr *dnr);
bool dnr_layer_scores(Dnr *dnr, const Batch *batch, float *scores, Error *err);

/* gradient[i] = d(dz[i] · layer scores(x[i]))/dx, through all layers' classifiers and the net in
 * one reverse pass. */
typedef struct DnrPull {
    const float *dz; /* n × dnr_layer_columns(dnr) */
    float *gradient; /* out, n × features */
} DnrPull;
bool dnr_backward(Dnr *dnr, const Batch *batch, const DnrPull *pull, Error *err);

/* Hyperparameters of model_set and model_get: "threshold", "combiner.NAME" and "LAYER.NAME", NAME
 * being one of that part's own. They take effect with the next fit. */

extern const ModelKind dnr_kind;

#endif
