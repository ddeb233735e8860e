/* descent_inside.h — what the files of a descent (descent*.c) have from one another; attacks take
 * descent.h. */
#ifndef PERIGEE_ATTACK_DESCENT_INSIDE_H
#define PERIGEE_ATTACK_DESCENT_INSIDE_H

#include "attack/parts.h"

typedef struct Descent Descent;
typedef struct Path Path;
typedef struct Problem Problem;
typedef struct Trials Trials;

/* ---- Memory: descent_memory.c ---------------------------------------------------------------- */

/* Room for more points of a row's path. */
bool descent_grow_path(Path *path, const Problem *problem, Error *err);

/* ---- Scores and losses: descent_score.c ------------------------------------------------------ */

/* So many scores more of a row, of each active row, or a gradient of each: in its counts, and off
 * what its sample may still spend. */
void descent_count_scores(const Descent *descent, size_t row, size_t count);
void descent_count_active_scores(const Descent *descent);
void descent_count_active_gradients(const Descent *descent);

/* Fill trial_goal and trial_sample: whose the trial points are. */
void descent_name_trials(Descent *descent, const Trials *trials);

/* Of the first n rows of trial_scores, whose goals and samples are beside them; losses go into
 * trial_loss. */
LossRequest descent_trial_request(const Descent *descent, size_t n);

/* The same of where the active rows stand: their scores are laid side by side in trial_scores. */
LossRequest descent_active_request(Descent *descent);

/* Losses of the trial points that have been scored, one for each active row. */
bool descent_lose_trials(Descent *descent, Error *err);

/* ---- Stopping: descent_stop.c ---------------------------------------------------------------- */

/* Are the scores where the row stands all numbers? */
bool descent_is_sound(const Descent *descent, size_t row);

/* Has it reached its goal, and nothing more is wanted? */
bool descent_is_content(const Descent *descent, size_t row);

/* Why the row stops after this iteration, or −1. */
int32_t descent_reason_to_stop(const Descent *descent, size_t row);

/* Of one sample's rows, at places first … last − 1, all stop where one has reached the goal. */
void descent_stop_siblings(const Descent *descent, size_t first, size_t last);

/* Rows whose next iteration cannot be paid for stop, and leave the active list. */
void descent_stop_unpaid(Descent *descent);

/* Rows whose stop is set (0 or more) leave the active list; with `gradients` those of the others
 * move up with them. */
void descent_drop_stopped(Descent *descent, bool gradients);

#endif
