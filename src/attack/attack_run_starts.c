/* attack_run_starts.c — where descents set out, if not from the samples: points that the user has
 * chosen (run_begin_elsewhere), random ones of the ball (restart), and the double start
 * (second_start). */
#include "attack/attack_run_inside.h"
#include "attack/random_point.h"
#include "core/array.h"
#include "core/fail.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Scores of the start points: kept with the attack, or for this run alone where another of it is
 * under way. They do not depend on what else a model has drawn for. */
bool run_score_starts(Run *run, Error *err) {
    const AttackStart *start = &run->task->start;
    if (start->n == 0)
        return true;
    if (start->kept && start_scores_take(start->kept))
        run->kept_start_scores = start->kept;
    else if (!(run->own_start_scores = start_scores_new()))
        return error_memory(err, run->problem.where, 64);
    StartPoints points = { run->mean ? run->mean : run->task->model,
                           run->problem.model,
                           { start->x, start->n, run->problem.features, run->problem.where },
                           run->progress };
    const SessionState before = session_save();
    const SessionState own = { session_stream("start_from", run->params.seed), before.seed };
    session_restore(&own);
    StartScores *holder = run->kept_start_scores ? run->kept_start_scores : run->own_start_scores;
    run->start_scores = start_scores_of(holder, &points, err);
    session_restore(&before);
    return run->start_scores != NULL;
}

/* A point in double into box and ball around sample i, and rounded. */
static void settle(const Run *run, size_t i, double *z, float *out) {
    Constraint constraint = run->problem.constraint;
    const float *x0 = run->task->x + i * run->task->features;
    constraint.dmax = run->extent[i].dmax;
    box_project(&constraint, z);
    ball_project(&constraint, x0, z);
    constraint_store(&constraint, x0, z, out);
}

/* What further starts of a group are made in. */
typedef struct Further {
    size_t *group; /* n: the samples that want one */
    size_t n;
    float *x;       /* n × features */
    double *scores; /* n × columns */
    size_t *sample; /* n: those that are run */
    double *z;      /* one row */
} Further;

static void further_clear(Further *further) {
    free(further->group);
    free(further->x);
    free(further->scores);
    free(further->sample);
    free(further->z);
}

static bool further_init(const Run *run, Further *further, const size_t *group, Error *err) {
    size_t n = further->n, d = run->problem.features;
    further->group = malloc((n + 1) * sizeof *further->group);
    further->x = malloc((n * d + 1) * sizeof *further->x);
    further->scores = malloc((n * run->problem.columns + 1) * sizeof *further->scores);
    further->sample = malloc((n + 1) * sizeof *further->sample);
    further->z = malloc((d + 1) * sizeof *further->z);
    if (!further->group || !further->x || !further->scores || !further->sample || !further->z)
        return error_memory(err, run->problem.where, n * d * sizeof *further->x);
    memcpy(further->group, group, n * sizeof *group);
    return true;
}

/* Restart number k of a group: from random points of the ball. */
static bool restart(Run *run, const Further *further, int k, Error *err) {
    size_t d = run->problem.features;
    double *z = further->z;
    for (size_t r = 0; r < further->n; r++) {
        size_t i = further->group[r];
        Rng rng;
        rng_seed_part(&rng, run->stream[i], (uint64_t)k);
        random_in_ball(run->problem.constraint.norm, d, &rng, z);
        for (size_t j = 0; j < d; j++)
            z[j] = (double)run->task->x[i * d + j] + run->extent[i].dmax * z[j];
        settle(run, i, z, further->x + r * d);
    }
    return run_descend(run, &(Starts){ further->group, further->n, further->x, NULL, false }, err);
}

/* Rows of scores, whose losses are wanted: n of them, and whose they are. */
typedef struct Rated {
    size_t n;
    Goal *goal;
    size_t *sample;
    double *loss;
    Worth *worth;
} Rated;

static void rated_clear(Rated *rated) {
    free(rated->goal);
    free(rated->sample);
    free(rated->loss);
    free(rated->worth);
}

/* Room for n rows; on failure it holds nothing. */
static bool rated_init(const Run *run, size_t n, Rated *rated, Error *err) {
    *rated = (Rated){ n, calloc(n + 1, sizeof *rated->goal), calloc(n + 1, sizeof *rated->sample),
                      calloc(n + 1, sizeof *rated->loss), calloc(n + 1, sizeof *rated->worth) };
    if (rated->goal && rated->sample && rated->loss && rated->worth)
        return true;
    rated_clear(rated);
    return error_memory(err, run->problem.where, n * (sizeof(Goal) + sizeof(Worth)));
}

static LossRequest rated_request(const Rated *rated, const double *scores) {
    return (LossRequest){ .n = rated->n,
                          .scores = scores,
                          .goal = rated->goal,
                          .sample = rated->sample,
                          .loss = rated->loss };
}

/* Row r of them is of sample i. */
static void rated_set(const Run *run, const Rated *rated, size_t r, size_t i) {
    rated->sample[r] = i;
    rated->goal[r] = run->goal[i];
}

/* What start point k is worth to sample i: by its loss, and to an attack that seeks the least
 * distance by how far it is, where it reaches the goal. */
static Worth start_worth(const Run *run, const Rated *rated, size_t i, size_t k) {
    const Problem *problem = &run->problem;
    size_t d = problem->features;
    const double *scores = run->start_scores + k * problem->columns;
    Worth worth = { .loss = rated->loss[k] };
    if (!problem->attack->minimal)
        return worth;
    worth.reached = problem_reached(problem, scores, run->goal[i]);
    worth.distance = norm_distance(problem->constraint.norm, run->task->start.x + k * d,
                                   run->task->x + i * d, d);
    return worth;
}

/* Which start point is best for sample i; rated has a row for each. */
static bool nearest_start(const Run *run, const Rated *rated, size_t i, size_t *nearest,
                          Error *err) {
    LossRequest request = rated_request(rated, run->start_scores);
    Worth best = { .loss = INFINITY };
    *nearest = 0;
    for (size_t k = 0; k < rated->n; k++)
        rated_set(run, rated, k, i);
    if (!problem_losses(&run->problem, &request, err))
        return false;
    for (size_t k = 0; k < rated->n; k++) {
        Worth worth = start_worth(run, rated, i, k);
        if (worth_more(worth, best)) {
            best = worth;
            *nearest = k;
        }
    }
    return true;
}

/* Each sample's start point of least loss, projected. */
static bool nearest_starts(Run *run, const Further *further, Error *err) {
    size_t d = run->problem.features, nearest;
    Rated rated;
    if (!rated_init(run, run->task->start.n, &rated, err))
        return false;
    bool ok = true;
    for (size_t r = 0; ok && r < further->n; r++) {
        size_t i = further->group[r];
        ok = nearest_start(run, &rated, i, &nearest, err);
        for (size_t j = 0; ok && j < d; j++)
            further->z[j] = (double)run->task->start.x[nearest * d + j];
        if (ok) {
            settle(run, i, further->z, further->x + r * d);
            run_count_score(run, i);
        }
    }
    rated_clear(&rated);
    return ok;
}

/* Those that are better than their samples' answers so far, moved to the front; how many. */
static size_t keep_better(const Run *run, const Further *further, const Rated *rated) {
    const Problem *problem = &run->problem;
    size_t d = problem->features, columns = problem->columns, kept = 0;
    for (size_t r = 0; r < further->n; r++) {
        size_t i = further->group[r];
        const double *scores = further->scores + r * columns;
        if (!worth_more(rated->worth[r], run->best[i]))
            continue;
        further->sample[kept] = i;
        memmove(further->x + kept * d, further->x + r * d, d * sizeof(float));
        memmove(further->scores + kept * columns, scores, columns * sizeof(double));
        kept++;
    }
    return kept;
}

/* The double start: from the start points of least loss, where those are better. */
static bool second_start(Run *run, const Further *further, Error *err) {
    const Problem *problem = &run->problem;
    Points points = { further->x, further->n, further->scores };
    Rated rated;
    if (!nearest_starts(run, further, err) || !problem_score(problem, &points, err) ||
        !rated_init(run, further->n, &rated, err))
        return false;
    for (size_t r = 0; r < further->n; r++)
        rated_set(run, &rated, r, further->group[r]);
    LossRequest request = rated_request(&rated, further->scores);
    bool ok = problem_worths(problem, &request, rated.worth, err);
    size_t kept = ok ? keep_better(run, further, &rated) : 0;
    rated_clear(&rated);
    if (!ok)
        return false;
    Starts better = { further->sample, kept, further->x, further->scores, false };
    if (better.n > 0 && !run_descend(run, &better, err))
        return false;
    size_t each = run_iterations(run);
    progress_step(run->progress, (double)((further->n - better.n) * each), NULL);
    return true;
}

/* A sample that is stopped where it reaches its goal, and has, wants no further start; others may
 * not be able to pay for its `scores` and an iteration. How many have one. */
static size_t narrow(const Run *run, Further *further, size_t scores) {
    size_t n = further->n, samples = (size_t)run->params.samples;
    size_t price = scores * samples + problem_price(&run->problem, false);
    if (!run->params.early_stop && !run->left)
        return n;
    further->n = 0;
    for (size_t r = 0; r < n; r++) {
        size_t i = further->group[r];
        if (run->params.early_stop && run->best[i].reached)
            continue;
        if (run->left && run->left[i] < price)
            run->unpaid[i] = true;
        else
            further->group[further->n++] = i;
    }
    size_t each = run_iterations(run);
    progress_step(run->progress, (double)((n - further->n) * each), NULL);
    return further->n;
}

/* Every further start of a group whose samples have been run from where they are. */
bool run_further_starts(Run *run, const size_t *group, size_t n, Error *err) {
    bool second = run->task->start.n > 0;
    if (run->params.restarts == 0 && !second)
        return true;
    Further further = { .n = n };
    bool ok = further_init(run, &further, group, err);
    for (int k = 1; ok && k <= run->params.restarts && !run_is_over(run); k++)
        ok = narrow(run, &further, run->per) == 0 || restart(run, &further, k, err) ||
             run_is_interrupted(run);
    if (ok && second && !run_is_over(run))
        ok = narrow(run, &further, 1) == 0 || second_start(run, &further, err) ||
             run_is_interrupted(run);
    if (ok && run_is_over(run)) /* further starts were not all tried */
        for (size_t r = 0; r < n; r++)
            array_i32(run->result->stop)[group[r]] = run->ended ? STOP_ON_STEP : STOP_INTERRUPTED;
    further_clear(&further);
    return ok;
}

/* The sample itself as the answer, in a trace of this one point: so it stands until a search that
 * sets out elsewhere has found a better one. */
static bool hold_sample(Run *run, size_t i, Error *err) {
    const Problem *problem = &run->problem;
    const double *scores = array_f64(run->result->start_scores) + i * problem->columns;
    size_t row = problem->columns * sizeof *scores;
    TraceSize size = { 1, problem->features, problem->columns, true, true, run->params.iterates };
    Trace *trace = &run->result->trace[i];
    if (!trace_new(trace, &size, err))
        return false;
    array_f64(trace->loss)[0] = run->best[i].loss;
    array_f64(trace->gradient_norm)[0] = array_f64(trace->largest_kernel)[0] = NAN;
    memcpy(array_f64(trace->scores), scores, row);
    memcpy(array_f64(run->result->scores) + i * problem->columns, scores, row);
    if (trace->iterates)
        memcpy(array_f32(trace->iterates), run->task->x + i * problem->features,
               problem->features * sizeof(float));
    return true;
}

/* The same of all of a group, whose numbers follow one another. */
static bool hold_samples(Run *run, const size_t *group, size_t n, Error *err) {
    Rated rated;
    if (!rated_init(run, n, &rated, err))
        return false;
    for (size_t r = 0; r < n; r++) {
        rated.sample[r] = group[r];
        rated.goal[r] = run_row_goal(run, group[r], 0);
    }
    const double *scores = array_f64(run->result->start_scores) + *group * run->problem.columns;
    LossRequest request = rated_request(&rated, scores);
    bool known = problem_worths(&run->problem, &request, rated.worth, err);
    bool ok = known || run_is_interrupted(run);
    for (size_t r = 0; ok && r < n; r++) {
        run->best[group[r]] = known ? rated.worth[r] : (Worth){ .loss = INFINITY };
        ok = hold_sample(run, group[r], err);
    }
    rated_clear(&rated);
    return ok;
}

/* The points that the user has chosen for a group, and their scores; samples that cannot pay for
 * these are left out. Their number in *n. */
static bool look_elsewhere(Run *run, const Further *further, size_t *n, Error *err) {
    size_t d = run->problem.features;
    *n = 0;
    for (size_t r = 0; r < further->n; r++) {
        size_t i = further->group[r];
        run->unpaid[i] = run->left && run->left[i] < (size_t)run->params.samples;
        if (run->unpaid[i]) {
            array_i32(run->result->stop)[i] = STOP_MAX_QUERIES;
            continue;
        }
        for (size_t j = 0; j < d; j++)
            further->z[j] = (double)run->task->begin[i * d + j];
        settle(run, i, further->z, further->x + *n * d);
        run_count_score(run, i);
        further->sample[(*n)++] = i;
    }
    Points points = { further->x, *n, further->scores };
    return problem_score(&run->problem, &points, err);
}

/* From there. What is interrupted before it has been searched for says so. */
bool run_begin_elsewhere(Run *run, const size_t *group, size_t n, Error *err) {
    Further further = { .n = n };
    size_t kept;
    for (size_t r = 0; r < n; r++)
        array_i32(run->result->stop)[group[r]] = STOP_INTERRUPTED;
    if (!hold_samples(run, group, n, err))
        return false;
    bool ok = further_init(run, &further, group, err);
    if (ok && (ok = look_elsewhere(run, &further, &kept, err))) {
        Starts starts = { further.sample, kept, further.x, further.scores, true };
        ok = kept == 0 || run_descend(run, &starts, err);
        progress_step(run->progress, (double)((n - kept) * run_iterations(run)), NULL);
    }
    further_clear(&further);
    return ok || run_is_interrupted(run);
}
