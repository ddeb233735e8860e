/* parts.h — parts of an attack that somebody else has written, in place of its own.
 *
 * They are asked about many rows at once, always by the thread that runs the attack, never by a
 * worker. Where one fails (false with err) the run fails as it does where the model does; after an
 * interrupt it keeps what it has. What is a success stays as it is: verdict.h. */
#ifndef PERIGEE_ATTACK_PARTS_H
#define PERIGEE_ATTACK_PARTS_H

#include "model.h"

/* Rows of scores whose losses are wanted: sound ones (objective.h). */
typedef struct LossRequest {
    const Model *model;
    size_t n;
    const double *scores; /* n × columns */
    const Goal *goal;     /* n: all have a target, or none has */
    const size_t *sample; /* n: whose they are, by number in the run's batch, from 0 */
    double *loss;         /* out, n: numbers; what is minimised */
    double *w;            /* out, n × columns: the gradient of each row's loss with respect to its
                             scores; NULL: not wanted */
} LossRequest;

/* The same rows where they stand, n × features, whose direction is wanted. */
typedef struct DirectionRequest {
    LossRequest at; /* loss is not there; w is, and is given */
    const float *x;
    size_t features, iteration; /* from 1 */
    float *direction; /* out, n × features: rows move against it, as against the loss's gradient */
} DirectionRequest;

struct Descent;

typedef struct AttackParts {
    void *context;

    /* The objective, a loss of each row's own. */
    bool (*losses)(void *context, const LossRequest *request, Error *err);

    /* What takes the place of the gradient of the losses with respect to the rows. */
    bool (*direction)(void *context, const DirectionRequest *request, Error *err);

    /* After every iteration of a descent (descent.h), which it does not change; *stop ends the
     * whole run with what it has. */
    bool (*on_step)(void *context, const struct Descent *descent, bool *stop, Error *err);
} AttackParts;

#endif
