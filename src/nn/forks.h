/* forks.h — slopes where a network's ways part and meet again, on the way back.
 *
 * The slope of a residual's sum goes into both of its ways. The list of layers (container.h) has
 * the shortcut behind the body, so that one is gone back through first, while the slope for the
 * body waits; then the shortcut's slope waits until the body's arrives at the same place, and both
 * are added. One buffer waits per residual that is open. */
#ifndef PERIGEE_NN_FORKS_H
#define PERIGEE_NN_FORKS_H

#include "nn/network_impl.h"

/* A residual that the way back is in. */
typedef struct Fork {
    size_t first, until; /* its first layer; where the present way ends: there, or the shortcut's */
    float *waiting;
    bool started; /* something waits */
} Fork;

typedef struct Forks {
    Fork open[CONTAINER_DEPTH];
    float
        *buffer[CONTAINER_DEPTH]; /* for those that are not open: slopes change places with them */
    int count;
} Forks;

/* Into room for net->depth slopes of `floats` numbers each. */
void forks_start(Forks *forks, const Network *net, float *room, size_t floats);

/* At residual l, whose slope of `rows` samples is there. */
void forks_part(Forks *forks, const Network *net, size_t rows, const Slope *slope);

/* The slope has come to what layer l reads. It may change places with one that waits. */
void forks_arrive(Forks *forks, const Network *net, size_t rows, size_t l, Slope *slope);

#endif
