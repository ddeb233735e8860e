/* front.h — a model behind a function of its samples: scores(x) = the model's scores(f(x)).
 *
 * What a pipeline of fitted steps and a function written in Lua (reject/preprocess.h) share: the
 * way there and back, an ascent's too. f takes whole batches on the main thread, by calls that may
 * fail. Gradients and ascents are the model's at f(x), pulled back by f's own pullback. */
#ifndef PERIGEE_CLASSIC_FRONT_H
#define PERIGEE_CLASSIC_FRONT_H

#include "model.h"

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

typedef struct Front {
    Model base;
    Model *model;
    const PreprocessCalls *calls;
    void *context; /* what `calls` are given */
} Front;

/* The entries of a kind that has a Front at its start. Scores are refused once the model inside has
 * other classes than when they were taken. */
#define FRONT_KIND                                                                                 \
    .scores = front_scores, .one_pass = true, .gradient = front_gradient,                          \
    .forward = front_forward, .backward = front_backward, .forget = front_forget,                  \
    .ascent = front_ascent, .input_shape = front_input_shape

bool front_scores(Model *base, const Batch *batch, double *scores, Error *err);
bool front_gradient(Model *base, const Batch *batch, const GradientRequest *request, Error *err);
bool front_forward(ModelPass *pass, double *scores, Error *err);
bool front_backward(ModelPass *pass, const double *w, float *gradient, Error *err);
void front_forget(ModelPass *pass);
bool front_ascent(Model *base, const Batch *batch, const Ascent *ascent, Error *err);
/* f that keeps the number of features is taken to keep their order. */
Sizes front_input_shape(const Model *base);

/* Be fitted as the model inside is. */
bool front_take_classes(Front *self, Error *err);

/* f of all samples, piece by piece, for free(). */
float *front_rows(Front *self, const Samples *samples, size_t *features, Error *err);

#endif
