/* gradient_step.h — one step of fixed length against the gradient, for all active rows at once.
 *
 *     x ← box(ball(x − eta · s)),  s: the gradient by a StepRule */
#ifndef PERIGEE_ATTACK_GRADIENT_STEP_H
#define PERIGEE_ATTACK_GRADIENT_STEP_H

#include "attack/descent.h"

/* With params->step as it is resolved, and each row's eta. */
bool gradient_step(Descent *descent, Error *err);

/* What an attack of such steps resolves: step, schedule and eta follow from norm and dmax. */
bool gradient_step_resolve(AttackParams *params, const char *where, Error *err);

#endif
