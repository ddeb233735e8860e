/* random_point.h — random points of the l1, l2 and linf balls, for restarts and for noise. */
#ifndef PERIGEE_ATTACK_RANDOM_POINT_H
#define PERIGEE_ATTACK_RANDOM_POINT_H

#include "attack/constraint.h"
#include "core/rng.h"

/* delta (n numbers): a random direction of norm 1. For l2 uniform on the sphere, for l1 uniform on
 * its faces, for linf a random corner. */
void random_direction(Norm norm, size_t n, Rng *rng, double *delta);

/* delta: uniform within the unit ball. */
void random_in_ball(Norm norm, size_t n, Rng *rng, double *delta);

#endif
