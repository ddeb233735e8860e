/* problem.h — what one run of an attack minimises: losses of rows of scores, by an objective of the
 * table (objective.h) or one from outside (parts.h), and what answers are worth. */
#ifndef PERIGEE_ATTACK_PROBLEM_H
#define PERIGEE_ATTACK_PROBLEM_H

#include "attack/attack.h"
#include "attack/objective.h"
#include "attack/parts.h"
#include "attack/verdict.h"

/* What stays the same over all descents of an attack. */
typedef struct Problem {
    const Attack *attack;
    const Objective *objective; /* unless the parts have one */
    const AttackParams *params; /* resolved */
    Constraint constraint;      /* but for dmax, which is a row's own: descent_constraint */
    Model *model;               /* what is attacked, or its means over several calls */
    size_t features, columns;
    Sizes shape;    /* of a sample: the model's, or the samples' own; flat where there is none */
    bool *ended;    /* set where on_step asks for the end of the run */
    char where[48]; /* "attack.pgd_exp", for messages */
} Problem;

/* The part, or NULL. */
#define PROBLEM_PART(problem, part)                                                                \
    ((problem)->params->parts ? (problem)->params->parts->part : NULL)

/* Points that are scored: n × features, and n × columns. */
typedef struct Points {
    const float *x;
    size_t n;
    double *scores; /* out */
} Points;

/* Scores of any points. A long batch is done in pieces (see model.h's
 * whole_batches); an interrupt between two of them is a failure: ask progress_interrupt_pending. */
bool problem_score(const Problem *problem, const Points *points, Error *err);

/* Losses of rows of scores, and with w their gradients; the request's model is the problem's. Where
 * scores are not finite the loss is infinite, so that no such point is better than any other, and
 * the gradient 0. Fails where an objective from outside does. */
bool problem_losses(const Problem *problem, const LossRequest *request, Error *err);

/* The goal of an answer: where every wrong class will do, the target only says the way. */
Goal problem_answer_goal(Goal goal);

/* Has a point with these scores reached it? */
bool problem_reached(const Problem *problem, const double *scores, Goal goal);

/* What answers with these scores are worth, n; the request says no w. loss is its scratch. */
bool problem_worths(const Problem *problem, const LossRequest *request, Worth *worth, Error *err);

/* Does the attack move along an ascent (model.h), and not along a gradient of losses or a direction
 * from outside? */
bool problem_ascends(const Problem *problem);

/* Scores and gradients that an iteration of one row takes at most, if the gradient of where it
 * stands has come with its scores, and if not. */
size_t problem_price(const Problem *problem, bool ahead);

#endif
