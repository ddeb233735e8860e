/* unit_step.h — from a gradient to a step of length 1 in a norm. */
#ifndef PERIGEE_ATTACK_UNIT_STEP_H
#define PERIGEE_ATTACK_UNIT_STEP_H

#include "attack/attack.h"

/* The rule that goes with a norm: the step of that length along which a linear function changes
 * most; for l1 over the largest components instead of one. */
StepRule step_rule_of(Norm norm);

/* Components of a descent along g that lead out of the box at x become 0. */
void drop_outward(const Constraint *constraint, const float *x, double *g);

/* g (n numbers) becomes the step along it: its l2 norm, largest component or sum of components
 * is 1. Of STEP_LARGEST `largest` components stay, all of the same size. STEP_RAW leaves g as it
 * is; so does a gradient of zeros. */
typedef struct UnitStep {
    StepRule rule;
    size_t largest;
} UnitStep;
void unit_step(UnitStep step, size_t n, double *g);

/* How many components a step shall have where so many are asked for: a twentieth of the features at
 * most. Many find the way on images; but the least of a linear loss on the l1 ball lies at the end
 * of one. */
size_t step_components(int largest, size_t features);

#endif
