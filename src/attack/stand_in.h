/* stand_in.h — a model in another's place, with its name and the classes that it has now: what asks
 * the other in a way of its own begins with one. */
#ifndef PERIGEE_ATTACK_STAND_IN_H
#define PERIGEE_ATTACK_STAND_IN_H

#include "model.h"

#include <stddef.h>

typedef struct StandIn {
    Model base;
    ModelKind kind; /* its own: the other's name, and how long its batches are */
    Model *of;
} StandIn;

/* A struct of so many bytes, zeros behind the StandIn that it begins with, for a fitted model,
 * which it retains; what it can do is the kind's. Released as any model is. */
Model *stand_in_new(size_t bytes, Model *of, const ModelKind *kind, Error *err);

#endif
