/* descent_score.c — scores and losses of points, and what they are counted as. */
#include "attack/descent.h"
#include "attack/descent_inside.h"
#include <string.h>

/* As many answers of the model in one of these counts of the row, each a mean of several. */
static void count_answers(const Descent *descent, int32_t *count, size_t row, size_t answers) {
    size_t queries = answers * (size_t)descent->problem->params->samples;
    count[row] += (int32_t)queries;
    if (descent->left)
        descent->left[descent->sample[row]] -= queries;
}

void descent_count_scores(const Descent *descent, size_t row, size_t count) {
    count_answers(descent, descent->score_count, row, count);
}

/* Not of a row that could not pay in the middle of a step, and stops: it gets nothing. */
static bool pays(const Descent *descent, size_t row) {
    return descent->stop[row] != STOP_MAX_QUERIES;
}

void descent_count_active_scores(const Descent *descent) {
    for (size_t a = 0; a < descent->active_count; a++)
        if (pays(descent, descent->active[a]))
            descent_count_scores(descent, descent->active[a], 1);
}

void descent_count_active_gradients(const Descent *descent) {
    for (size_t a = 0; a < descent->active_count; a++)
        if (pays(descent, descent->active[a]))
            count_answers(descent, descent->gradient_count, descent->active[a], 1);
}

/* Whose the trial points are. */
void descent_name_trials(Descent *descent, const Trials *trials) {
    for (size_t i = 0; i < trials->count * trials->per; i++) {
        size_t place = i / trials->per;
        size_t row = descent->active[trials->place ? trials->place[place] : place];
        descent->trial_goal[i] = descent->goal[row];
        descent->trial_sample[i] = descent->sample[row];
    }
}

/* Of the first n rows of trial_scores, whose goals and samples are beside them. */
LossRequest descent_trial_request(const Descent *descent, size_t n) {
    return (LossRequest){ .n = n,
                          .scores = descent->trial_scores,
                          .goal = descent->trial_goal,
                          .sample = descent->trial_sample,
                          .loss = descent->trial_loss };
}

/* The active rows' scores side by side in trial_scores, as trial points of their own. */
LossRequest descent_active_request(Descent *descent) {
    size_t columns = descent->problem->columns;
    descent_name_trials(descent, &(Trials){ NULL, descent->active_count, 1 });
    for (size_t a = 0; a < descent->active_count; a++)
        memcpy(descent->trial_scores + a * columns, descent->scores + descent->active[a] * columns,
               columns * sizeof(double));
    return descent_trial_request(descent, descent->active_count);
}

/* Losses of the trial points, one for each active row. */
bool descent_lose_trials(Descent *descent, Error *err) {
    LossRequest request = descent_trial_request(descent, descent->active_count);
    descent_name_trials(descent, &(Trials){ NULL, descent->active_count, 1 });
    return problem_losses(descent->problem, &request, err);
}

bool descent_score(Descent *descent, const Trials *trials, Error *err) {
    for (size_t i = 0; i < trials->count; i++)
        descent_count_scores(descent, descent->active[trials->place ? trials->place[i] : i],
                             trials->per);
    Points points = { descent->trial, trials->count * trials->per, descent->trial_scores };
    LossRequest request = descent_trial_request(descent, points.n);
    descent_name_trials(descent, trials);
    return problem_score(descent->problem, &points, err) &&
           problem_losses(descent->problem, &request, err);
}

bool descent_score_at(Descent *descent, const float *x, Error *err) {
    descent_count_active_scores(descent);
    Points points = { x, descent->active_count, descent->trial_scores };
    return problem_score(descent->problem, &points, err) && descent_lose_trials(descent, err);
}
