/* descent.c — many rows descend in lockstep. One iteration of all that still move:
 *
 *     take_gradients   for all active rows in one pass, or already there: a step that moves to its
 *                      first trial points gets the next gradients out of the pass that scores them
 *                      (descent_gradient.c)
 *     attack->step     makes new points, has them scored (descent_score.c), moves the rows
 *     record           where a row stands joins its path; the best (or last) point is its answer
 *     descent_drop_stopped     rows that are done leave (descent_stop.c), and the next passes are
 * smaller
 *
 * What lasts is stored by row, 0 … n−1: where it stands, its scores, loss, path and answer. What an
 * iteration needs is stored by place in the list of active rows: gradients and trial points, so
 * that the model is given them as one batch. active[place] is the row. As rows leave, places move
 * up: only gradients that came ahead are carried along. All memory is taken at the start, by one
 * table (descent_memory.c); an attack's own state is declared in its Attack. */
#include "attack/descent.h"

#include "attack/descent_inside.h"
#include "core/hash.h"
#include "core/nan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

Constraint descent_constraint(const Descent *descent, size_t row) {
    Constraint constraint = descent->problem->constraint;
    constraint.dmax = descent->extent[row].dmax;
    return constraint;
}

void descent_move(Descent *descent, size_t row, Candidate to) {
    const Problem *problem = descent->problem;
    float *x = descent->x + row * problem->features;
    if (memcmp(x, to.x, problem->features * sizeof(float)) != 0)
        descent->still[row] = 0;
    memcpy(x, to.x, problem->features * sizeof(float));
    memcpy(descent->scores + row * problem->columns, to.scores, problem->columns * sizeof(double));
    descent->loss[row] = to.loss;
}

void descent_seed(const Descent *descent, size_t row, Rng *rng) {
    size_t d = descent->problem->features;
    uint64_t part = hash_bytes(descent->x + row * d, d * sizeof(float));
    part = hash_more(part, &descent->goal[row].target, sizeof descent->goal[row].target);
    rng_seed_part(rng, descent->stream[row], part);
}

/* What the active rows are worth as answers where they stand: their losses, but where the target
 * only says the way. */
static bool rate(Descent *descent, Error *err) {
    bool any = false;
    for (size_t a = 0; a < descent->active_count; a++) {
        size_t row = descent->active[a];
        descent->rated[row] = descent->loss[row];
        any = any || descent->goal[row].any;
    }
    if (!any)
        return true;
    LossRequest request = descent_active_request(descent);
    for (size_t a = 0; a < request.n; a++)
        descent->trial_goal[a] = problem_answer_goal(descent->trial_goal[a]);
    if (!problem_losses(descent->problem, &request, err))
        return false;
    for (size_t a = 0; a < request.n; a++)
        descent->rated[descent->active[a]] = request.loss[a];
    return true;
}

/* Append where the row stands to its path, and keep it if it is the answer so far. */
static bool record(Descent *descent, size_t row, Error *err) {
    const Problem *problem = descent->problem;
    Path *path = &descent->path[row];
    size_t d = problem->features, columns = problem->columns, at = path->count;
    if (at == path->capacity && !descent_grow_path(path, problem, err))
        return false;
    const float *x = descent->x + row * d;
    Worth worth = { .reached = problem_reached(problem, descent->scores + row * columns,
                                               descent->goal[row]),
                    .loss = descent->rated[row] };
    path->loss[at] = worth.loss;
    path->gradient_norm[at] = path->largest_kernel[at] = NAN;
    memcpy(path->scores + at * columns, descent->scores + row * columns, columns * sizeof(double));
    path->distance[at] = norm_distance(problem->constraint.norm, x, descent->x0[row], d);
    if (path->iterates)
        memcpy(path->iterates + at * d, x, d * sizeof(float));
    path->count++;
    if (problem->attack->minimal) {
        worth.distance = path->distance[at];
        if (worth.distance > descent->extent[row].dmax) /* on its way back, it may be */
            worth = (Worth){ .loss = INFINITY, .distance = worth.distance };
    }
    bool last = problem->attack->keeps_last && worth.loss < INFINITY;
    if (at == 0 || last || worth_more(worth, descent->worth[row])) {
        descent->answer_at[row] = at;
        descent->worth[row] = worth;
        memcpy(descent->answer + row * d, x, d * sizeof(float));
    }
    return true;
}

/* Where there is no gradient a row of a minimal attack that has reached its goal goes back towards
 * the sample, and one that coasts goes on. */
static bool goes_on(const Descent *descent, size_t row) {
    const Attack *attack = descent->problem->attack;
    return (attack->minimal && descent->worth[row].reached) ||
           (attack->coasts && descent->iteration > 1);
}

/* Gradients of the losses of all active rows, unless they came with the scores; a row without any
 * stops. */
static bool take_gradients(Descent *descent, Error *err) {
    const Problem *problem = descent->problem;
    const bool needs_length = problem->attack->needs_length || !isnan(problem->params->eps);
    const double smallest = needs_length ? 1e-20 : 0;
    if (!descent_take_gradients(descent, err))
        return false;
    for (size_t a = 0; a < descent->active_count; a++) {
        size_t row = descent->active[a];
        if (!isfinite(descent->gradient_norm[a]))
            descent->stop[row] = STOP_NOT_FINITE;
        else if (!goes_on(descent, row) &&
                 (descent->gradient_norm[a] == 0 || descent->gradient_norm[a] < smallest))
            descent->stop[row] = STOP_ZERO_GRADIENT;
    }
    descent_drop_stopped(descent, true);
    return true;
}

static bool start(Descent *descent, Error *err) {
    const Problem *problem = descent->problem;
    descent->active_count = descent->n;
    for (size_t row = 0; row < descent->n; row++) {
        descent->active[row] = row;
        descent->stop[row] = -1;
    }
    if (!descent->scores_known &&
        !problem_score(problem, &(Points){ descent->x, descent->n, descent->scores }, err))
        return false;
    LossRequest request = { .n = descent->n,
                            .scores = descent->scores,
                            .goal = descent->goal,
                            .sample = descent->sample,
                            .loss = descent->loss };
    /* An objective written in Lua fails when it is interrupted: the rows stay where they are. */
    bool known = problem_losses(problem, &request, err) && rate(descent, err);
    if (!known && !progress_interrupt_pending())
        return false;
    for (size_t row = 0; row < descent->n; row++) {
        descent_count_scores(descent, row, descent->scores_known ? 0 : 1);
        if (!known)
            descent->loss[row] = descent->rated[row] = NAN;
        if (!record(descent, row, err))
            return false;
        if (!known)
            continue;
        if (!descent_is_sound(descent, row))
            descent->stop[row] = STOP_NOT_FINITE;
        else if (descent_is_content(descent, row))
            descent->stop[row] = STOP_REACHED;
    }
    descent_drop_stopped(descent, false);
    return true;
}

/* To whoever wants to know after every iteration, and may end the run. */
static bool tell_step(const Descent *descent, Error *err) {
    const AttackParts *parts = descent->problem->params->parts;
    bool stop = false;
    if (!parts || !parts->on_step)
        return true;
    if (!parts->on_step(parts->context, descent, &stop, err))
        return false;
    *descent->problem->ended = *descent->problem->ended || stop;
    return true;
}

/* One iteration of every active row; those that are done leave the list. */
static bool iterate(Descent *descent, Error *err) {
    const Attack *attack = descent->problem->attack;
    descent_stop_unpaid(descent);
    if (attack->gradient && descent->active_count > 0 && !take_gradients(descent, err))
        return false;
    if (descent->active_count == 0)
        return true;
    for (size_t a = 0; a < descent->active_count; a++)
        descent->still[descent->active[a]]++; /* until descent_move moves it */
    if (!attack->step(descent, err) || !rate(descent, err))
        return false;
    for (size_t a = 0; a < descent->active_count; a++) {
        size_t row = descent->active[a];
        if (!record(descent, row, err))
            return false;
        int32_t reason = descent_reason_to_stop(descent, row);
        if (descent->stop[row] < 0 || reason == STOP_REACHED)
            descent->stop[row] = reason;
    }
    for (size_t a = 0, next; descent->problem->params->early_stop && a < descent->active_count;
         a = next)
        descent_stop_siblings(descent, a, next = descent_siblings(descent, a));
    descent_drop_stopped(descent, descent->ahead);
    return tell_step(descent, err);
}

size_t descent_iterations(const Attack *attack, const AttackParams *params) {
    return (size_t)params->max_iter - (attack->counts_start ? 1 : 0);
}

double descent_cosine(const Descent *descent, double first, double last) {
    double way = (double)(descent->iteration - 1) / (double)descent->iterations;
    return last + (first - last) * 0.5 * (1 + cos(way * acos(-1)));
}

/* The mean of the rows' last losses that are finite. */
static double mean_loss(const Descent *descent) {
    double sum = 0;
    size_t count = 0;
    for (size_t row = 0; row < descent->n; row++) {
        const Path *path = &descent->path[row];
        if (path->count == 0 || !isfinite(path->loss[path->count - 1]))
            continue;
        sum += path->loss[path->count - 1];
        count++;
    }
    return count ? sum / (double)count : NAN;
}

/* Say how far all rows are; rows that stopped early count as done. False: stop. */
static bool report(const Descent *descent, size_t active_before, Progress *progress) {
    char detail[96];
    size_t left = descent->iterations - descent->iteration;
    size_t stopped = active_before - descent->active_count;
    snprintf(detail, sizeof detail, "iteration %zu  loss %.4f, %zu of %zu still moving",
             descent->iteration, nan_unsigned(mean_loss(descent)), descent->active_count,
             descent->n);
    return progress_step(progress, (double)(active_before + stopped * left), detail);
}

bool descent_run(Descent *descent, Progress *progress, Error *err) {
    const Problem *problem = descent->problem;
    descent->iterations = descent_iterations(problem->attack, problem->params);
    if (!start(descent, err))
        return false;
    bool interrupted = progress_was_interrupted(progress) || progress_interrupt_pending();
    const bool *ended = problem->ended;
    while (descent->iteration < descent->iterations && descent->active_count > 0 && !interrupted &&
           !*ended) {
        size_t before = descent->active_count;
        descent->iteration++;
        /* A model written in Lua fails when it is interrupted: then keep what was recorded. */
        bool ok = iterate(descent, err);
        if (!ok && !progress_interrupt_pending())
            return false;
        interrupted = !report(descent, before, progress) || !ok;
    }
    for (size_t a = 0; a < descent->active_count; a++)
        descent->stop[descent->active[a]] = interrupted ? STOP_INTERRUPTED
                                            : *ended    ? STOP_ON_STEP
                                                        : STOP_MAX_ITER;
    return true;
}
