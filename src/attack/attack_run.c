/* attack_run.c — one run of an attack: groups of samples, and what comes of them.
 *
 *     run_prepare            check the task; scores and labels of the samples; goals in columns
 *                        (attack_run_prepare.c)
 *     run_group          ATTACK_GROUP samples, or fewer where memory allows no more
 *       run_descend          all from where they are (attack_run_descend.c), or where they shall
 * begin … run_further_starts   … from random points of the ball, `restarts` times, and the double
 * start: those for which a start point projects to a better loss than they have
 *                        (attack_run_starts.c)
 *       finish           scores of the stored answers, once more; labels and distances
 *
 * Each descent (descent.c) has rows for the samples it runs; merge takes its better answers, with
 * their traces, into the result. A sample's random numbers follow from the seed and its pixels, and
 * each restart has its own: it gets the same ones alone, in any batch and in any group.
 *
 * An interrupt is not an error here: whatever has been merged is the result, and the samples that
 * were not finished say so in `stop`. */
#include "attack/attack_run_inside.h"
#include "core/array.h"
#include "core/notes.h"

#include <stdio.h>
#include <stdlib.h>

/* At most this many floats of trial points at once. */
static const size_t trial_floats = (size_t)1 << 25;

static void run_clear(Run *run) {
    model_release(run->mean);
    model_release(run->attacked);
    free(run->goal);
    free(run->extent);
    free(run->sample);
    free(run->stream);
    free(run->session);
    free(run->left);
    free(run->unpaid);
    free(run->best);
    if (run->kept_start_scores)
        start_scores_give(run->kept_start_scores);
    start_scores_free(run->own_start_scores);
    result_free(run->result);
}

void run_count_score(const Run *run, size_t i) {
    array_i32(run->result->score_count)[i] += run->params.samples;
    if (run->left)
        run->left[i] -= (size_t)run->params.samples;
}

/* What one descent of one sample is to the progress. */
size_t run_iterations(const Run *run) {
    return run->per * descent_iterations(run->problem.attack, &run->params);
}

/* By a step that said so, or within a call that failed for it. */
bool run_is_interrupted(const Run *run) {
    return progress_was_interrupted(run->progress) || progress_interrupt_pending();
}

/* Is it to end with what there is? */
bool run_is_over(const Run *run) {
    return run->ended || run_is_interrupted(run);
}

/* Why sample i stopped, where something was left out that could not be paid for. */
static void tell_unpaid(const Run *run, size_t i) {
    int32_t *stop = &array_i32(run->result->stop)[i];
    if (run->unpaid[i] && *stop != STOP_REACHED && *stop != STOP_INTERRUPTED &&
        *stop != STOP_ON_STEP && *stop != STOP_NOT_FINITE)
        *stop = STOP_MAX_QUERIES;
}

/* Judge the stored points once more; an interrupted run keeps the scores it has. */
static bool finish(Run *run, size_t first, size_t n, Error *err) {
    const Problem *problem = &run->problem;
    AttackResult *result = run->result;
    size_t d = problem->features, columns = problem->columns;
    Points points = { array_f32(result->x_adv) + first * d, n,
                      array_f64(result->scores) + first * columns };
    if (!run_is_interrupted(run) && !problem_score(problem, &points, err) &&
        !run_is_interrupted(run))
        return false;
    for (size_t i = first; i < first + n; i++) {
        const float *x_adv = array_f32(result->x_adv) + i * d;
        array_i32(result->label)[i] =
            verdict_label(problem->model, array_f64(result->scores) + i * columns);
        tell_unpaid(run, i);
        array_f64(result->distance)[i] =
            norm_distance(problem->constraint.norm, x_adv, array_f32(result->x0) + i * d, d);
    }
    return true;
}

static bool run_group(Run *run, size_t first, size_t n, Error *err) {
    Starts starts = { .sample = run->sample + first,
                      .n = n,
                      .scores = array_f64(run->result->start_scores) + first * run->problem.columns,
                      .first = true };
    for (size_t i = first; i < first + n; i++)
        run_count_score(run, i);
    bool ok = run->task->begin ? run_begin_elsewhere(run, starts.sample, n, err)
                               : run_descend(run, &starts, err);
    return ok && run_further_starts(run, starts.sample, n, err) && finish(run, first, n, err);
}

/* How many samples are run together: a part of ATTACK_GROUP, so that it does not depend on where in
 * the set a part of it begins. Whoever looks on sees all samples in each step. */
static size_t group_of(const Run *run) {
    const AttackTask *task = run->task;
    size_t room = trial_floats / (run->problem.attack->trials * task->features * run->per);
    size_t group = ATTACK_GROUP;
    if (PROBLEM_PART(&run->problem, on_step))
        return room > 0 ? room : 1;
    while (group > room && group > 1)
        group /= 2;
    return group;
}

static bool run_all(Run *run, Error *err) {
    const AttackTask *task = run->task;
    size_t group = group_of(run), starts = 1 + (size_t)run->params.restarts + (task->start.n > 0);
    bool ok = run_score_starts(run, err) || run_is_interrupted(run);
    progress_begin(run->progress, run->problem.where,
                   (double)(task->n * starts * run_iterations(run)));
    for (size_t first = 0; ok && first < task->n; first += group) {
        size_t n = task->n - first < group ? task->n - first : group;
        SessionState *session = run->session ? &run->session[first / ATTACK_GROUP] : NULL;
        if (session)
            session_restore(session);
        ok = run_group(run, first, n, err);
        if (session)
            *session = session_save();
    }
    if (run->session && task->n > 0)
        session_restore(run->session);
    progress_end(run->progress);
    return ok;
}

/* How many iterations sample i has seen: each takes one gradient of it. A step written in Lua may
 * take none; then it has moved at least as far as its trace goes. */
static int32_t iterations_of(const AttackResult *result, size_t i, int samples) {
    int32_t gradients = array_i32(result->gradient_count)[i] / samples;
    const Array *loss = result->trace[i].loss;
    int32_t moves = loss ? (int32_t)loss->shape[0] - 1 : 0;
    return gradients > moves ? gradients : moves;
}

static void note_interrupt(const AttackResult *result, int samples) {
    bool any = false;
    int32_t iterations = 0;
    for (size_t i = 0; i < result->n; i++) {
        int32_t own = iterations_of(result, i, samples);
        any = any || array_i32(result->stop)[i] == STOP_INTERRUPTED;
        iterations = own > iterations ? own : iterations;
    }
    if (any)
        note_leave("stopped after %d iteration%s; the result keeps the best so far",
                   (int)iterations, iterations == 1 ? "" : "s");
}

AttackResult *attack_run(const Attack *attack, const AttackParams *params, const AttackTask *task,
                         Progress *progress, Error *err) {
    Run run = { .task = task, .progress = progress };
    run.problem = (Problem){ .attack = attack,
                             .features = task->features,
                             .columns = model_columns(task->model) };
    snprintf(run.problem.where, sizeof run.problem.where, "attack.%s", attack->name);
    if (!attack_resolve(attack, params, &run.params, err))
        return NULL;
    run.problem.params = &run.params;
    run.problem.objective = objective_table[run.params.objective];
    run.problem.ended = &run.ended;
    AttackResult *result = NULL;
    if (run_prepare(&run, params, err) && run_all(&run, err)) {
        result = run.result;
        run.result = NULL;
        result_drop_unknown_kernels(result);
        note_interrupt(result, run.params.samples);
    }
    run_clear(&run);
    return result;
}
