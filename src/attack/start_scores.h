/* start_scores.h — the scores of a double start's points, kept from one run of an attack to the
 * next: scoring thousands of points costs more than attacking one sample.
 *
 * They only choose where a second descent starts. So it is enough to look at a few of the points to
 * see whether they are the same, and whether the model has been trained anew since. */
#ifndef PERIGEE_ATTACK_START_SCORES_H
#define PERIGEE_ATTACK_START_SCORES_H

#include "model.h"

typedef struct StartScores StartScores;

StartScores *start_scores_new(void); /* NULL without memory */
void start_scores_free(StartScores *kept);

/* One run at a time has them: what on_step calls may run the same attack again, or close it. False:
 * another has them, until it gives them back; then those are freed that should have been meanwhile.
 */
bool start_scores_take(StartScores *kept);
void start_scores_give(StartScores *kept);

/* What is to be scored. */
typedef struct StartPoints {
    Model *model; /* whose scores they are, from run to run … */
    Model *asked; /* … and who gives them in this one (attacked.h) */
    Batch points;
    Progress *progress; /* or NULL */
} StartPoints;

/* Take those of start->model (n × columns, copied) that somebody has already: start->asked's bits.
 * False without memory. */
bool start_scores_know(StartScores *kept, const StartPoints *start, const double *scores,
                       Error *err);

/* The model's scores of the points (n × columns, owned by `kept`): those that are there if they are
 * still true, else new ones. NULL on failure; an interrupt is one (ERROR_INTERRUPTED). */
const double *start_scores_of(StartScores *kept, const StartPoints *start, Error *err);

#endif
