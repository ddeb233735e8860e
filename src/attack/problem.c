#include "attack/problem.h"

#include "core/fail.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool problem_score(const Problem *problem, const Points *points, Error *err) {
    Batch batch = { points->x, points->n, problem->features, problem->where };
    return model_scores_in_pieces(problem->model, &batch, points->scores, err);
}

/* ---- Losses ---------------------------------------------------------------------------------- */

static bool is_sound(const Problem *problem, const LossRequest *request, size_t i) {
    return objective_is_sound(problem->model, request->scores + i * problem->columns);
}

static void leave_out(const Problem *problem, const LossRequest *request, size_t i) {
    request->loss[i] = INFINITY;
    if (request->w)
        memset(request->w + i * problem->columns, 0, problem->columns * sizeof *request->w);
}

static void own_losses(const Problem *problem, const LossRequest *request) {
    const Objective *objective = problem->objective;
    for (size_t i = 0; i < request->n; i++) {
        const double *scores = request->scores + i * problem->columns;
        if (!is_sound(problem, request, i)) {
            leave_out(problem, request, i);
            continue;
        }
        request->loss[i] = objective->loss(problem->model, scores, request->goal[i]);
        if (request->w)
            objective->weights(problem->model, scores, request->goal[i],
                               request->w + i * problem->columns);
    }
}

/* Ask the part. The reject score does not depend on the sample: it has no weight. */
static bool ask_part(const Problem *problem, const LossRequest *request, Error *err) {
    const AttackParts *parts = problem->params->parts;
    LossRequest asked = *request;
    asked.model = problem->model;
    if (request->n > 0 && !parts->losses(parts->context, &asked, err))
        return false;
    for (size_t i = 0; request->w && problem->model->rejects && i < request->n; i++)
        request->w[(i + 1) * problem->columns - 1] = 0;
    return true;
}

/* The request's rows whose scores are sound, side by side. */
typedef struct Sound {
    LossRequest rows;
    size_t *place; /* where each stands in the whole */
    double *numbers;
    Goal *goal;
    size_t *sample;
} Sound;

static void sound_clear(Sound *sound) {
    free(sound->place);
    free(sound->numbers);
    free(sound->goal);
    free(sound->sample);
}

static bool sound_init(const Problem *problem, const LossRequest *request, Sound *sound,
                       Error *err) {
    size_t n = request->n, columns = problem->columns, count = n * (2 * columns + 1);
    sound->place = malloc(n * sizeof(size_t));
    sound->numbers = malloc(count * sizeof(double));
    sound->goal = malloc(n * sizeof(Goal));
    sound->sample = malloc(n * sizeof(size_t));
    if (!sound->place || !sound->numbers || !sound->goal || !sound->sample) {
        sound_clear(sound);
        return error_memory(err, problem->where, count * sizeof(double));
    }
    double *scores = sound->numbers, *w = scores + n * columns;
    sound->rows = (LossRequest){ .scores = scores,
                                 .goal = sound->goal,
                                 .sample = sound->sample,
                                 .loss = w + n * columns,
                                 .w = request->w ? w : NULL };
    for (size_t i = 0; i < n; i++) {
        if (!is_sound(problem, request, i))
            continue;
        size_t at = sound->rows.n++;
        memcpy(scores + at * columns, request->scores + i * columns, columns * sizeof *scores);
        sound->goal[at] = request->goal[i];
        sound->sample[at] = request->sample[i];
        sound->place[at] = i;
    }
    return true;
}

static bool sound_losses(const Problem *problem, const LossRequest *request, Error *err) {
    Sound sound;
    size_t columns = problem->columns;
    if (!sound_init(problem, request, &sound, err))
        return false;
    bool ok = ask_part(problem, &sound.rows, err);
    for (size_t i = 0; ok && i < request->n; i++)
        leave_out(problem, request, i);
    for (size_t at = 0; ok && at < sound.rows.n; at++) {
        size_t i = sound.place[at];
        request->loss[i] = sound.rows.loss[at];
        if (request->w)
            memcpy(request->w + i * columns, sound.rows.w + at * columns,
                   columns * sizeof *request->w);
    }
    sound_clear(&sound);
    return ok;
}

bool problem_losses(const Problem *problem, const LossRequest *request, Error *err) {
    if (!PROBLEM_PART(problem, losses)) {
        own_losses(problem, request);
        return true;
    }
    for (size_t i = 0; i < request->n; i++)
        if (!is_sound(problem, request, i))
            return sound_losses(problem, request, err);
    return ask_part(problem, request, err);
}

/* ---- Answers --------------------------------------------------------------------------------- */

Goal problem_answer_goal(Goal goal) {
    return goal.any ? (Goal){ goal.truth, -1, false } : goal;
}

bool problem_reached(const Problem *problem, const double *scores, Goal goal) {
    return verdict_success(problem->model, scores, problem_answer_goal(goal));
}

bool problem_worths(const Problem *problem, const LossRequest *request, Worth *worth, Error *err) {
    LossRequest asked = *request;
    Goal *goal = malloc((asked.n + 1) * sizeof *goal);
    if (!goal)
        return error_memory(err, problem->where, asked.n * sizeof *goal);
    for (size_t i = 0; i < asked.n; i++)
        goal[i] = problem_answer_goal(request->goal[i]);
    asked.goal = goal;
    bool ok = problem_losses(problem, &asked, err);
    for (size_t i = 0; ok && i < request->n; i++)
        worth[i] = (Worth){
            .reached = problem_reached(problem, request->scores + i * problem->columns, goal[i]),
            .loss = request->loss[i],
        };
    free(goal);
    return ok;
}

/* ---- The way --------------------------------------------------------------------------------- */

bool problem_ascends(const Problem *problem) {
    if (PROBLEM_PART(problem, direction))
        return false;
    return problem->attack->view ? !PROBLEM_PART(problem, losses)
                                 : problem->params->direction != DIRECTION_GRADIENT;
}

size_t problem_price(const Problem *problem, bool ahead) {
    const Attack *attack = problem->attack;
    size_t step = attack->price ? attack->price(problem->params) : 1;
    size_t answers = step + (attack->gradient ? 1 + (problem_ascends(problem) && !ahead) : 0);
    return answers * (size_t)problem->params->samples;
}
