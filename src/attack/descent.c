#include "attack/descent.h"

#include "core/fail.h"
#include "core/parallel.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool allocate(void *slot, size_t count, size_t size, const char *where, Error *err) {
    void *memory = calloc(count ? count : 1, size);
    if (!memory)
        return error_memory(err, where, count * size);
    memcpy(slot, &memory, sizeof memory);
    return true;
}

bool descent_init(Descent *descent, const Problem *problem, size_t n, Error *err) {
    *descent = (Descent){ .problem = problem, .n = n };
    size_t d = problem->features, columns = problem->columns, trials = problem->attack->trials;
    size_t threads = (size_t)parallel_threads();
    const char *where = problem->where;
    bool ok = allocate(&descent->x, n * d, sizeof(float), where, err) &&
              allocate(&descent->scores, n * columns, sizeof(double), where, err) &&
              allocate(&descent->loss, n, sizeof(double), where, err) &&
              allocate(&descent->score_count, n, sizeof(int32_t), where, err) &&
              allocate(&descent->gradient_count, n, sizeof(int32_t), where, err) &&
              allocate(&descent->stop, n, sizeof(int32_t), where, err) &&
              allocate(&descent->answer, n * d, sizeof(float), where, err) &&
              allocate(&descent->answer_at, n, sizeof(size_t), where, err) &&
              allocate(&descent->path, n, sizeof(Path), where, err) &&
              allocate(&descent->active, n, sizeof(size_t), where, err) &&
              allocate(&descent->gradient, n * d, sizeof(float), where, err) &&
              allocate(&descent->gradient_norm, n, sizeof(double), where, err) &&
              allocate(&descent->weights, n * columns, sizeof(double), where, err) &&
              allocate(&descent->trial, n * trials * d, sizeof(float), where, err) &&
              allocate(&descent->trial_scores, n * trials * columns, sizeof(double), where, err) &&
              allocate(&descent->direction, n * d, sizeof(double), where, err) &&
              allocate(&descent->best, n * d, sizeof(float), where, err) &&
              allocate(&descent->best_scores, n * columns, sizeof(double), where, err) &&
              allocate(&descent->best_loss, n, sizeof(double), where, err) &&
              allocate(&descent->scratch, threads * d, sizeof(double), where, err);
    if (!ok)
        descent_clear(descent);
    return ok;
}

void descent_clear(Descent *descent) {
    for (size_t i = 0; descent->path && i < descent->n; i++) {
        free(descent->path[i].loss);
        free(descent->path[i].scores);
        free(descent->path[i].distance);
        free(descent->path[i].iterates);
    }
    void *owned[] = { descent->x,           descent->scores,         descent->loss,
                      descent->score_count, descent->gradient_count, descent->stop,
                      descent->answer,      descent->answer_at,      descent->path,
                      descent->active,      descent->gradient,       descent->gradient_norm,
                      descent->weights,     descent->trial,          descent->trial_scores,
                      descent->direction,   descent->best,           descent->best_scores,
                      descent->best_loss,   descent->scratch };
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free(owned[i]);
    *descent = (Descent){ 0 };
}

/* Rows of one call to the model: between two calls an interrupt is looked for. */
static size_t piece_of(const Problem *problem, size_t rows) {
    const size_t most = 1024;
    return problem->model->kind->whole_batches || rows < most ? rows : most;
}

static bool go_on(const Problem *problem, Error *err) {
    return !progress_interrupt_pending() ||
           error_set(err, ERROR_ARGUMENT, "%s: interrupted", problem->where);
}

bool problem_score(const Problem *problem, const float *points, size_t rows, double *scores,
                   Error *err) {
    size_t d = problem->features, columns = problem->columns;
    for (size_t done = 0, n; done < rows; done += n) {
        n = piece_of(problem, rows - done);
        if ((done > 0 && !go_on(problem, err)) ||
            !model_scores(problem->model, &(Batch){ points + done * d, n, d, problem->where },
                          scores + done * columns, err))
            return false;
    }
    for (size_t i = 0; i < rows; i++)
        if (!objective_is_sound(problem->model, scores + i * columns))
            return error_set(err, ERROR_ARGUMENT,
                             "%s: the %s model gave a score that is not finite (row %zu of %zu)",
                             problem->where, problem->model->kind->name, i + 1, rows);
    return true;
}

static bool problem_gradient(const Problem *problem, const float *points, size_t rows,
                             const double *weights, float *gradient, Error *err) {
    size_t d = problem->features;
    for (size_t done = 0, n; done < rows; done += n) {
        n = piece_of(problem, rows - done);
        if ((done > 0 && !go_on(problem, err)) ||
            !model_gradient(problem->model, &(Batch){ points + done * d, n, d, problem->where },
                            &(GradientRequest){ .w = weights + done * problem->columns,
                                                .gradient = gradient + done * d },
                            err))
            return false;
    }
    return true;
}

bool descent_score(Descent *descent, const float *points, const size_t *list, size_t rows,
                   size_t per, double *scores, Error *err) {
    for (size_t i = 0; i < rows; i++)
        descent->score_count[descent->active[list ? list[i] : i]] += (int32_t)per;
    return problem_score(descent->problem, points, rows * per, scores, err);
}

static bool grow(Path *path, size_t features, size_t columns, bool iterates, Error *err) {
    size_t capacity = path->capacity ? 2 * path->capacity : 8;
    double *loss = realloc(path->loss, capacity * sizeof *loss);
    path->loss = loss ? loss : path->loss;
    double *scores = realloc(path->scores, capacity * columns * sizeof *scores);
    path->scores = scores ? scores : path->scores;
    double *distance = realloc(path->distance, capacity * sizeof *distance);
    path->distance = distance ? distance : path->distance;
    float *points = NULL;
    if (iterates) {
        points = realloc(path->iterates, capacity * features * sizeof *points);
        path->iterates = points ? points : path->iterates;
    }
    if (!loss || !scores || !distance || (iterates && !points))
        return error_memory(err, "attack", capacity * features * sizeof(float));
    path->capacity = capacity;
    return true;
}

/* Append where the row stands to its path, and keep it if it is the answer so far. */
static bool record(Descent *descent, size_t row, Error *err) {
    const Problem *problem = descent->problem;
    Path *path = &descent->path[row];
    size_t d = problem->features, columns = problem->columns, at = path->count;
    if (at == path->capacity && !grow(path, d, columns, problem->params->iterates, err))
        return false;
    const float *x = descent->x + row * d;
    path->loss[at] = descent->loss[row];
    memcpy(path->scores + at * columns, descent->scores + row * columns, columns * sizeof(double));
    path->distance[at] = norm_distance(problem->constraint.norm, x, descent->x0[row], d);
    if (path->iterates)
        memcpy(path->iterates + at * d, x, d * sizeof(float));
    path->count++;
    if (at == 0 || problem->attack->keeps_last ||
        path->loss[at] < path->loss[descent->answer_at[row]]) {
        descent->answer_at[row] = at;
        memcpy(descent->answer + row * d, x, d * sizeof(float));
    }
    return true;
}

void descent_move(Descent *descent, size_t row, const float *point, const double *scores) {
    const Problem *problem = descent->problem;
    memcpy(descent->x + row * problem->features, point, problem->features * sizeof(float));
    memcpy(descent->scores + row * problem->columns, scores, problem->columns * sizeof(double));
    descent->loss[row] = objective_loss(problem->model, scores, descent->goal[row]);
}

bool descent_take_trials(Descent *descent, Error *err) {
    size_t d = descent->problem->features, columns = descent->problem->columns;
    if (!descent_score(descent, descent->trial, NULL, descent->active_count, 1,
                       descent->trial_scores, err))
        return false;
    for (size_t a = 0; a < descent->active_count; a++)
        descent_move(descent, descent->active[a], descent->trial + a * d,
                     descent->trial_scores + a * columns);
    return true;
}

static double mean(const double *values, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += values[i];
    return sum / (double)n;
}

/* Has the loss come to rest after this many iterations? */
static bool has_converged(const Descent *descent, const Path *path, size_t iteration) {
    const Attack *attack = descent->problem->attack;
    double eps = descent->problem->params->eps;
    const double *end = path->loss + path->count;
    if (path->count > 1 && fabs(end[-1] - end[-2]) < eps)
        return true;
    size_t window = (size_t)attack->window;
    return window > 0 && iteration > (size_t)attack->window_after && path->count >= 2 * window &&
           fabs(mean(end - window, window) - mean(end - 2 * window, window)) < eps;
}

/* Drop the rows whose stop has been set (≥ 0) from the active list; how many stay comes out of it.
 */
static void drop_stopped(Descent *descent) {
    size_t kept = 0;
    for (size_t a = 0; a < descent->active_count; a++)
        if (descent->stop[descent->active[a]] < 0)
            descent->active[kept++] = descent->active[a];
    descent->active_count = kept;
}

static bool gradient_is_sound(Descent *descent, size_t a, Error *err) {
    const Problem *problem = descent->problem;
    const float *g = descent->gradient + a * problem->features;
    double sum = 0;
    for (size_t j = 0; j < problem->features; j++)
        sum += (double)g[j] * (double)g[j];
    descent->gradient_norm[a] = sqrt(sum);
    return isfinite(sum) ||
           error_set(err, ERROR_ARGUMENT,
                     "%s: the %s model gave a gradient that is not finite (sample %zu)",
                     problem->where, problem->model->kind->name,
                     descent->sample[descent->active[a]] + 1);
}

/* The active rows side by side in `trial`, or their own storage while all are active. */
static const float *active_points(Descent *descent) {
    size_t d = descent->problem->features;
    if (descent->active_count == descent->n)
        return descent->x;
    for (size_t a = 0; a < descent->active_count; a++)
        memcpy(descent->trial + a * d, descent->x + descent->active[a] * d, d * sizeof(float));
    return descent->trial;
}

/* Gradients of the losses of all active rows; a row without any stops. */
static bool take_gradients(Descent *descent, Error *err) {
    const Problem *problem = descent->problem;
    const double smallest = 1e-20;
    size_t d = problem->features, columns = problem->columns, count = descent->active_count;
    for (size_t a = 0; a < count; a++) {
        size_t row = descent->active[a];
        objective_weights(problem->model, descent->scores + row * columns, descent->goal[row],
                          descent->weights + a * columns);
        descent->gradient_count[row]++;
    }
    if (!problem_gradient(problem, active_points(descent), count, descent->weights,
                          descent->gradient, err))
        return false;
    size_t kept = 0;
    for (size_t a = 0; a < count; a++) {
        if (!gradient_is_sound(descent, a, err))
            return false;
        if (descent->gradient_norm[a] < smallest) {
            descent->stop[descent->active[a]] = STOP_ZERO_GRADIENT;
            continue;
        }
        if (kept != a)
            memcpy(descent->gradient + kept * d, descent->gradient + a * d, d * sizeof(float));
        descent->gradient_norm[kept++] = descent->gradient_norm[a];
    }
    drop_stopped(descent);
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
        !descent_score(descent, descent->x, NULL, descent->n, 1, descent->scores, err))
        return false;
    for (size_t row = 0; row < descent->n; row++) {
        descent->loss[row] = objective_loss(
            problem->model, descent->scores + row * problem->columns, descent->goal[row]);
        if (!record(descent, row, err))
            return false;
    }
    return true;
}

/* One iteration of every active row; those that are done leave the list. */
static bool iterate(Descent *descent, size_t iteration, Error *err) {
    const Attack *attack = descent->problem->attack;
    if (attack->gradient && !take_gradients(descent, err))
        return false;
    if (descent->active_count == 0)
        return true;
    if (!attack->step(descent, err))
        return false;
    for (size_t a = 0; a < descent->active_count; a++) {
        size_t row = descent->active[a];
        if (!record(descent, row, err))
            return false;
        if (has_converged(descent, &descent->path[row], iteration))
            descent->stop[row] = STOP_CONVERGED;
    }
    drop_stopped(descent);
    return true;
}

size_t descent_iterations(const Attack *attack, const AttackParams *params) {
    return (size_t)params->max_iter - (attack->counts_start ? 1 : 0);
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
static bool report(const Descent *descent, size_t iteration, size_t iterations,
                   size_t active_before, Progress *progress) {
    char detail[96];
    size_t left = iterations - iteration, stopped = active_before - descent->active_count;
    snprintf(detail, sizeof detail, "iteration %zu  loss %.4f, %zu of %zu still moving", iteration,
             mean_loss(descent), descent->active_count, descent->n);
    return progress_step(progress, (double)(active_before + stopped * left), detail);
}

bool descent_run(Descent *descent, Progress *progress, Error *err) {
    const Problem *problem = descent->problem;
    size_t iterations = descent_iterations(problem->attack, problem->params);
    if (!start(descent, err))
        return false;
    bool interrupted = progress_was_interrupted(progress);
    for (size_t i = 1; i <= iterations && descent->active_count > 0 && !interrupted; i++) {
        size_t before = descent->active_count;
        /* A model written in Lua fails when it is interrupted: then keep what was recorded. */
        bool ok = iterate(descent, i, err);
        if (!ok && !progress_interrupt_pending())
            return false;
        interrupted = !report(descent, i, iterations, before, progress) || !ok;
    }
    for (size_t a = 0; a < descent->active_count; a++)
        descent->stop[descent->active[a]] = interrupted ? STOP_INTERRUPTED : STOP_MAX_ITER;
    return true;
}
