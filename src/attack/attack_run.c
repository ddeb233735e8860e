/* attack_run.c — one run of an attack: goals, groups, starts, and what comes of them.
 *
 *     prepare            check the task; scores and labels of the samples; goals in columns
 *     run_group          as many samples as memory allows
 *       descend          all from where they are, or where they shall begin …
 *       further_starts   … from random points of the ball, `restarts` times, and the double start:
 *                        those for which a start point projects to a better loss than they have
 *       finish           scores of the stored answers, once more; labels and distances
 *
 * Each descent (descent.c) has rows for the samples it runs; merge takes its better answers, with
 * their traces, into the result. A sample's random numbers follow from the seed and its pixels, and
 * each restart has its own: it gets the same ones alone, in any batch and in any group.
 *
 * An interrupt is not an error here: whatever has been merged is the result, and the samples that
 * were not finished say so in `stop`. */
#include "attack/attack.h"
#include "attack/descent.h"
#include "attack/mean_model.h"
#include "attack/random_point.h"
#include "attack/start_scores.h"
#include "core/array.h"
#include "core/fail.h"
#include "core/hash.h"
#include "core/notes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* At most this many floats of trial points at once; larger sets are done in groups. */
static const size_t trial_floats = (size_t)1 << 25;

typedef struct Run {
    Problem problem;
    AttackParams params;
    const AttackTask *task;
    Model *mean;                   /* of several calls; NULL where one is an answer */
    Goal *goal;                    /* n */
    Extent *extent;                /* n */
    size_t *sample;                /* 0 … n−1 */
    size_t per;                    /* rows of each sample in a descent: 1, or its wrong classes */
    uint64_t *stream;              /* n */
    size_t *left;                  /* n: queries that may still be spent; NULL: any number */
    bool *unpaid;                  /* n: has something been left out for lack of them? */
    Worth *best;                   /* n: how good the answer so far is */
    const double *start_scores;    /* of the task's start points */
    StartScores *own_start_scores; /* what holds them where the attack keeps none */
    bool ended;                    /* by on_step (parts.h) */
    AttackResult *result;
    Progress *progress;
} Run;

static void run_clear(Run *run) {
    model_release(run->mean);
    free(run->goal);
    free(run->extent);
    free(run->sample);
    free(run->stream);
    free(run->left);
    free(run->unpaid);
    free(run->best);
    start_scores_free(run->own_start_scores);
    result_free(run->result);
}

static bool set_constraint(Run *run, Error *err) {
    Batch samples = { run->task->x, run->task->n, run->task->features, run->problem.where };
    return attack_constraint(&run->params, &samples, &run->problem.constraint, err) &&
           constraint_check(&run->problem.constraint, &samples, err);
}

/* Are all of them classes of the model? */
static bool known_labels(const Run *run, const char *what, const int32_t *label, Error *err) {
    const Model *model = run->task->model;
    for (size_t i = 0; i < run->task->n; i++)
        if (labels_find(&model->classes, label[i]) < 0)
            return error_set(err, ERROR_ARGUMENT,
                             "%s: sample %zu: %s %d is not a class of the %s model",
                             run->problem.where, i + 1, what, (int)label[i], model->kind->name);
    return true;
}

/* Goals, in columns; y where it was not given is the model's best class. */
static bool set_goals(Run *run, Error *err) {
    const AttackTask *task = run->task;
    const Labels *classes = &task->model->classes;
    int32_t *y = array_i32(run->result->y), *target = NULL;
    const double *start_scores = array_f64(run->result->start_scores);
    Batch samples = { .n = task->n, .where = run->problem.where };
    if (!task->y && !model_check_rows(task->model, start_scores, &samples, err))
        return false;
    for (size_t i = 0; i < task->n; i++) {
        const double *scores = start_scores + i * run->problem.columns;
        y[i] = task->y ? task->y[i] : classes->label[model_best_class(task->model, scores)];
    }
    if (task->target) {
        target = array_i32(run->result->target);
        memcpy(target, task->target, task->n * sizeof *target);
    }
    if (!known_labels(run, "label", y, err) ||
        (target && !known_labels(run, "target", target, err)))
        return false;
    bool nearest = !target && task->rule == TARGET_NEAREST;
    for (size_t i = 0; i < task->n; i++) {
        Goal *goal = &run->goal[i];
        *goal = (Goal){ .truth = (size_t)labels_find(classes, y[i]),
                        .target = target ? labels_find(classes, target[i]) : -1,
                        .any = nearest };
        if (nearest)
            goal->target = (ptrdiff_t)scores_best_but(start_scores + i * run->problem.columns,
                                                      classes->count, goal->truth);
    }
    bool each = task->rule == TARGET_EACH || run->problem.attack->each_class;
    run->per = each && !target ? classes->count - 1 : 1;
    return true;
}

/* What is each sample's own, as if it were attacked alone. */
static bool set_extents(Run *run, const AttackParams *params, Error *err) {
    for (size_t i = 0; i < run->task->n; i++) {
        AttackParams one = run->params;
        if (params->dmax_each) {
            one = *params;
            one.dmax = array_f64(params->dmax_each)[i];
            one.dmax_each = NULL;
            if (!attack_resolve(run->problem.attack, &one, &one, err))
                return false;
            array_f64(run->result->dmax)[i] = one.dmax;
        }
        run->extent[i] = (Extent){ one.dmax, one.eta };
    }
    return true;
}

static bool allocate_run(Run *run, Error *err) {
    const AttackTask *task = run->task;
    size_t n = task->n + 1;
    run->goal = calloc(n, sizeof *run->goal);
    run->extent = calloc(n, sizeof *run->extent);
    run->sample = calloc(n, sizeof *run->sample);
    run->stream = calloc(n, sizeof *run->stream);
    run->best = calloc(n, sizeof *run->best);
    run->unpaid = calloc(n, sizeof *run->unpaid);
    if (!run->goal || !run->extent || !run->sample || !run->stream || !run->best || !run->unpaid)
        return error_memory(err, run->problem.where, n * sizeof(Goal));
    ResultSize size = { .n = task->n,
                        .features = task->features,
                        .targeted = task->target != NULL,
                        .own_dmax = run->params.dmax_each != NULL,
                        .searched = true };
    run->result = result_new(&task->model->classes, task->model->rejects, &size, err);
    return run->result != NULL;
}

/* What each sample may spend. */
static bool set_budgets(Run *run, Error *err) {
    const Array *most = run->params.max_queries;
    size_t n = run->task->n, count = most ? array_size(most) : 0;
    if (!most)
        return true;
    if (count != 1 && count != n)
        return error_set(
            err, ERROR_ARGUMENT,
            "%s: max_queries: expected one number, or one for each of %zu samples, got "
            "%zu",
            run->problem.where, n, count);
    for (size_t i = 0; i < count; i++)
        if (array_i32(most)[i] < run->params.samples)
            return error_set(err, ERROR_ARGUMENT,
                             "%s: max_queries: %d do not pay for one answer, a mean of samples = "
                             "%d of them",
                             run->problem.where, (int)array_i32(most)[i], run->params.samples);
    if (!(run->left = malloc((n + 1) * sizeof *run->left)))
        return error_memory(err, run->problem.where, n * sizeof *run->left);
    for (size_t i = 0; i < n; i++)
        run->left[i] = (size_t)array_i32(most)[count == 1 ? 0 : i];
    return true;
}

static void count_score(const Run *run, size_t i) {
    array_i32(run->result->score_count)[i] += run->params.samples;
    if (run->left)
        run->left[i] -= (size_t)run->params.samples;
}

static bool set_model(Run *run, Error *err) {
    run->problem.model = run->task->model;
    if (run->params.samples == 1)
        return true;
    run->mean = mean_model_new(run->task->model, run->params.samples, err);
    run->problem.model = run->mean;
    return run->mean != NULL;
}

/* What the result says about itself. */
static bool describe(Run *run, Error *err) {
    const AttackTask *task = run->task;
    AttackResult *result = run->result;
    if (task->sample_ndim > 0) {
        result->sample_ndim = task->sample_ndim;
        memcpy(result->sample_shape, task->sample_shape, sizeof result->sample_shape);
    }
    result->norm = run->params.norm;
    result->attack = strdup(run->problem.attack->name);
    result->model_kind = strdup(task->model->kind->name);
    run->params.rule = task->rule;
    result->params = attack_params_json(run->problem.attack, &run->params);
    return (result->attack && result->model_kind && result->params) ||
           error_memory(err, run->problem.where, 64);
}

static bool check_begin(const Run *run, Error *err) {
    const AttackTask *task = run->task;
    if (task->begin && !attack_uses(run->problem.attack, "start"))
        return error_set(err, ERROR_ARGUMENT,
                         "%s: start: this attack sets out from the samples themselves",
                         run->problem.where);
    for (size_t j = 0; task->begin && j < task->n * task->features; j++)
        if (!isfinite(task->begin[j]))
            return error_set(err, ERROR_ARGUMENT,
                             "%s: start: sample %zu: feature %zu is not a finite number",
                             run->problem.where, j / task->features + 1, j % task->features + 1);
    return true;
}

static bool check_task(const Run *run, Error *err) {
    const Model *model = run->task->model;
    if (!model_is_fitted(model))
        return model_not_fitted(model, run->problem.where, err);
    if (run->task->features == 0)
        return error_set(err, ERROR_ARGUMENT, "%s: samples have no features", run->problem.where);
    size_t choices = run->task->target ? model_columns(model) : model->classes.count;
    if (choices < 2)
        return error_set(err, ERROR_ARGUMENT, "%s: the %s model has one class: nothing to evade to",
                         run->problem.where, model->kind->name);
    return check_begin(run, err);
}

static bool prepare(Run *run, const AttackParams *params, Error *err) {
    const AttackTask *task = run->task;
    Problem *problem = &run->problem;
    if (!check_task(run, err) || !set_model(run, err) || !set_constraint(run, err) ||
        !set_budgets(run, err) || !allocate_run(run, err) || !set_extents(run, params, err) ||
        !describe(run, err))
        return false;
    memcpy(array_f32(run->result->x0), task->x, task->n * task->features * sizeof(float));
    memcpy(array_f32(run->result->x_adv), task->x, task->n * task->features * sizeof(float));
    Points points = { task->x, task->n, array_f64(run->result->start_scores) };
    if (!problem_score(problem, &points, err) || !set_goals(run, err))
        return false;
    for (size_t i = 0; i < task->n; i++) {
        run->sample[i] = i;
        /* By its pixels, so that a sample gets the same numbers alone and in any batch. */
        const float *x = task->x + i * task->features;
        run->stream[i] = run->params.seed ^ hash_bytes(x, task->features * sizeof *x);
        array_i32(run->result->start_label)[i] =
            verdict_label(task->model, array_f64(run->result->start_scores) + i * problem->columns);
    }
    return true;
}

/* What one descent of one sample is to the progress. */
static size_t run_iterations(const Run *run) {
    return run->per * descent_iterations(run->problem.attack, &run->params);
}

/* Scores of the start points: kept with the attack, or for this run alone. */
static bool score_starts(Run *run, Error *err) {
    const AttackStart *start = &run->task->start;
    if (start->n == 0)
        return true;
    if (!start->kept && !(run->own_start_scores = start_scores_new()))
        return error_memory(err, run->problem.where, 64);
    StartPoints points = { run->problem.model,
                           { start->x, start->n, run->problem.features, run->problem.where },
                           run->progress };
    run->start_scores =
        start_scores_of(start->kept ? start->kept : run->own_start_scores, &points, err);
    return run->start_scores != NULL;
}

/* By a step that said so, or within a call that failed for it. */
static bool is_interrupted(const Run *run) {
    return progress_was_interrupted(run->progress) || progress_interrupt_pending();
}

/* Is it to end with what there is? */
static bool is_over(const Run *run) {
    return run->ended || is_interrupted(run);
}

/* Put a row's path into the result as its trace, up to the answer. */
static bool store_trace(Run *run, const Descent *descent, size_t row, Error *err) {
    size_t i = descent->sample[row], count = descent->answer_at[row] + 1;
    const Path *path = &descent->path[row];
    TraceSize size = { .count = count,
                       .features = run->problem.features,
                       .columns = run->problem.columns,
                       .gradient_norm = true,
                       .largest_kernel = true,
                       .iterates = path->iterates != NULL };
    Trace trace;
    if (!trace_new(&trace, &size, err))
        return false;
    memcpy(array_f64(trace.loss), path->loss, count * sizeof(double));
    memcpy(array_f64(trace.scores), path->scores, count * run->problem.columns * sizeof(double));
    memcpy(array_f64(trace.distance), path->distance, count * sizeof(double));
    memcpy(array_f64(trace.gradient_norm), path->gradient_norm, count * sizeof(double));
    memcpy(array_f64(trace.largest_kernel), path->largest_kernel, count * sizeof(double));
    if (path->iterates)
        memcpy(array_f32(trace.iterates), path->iterates,
               count * run->problem.features * sizeof(float));
    trace_clear(&run->result->trace[i]);
    run->result->trace[i] = trace;
    return true;
}

/* The last number on the whole of a row's way. */
static double last_of(const double *values, size_t count) {
    while (count > 0 && isnan(values[count - 1]))
        count--;
    return count > 0 ? values[count - 1] : NAN;
}

/* Take over the answers that are better than what the result holds; the first time all of them, if
 * it holds none yet, or only the last point counts. */
static bool merge(Run *run, const Descent *descent, bool first, Error *err) {
    AttackResult *result = run->result;
    size_t d = run->problem.features, columns = run->problem.columns;
    bool empty = !run->task->begin || run->problem.attack->keeps_last;
    for (size_t row = 0; row < descent->n; row++) {
        size_t i = descent->sample[row], at = descent->answer_at[row];
        array_i32(result->score_count)[i] += descent->score_count[row];
        array_i32(result->gradient_count)[i] += descent->gradient_count[row];
        run->unpaid[i] = run->unpaid[i] || descent->stop[row] == STOP_MAX_QUERIES;
        double *norm = &array_f64(result->gradient_start)[i];
        *norm = fmax(*norm, descent->path[row].gradient_norm[0]);
        bool opens = first && row % run->per == 0;
        bool better = (opens && empty) || worth_more(descent->worth[row], run->best[i]);
        bool ended = descent->stop[row] == STOP_INTERRUPTED || descent->stop[row] == STOP_ON_STEP;
        if (opens || better || ended)
            array_i32(result->stop)[i] = descent->stop[row];
        const Path *path = &descent->path[row];
        if (opens || better) {
            array_f64(result->gradient_end)[i] = last_of(path->gradient_norm, path->count);
            array_f64(result->kernel_end)[i] = last_of(path->largest_kernel, path->count);
        }
        if (!better)
            continue;
        run->best[i] = descent->worth[row];
        memcpy(array_f32(result->x_adv) + i * d, descent->answer + row * d, d * sizeof(float));
        memcpy(array_f64(result->scores) + i * columns, descent->path[row].scores + at * columns,
               columns * sizeof(double));
        if (!store_trace(run, descent, row, err))
            return false;
    }
    return true;
}

/* Where some samples start: n rows of their numbers and, if they are not where they are, points
 * that may have been scored. */
typedef struct Starts {
    const size_t *sample;
    size_t n;
    const float *x;       /* n × features; NULL: where they are */
    const double *scores; /* n × columns, or NULL */
    bool first;           /* no descent of theirs was before */
} Starts;

/* A descent's borrowed inputs: what its rows have of their samples. */
typedef struct Rows {
    size_t n; /* per for each start */
    const float **x0;
    Goal *goal;
    Extent *extent;
    uint64_t *stream;
    size_t *sample;
} Rows;

static void rows_clear(Rows *rows) {
    free(rows->x0);
    free(rows->goal);
    free(rows->extent);
    free(rows->stream);
    free(rows->sample);
}

/* Of the k-th row of a sample. */
static Goal row_goal(const Run *run, size_t i, size_t k) {
    Goal goal = run->goal[i];
    if (run->per == 1)
        return goal;
    goal.target = (ptrdiff_t)(k + (k >= goal.truth));
    goal.any = true;
    return goal;
}

static bool rows_of(const Run *run, const Starts *starts, Rows *rows, Error *err) {
    size_t n = starts->n * run->per;
    *rows = (Rows){ n,
                    malloc((n + 1) * sizeof *rows->x0),
                    malloc((n + 1) * sizeof(Goal)),
                    malloc((n + 1) * sizeof(Extent)),
                    malloc((n + 1) * sizeof(uint64_t)),
                    malloc((n + 1) * sizeof(size_t)) };
    if (!rows->x0 || !rows->goal || !rows->extent || !rows->stream || !rows->sample) {
        rows_clear(rows);
        error_memory(err, run->problem.where, n * sizeof(Goal));
        return false;
    }
    for (size_t r = 0; r < n; r++) {
        size_t i = starts->sample[r / run->per];
        rows->x0[r] = run->task->x + i * run->task->features;
        rows->goal[r] = row_goal(run, i, r % run->per);
        rows->extent[r] = run->extent[i];
        rows->stream[r] = run->stream[i];
        rows->sample[r] = i;
    }
    return true;
}

/* One descent of these samples; better answers go into the result. */
static bool descend(Run *run, const Starts *starts, Error *err) {
    size_t d = run->problem.features, columns = run->problem.columns, per = run->per;
    Rows rows;
    Descent descent;
    if (!rows_of(run, starts, &rows, err))
        return false;
    bool ok = descent_init(&descent, &run->problem, rows.n, err);
    if (ok) {
        descent.x0 = rows.x0;
        descent.goal = rows.goal;
        descent.extent = rows.extent;
        descent.sample = rows.sample;
        descent.stream = rows.stream;
        descent.left = run->left;
        descent.scores_known = starts->scores != NULL;
        for (size_t r = 0; r < rows.n; r++)
            memcpy(descent.x + r * d, starts->x ? starts->x + r / per * d : rows.x0[r],
                   d * sizeof(float));
        for (size_t r = 0; starts->scores && r < rows.n; r++)
            memcpy(descent.scores + r * columns, starts->scores + r / per * columns,
                   columns * sizeof(double));
        ok = descent_run(&descent, run->progress, err) && merge(run, &descent, starts->first, err);
        descent_clear(&descent);
    }
    rows_clear(&rows);
    return ok;
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
    return descend(run, &(Starts){ further->group, further->n, further->x, NULL, false }, err);
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

/* Which start point has the least loss for sample i; rated has a row for each. */
static bool nearest_start(const Run *run, const Rated *rated, size_t i, size_t *nearest,
                          Error *err) {
    LossRequest request = rated_request(rated, run->start_scores);
    double least = INFINITY;
    *nearest = 0;
    for (size_t k = 0; k < rated->n; k++)
        rated_set(run, rated, k, i);
    if (!problem_losses(&run->problem, &request, err))
        return false;
    for (size_t k = 0; k < rated->n; k++) {
        if (rated->loss[k] < least) {
            least = rated->loss[k];
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
            count_score(run, i);
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
    if (better.n > 0 && !descend(run, &better, err))
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
static bool further_starts(Run *run, const size_t *group, size_t n, Error *err) {
    bool second = run->task->start.n > 0;
    if (run->params.restarts == 0 && !second)
        return true;
    Further further = { .n = n };
    bool ok = further_init(run, &further, group, err);
    for (int k = 1; ok && k <= run->params.restarts && !is_over(run); k++)
        ok = narrow(run, &further, run->per) == 0 || restart(run, &further, k, err) ||
             is_interrupted(run);
    if (ok && second && !is_over(run))
        ok = narrow(run, &further, 1) == 0 || second_start(run, &further, err) ||
             is_interrupted(run);
    if (ok && is_over(run)) /* further starts were not all tried */
        for (size_t r = 0; r < n; r++)
            array_i32(run->result->stop)[group[r]] = run->ended ? STOP_ON_STEP : STOP_INTERRUPTED;
    further_clear(&further);
    return ok;
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
    if (!is_interrupted(run) && !problem_score(problem, &points, err) && !is_interrupted(run))
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
        count_score(run, i);
        further->sample[(*n)++] = i;
    }
    Points points = { further->x, *n, further->scores };
    return problem_score(&run->problem, &points, err);
}

/* The same of all of a group, whose numbers follow one another. */
static bool hold_samples(Run *run, const size_t *group, size_t n, Error *err) {
    Rated rated;
    if (!rated_init(run, n, &rated, err))
        return false;
    for (size_t r = 0; r < n; r++) {
        rated.sample[r] = group[r];
        rated.goal[r] = row_goal(run, group[r], 0);
    }
    const double *scores = array_f64(run->result->start_scores) + *group * run->problem.columns;
    LossRequest request = rated_request(&rated, scores);
    bool known = problem_worths(&run->problem, &request, rated.worth, err);
    bool ok = known || is_interrupted(run);
    for (size_t r = 0; ok && r < n; r++) {
        run->best[group[r]] = known ? rated.worth[r] : (Worth){ .loss = INFINITY };
        ok = hold_sample(run, group[r], err);
    }
    rated_clear(&rated);
    return ok;
}

/* From there. What is interrupted before it has been searched for says so. */
static bool begin_elsewhere(Run *run, const size_t *group, size_t n, Error *err) {
    Further further = { .n = n };
    size_t kept;
    for (size_t r = 0; r < n; r++)
        array_i32(run->result->stop)[group[r]] = STOP_INTERRUPTED;
    if (!hold_samples(run, group, n, err))
        return false;
    bool ok = further_init(run, &further, group, err);
    if (ok && (ok = look_elsewhere(run, &further, &kept, err))) {
        Starts starts = { further.sample, kept, further.x, further.scores, true };
        ok = kept == 0 || descend(run, &starts, err);
        progress_step(run->progress, (double)((n - kept) * run_iterations(run)), NULL);
    }
    further_clear(&further);
    return ok || is_interrupted(run);
}

static bool run_group(Run *run, size_t first, size_t n, Error *err) {
    Starts starts = { .sample = run->sample + first,
                      .n = n,
                      .scores = array_f64(run->result->start_scores) + first * run->problem.columns,
                      .first = true };
    for (size_t i = first; i < first + n; i++)
        count_score(run, i);
    bool ok =
        run->task->begin ? begin_elsewhere(run, starts.sample, n, err) : descend(run, &starts, err);
    return ok && further_starts(run, starts.sample, n, err) && finish(run, first, n, err);
}

static bool run_all(Run *run, Error *err) {
    const AttackTask *task = run->task;
    const Attack *attack = run->problem.attack;
    size_t group = trial_floats / (attack->trials * task->features * run->per);
    group = group > 0 ? group : 1;
    size_t starts = 1 + (size_t)run->params.restarts + (task->start.n > 0);
    bool ok = score_starts(run, err) || is_interrupted(run);
    progress_begin(run->progress, run->problem.where,
                   (double)(task->n * starts * run_iterations(run)));
    for (size_t first = 0; ok && first < task->n; first += group) {
        size_t n = task->n - first < group ? task->n - first : group;
        ok = run_group(run, first, n, err);
    }
    progress_end(run->progress);
    return ok;
}

/* Each iteration takes one gradient of each sample that is still under way. */
static void note_interrupt(const AttackResult *result, int samples) {
    bool any = false;
    int32_t iterations = 0;
    for (size_t i = 0; i < result->n; i++) {
        int32_t gradients = array_i32(result->gradient_count)[i] / samples;
        any = any || array_i32(result->stop)[i] == STOP_INTERRUPTED;
        iterations = gradients > iterations ? gradients : iterations;
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
    if (prepare(&run, params, err) && run_all(&run, err)) {
        result = run.result;
        run.result = NULL;
        result_drop_unknown_kernels(result);
        note_interrupt(result, run.params.samples);
    }
    run_clear(&run);
    return result;
}
