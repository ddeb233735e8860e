/* preprocess.h — a model behind a function of its samples: scores(x) = the model's scores(f(x)).
 *
 * f is somebody else's (written in Lua): whole batches on the main thread, by calls that may fail.
 * Gradients and ascents are the model's at f(x), pulled back by f's own pullback, which need not be
 * f's derivative (BPDA: it then says that it is a surrogate). */
#ifndef PERIGEE_REJECT_PREPROCESS_H
#define PERIGEE_REJECT_PREPROCESS_H

#include "classic/front.h"

typedef struct Preprocess Preprocess; /* starts with a Model */

typedef struct PreprocessParts {
    Model *model;
    const PreprocessCalls *calls;
    void *context;   /* retained */
    size_t features; /* of a sample before f; 0: the first batch decides */
} PreprocessParts;

/* Retains the model. Fitted if the model is; fitting it fits the model to f of the samples. All
 * hyperparameters are the model's. Scores are refused once the model inside was fitted anew, by
 * itself, for other classes. It has code, and cannot be saved. */
Preprocess *preprocess_new(const PreprocessParts *parts, Error *err);

Model *preprocess_model(const Preprocess *self); /* borrowed */
void *preprocess_context(const Preprocess *self);

extern const ModelKind preprocess_kind;

#endif
