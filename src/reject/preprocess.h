/* preprocess.h — a model behind a function of its samples: scores(x) = the model's scores(f(x)).
 *
 * f is somebody else's (written in Lua): whole batches on the main thread, by calls that may fail.
 * Gradients and ascents are the model's at f(x), pulled back by f's own pullback, which need not be
 * f's derivative (BPDA: it then says that it is a surrogate). */
#ifndef PERIGEE_REJECT_PREPROCESS_H
#define PERIGEE_REJECT_PREPROCESS_H

#include "model.h"

typedef struct Preprocess Preprocess; /* starts with a Model */

/* What f made of a batch: n rows of its own number of features. `kept` owns them. */
typedef struct Preprocessed {
    const float *y;
    size_t features;
    void *kept;
} Preprocessed;

typedef struct PreprocessCalls {
    /* y = f(x); with `back`, pull may be asked for. The answer is forgotten in any case. */
    bool (*forward)(void *context, const Batch *x, bool back, Preprocessed *y, Error *err);
    /* dx (n × the batch's features) from dy (n × y's): as often as wanted. */
    bool (*pull)(const Preprocessed *y, const float *dy, float *dx, Error *err);
    void (*forget)(Preprocessed *y); /* one that was never filled is fine */
    void *(*retain)(void *context);
    void (*release)(void *context);
} PreprocessCalls;

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
