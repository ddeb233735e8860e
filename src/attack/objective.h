/* objective.h — the loss that attacks minimise, from one row of a model's scores.
 *
 *     error-generic   loss = s_k − s_c   k: the true class, or the reject class where the sample is
 *                                        rejected; c: the best class other than the true one
 *     targeted at t   loss = s_k − s_t   k: the best column but t, the reject column included
 *
 * Negative (error-generic): accepted and wrong. Negative (targeted): accepted as t. The gradient is
 * that of the k and c of the point where it is taken; the reject score's own is zero.
 * (Melis et al., "Is deep learning safe for robot vision?", ICCV workshops 2017; Sotgiu et al.
 * 2020.) */
#ifndef PERIGEE_ATTACK_OBJECTIVE_H
#define PERIGEE_ATTACK_OBJECTIVE_H

#include "model.h"

/* What is wanted of one sample, in columns of the scores. */
typedef struct Goal {
    size_t truth;     /* the true class's column */
    ptrdiff_t target; /* the wanted class's column, or −1 for error-generic */
} Goal;

/* The two columns whose difference is the loss. */
typedef struct Margin {
    size_t k, c;
} Margin;

Margin objective_margin(const Model *model, const double *scores, Goal goal);
double objective_loss(const Model *model, const double *scores, Goal goal);

/* The weights whose gradient is the loss's: 1 at k, −1 at c, 0 for the reject column. */
void objective_weights(const Model *model, const double *scores, Goal goal, double *weights);

/* Is the goal reached: accepted as the target, or (error-generic) accepted and wrong? */
bool objective_reached(const Model *model, const double *scores, Goal goal);

/* Every class score is a finite number, and the reject score is one or −inf (nothing is rejected).
 */
bool objective_is_sound(const Model *model, const double *scores);

#endif
