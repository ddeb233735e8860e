#include "attack/line_search.h"

#include "core/fail.h"
#include "core/parallel.h"
#include "core/simd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One batch of trial points: for each listed place `per` points at multiples 2^first · m[place],
 * 2^(first+1) · m[place], … of eta. */
typedef struct Trials {
    Descent *descent;
    const size_t *list;
    const size_t *multiple; /* by place */
    size_t count, per;
    int first;
} Trials;

const AttackState line_search_state[LINE_STATES] = {
    [LINE_DIRECTION] = { sizeof(double), STATE_FEATURES },
    [LINE_BEST] = { sizeof(float), STATE_FEATURES },   /* the best point of this search, … */
    [LINE_SCORES] = { sizeof(double), STATE_COLUMNS }, /* … its scores and loss */
    [LINE_LOSS] = { sizeof(double), STATE_ONE },
};

double *line_direction(const Descent *descent) {
    return descent->state[LINE_DIRECTION];
}

static float *best_points(const Descent *descent) {
    return descent->state[LINE_BEST];
}

static double *best_scores(const Descent *descent) {
    return descent->state[LINE_SCORES];
}

static double *best_losses(const Descent *descent) {
    return descent->state[LINE_LOSS];
}

/* z = x − length · direction. */
SIMD_CLONES
static void walk(const float *x, const double *direction, double length, size_t n, double *z) {
    for (size_t j = 0; j < n; j++)
        z[j] = (double)x[j] - length * direction[j];
}

static void make_trials(void *context, size_t begin, size_t end, int worker) {
    const Trials *trials = context;
    Descent *descent = trials->descent;
    const Constraint *constraint = &descent->problem->constraint;
    size_t d = descent->problem->features;
    double *z = descent->scratch + (size_t)worker * d, eta = descent->problem->params->eta;
    for (size_t i = begin; i < end; i++) {
        size_t place = trials->list[i / trials->per], row = descent->active[place];
        double length =
            ldexp(eta * (double)trials->multiple[place], trials->first + (int)(i % trials->per));
        walk(descent->x + row * d, line_direction(descent) + place * d, length, d, z);
        box_project(constraint, z);
        ball_project(constraint, descent->x0[row], z);
        constraint_store(constraint, descent->x0[row], z, descent->trial + i * d);
    }
}

/* Keep trial i of this place if it is better than all before. Returns its loss. */
static double consider(Descent *descent, size_t place, size_t i) {
    const Problem *problem = descent->problem;
    size_t d = problem->features, columns = problem->columns;
    const double *scores = descent->trial_scores + i * columns;
    double loss = descent_loss(descent, descent->active[place], scores);
    if (loss < best_losses(descent)[place]) {
        best_losses(descent)[place] = loss;
        memcpy(best_points(descent) + place * d, descent->trial + i * d, d * sizeof(float));
        memcpy(best_scores(descent) + place * columns, scores, columns * sizeof(double));
    }
    return loss;
}

static bool try_points(const Trials *trials, Error *err) {
    Descent *descent = trials->descent;
    parallel_for(trials->count * trials->per, DESCENT_PIECE, make_trials, (void *)trials);
    return descent_score(descent, descent->trial, trials->list, trials->count, trials->per,
                         descent->trial_scores, err);
}

/* Halve each row's multiple until its loss is not above the start's. `list` holds all places and is
 * used up. */
static bool halve(Descent *descent, size_t *list, size_t *multiple, Error *err) {
    size_t left = descent->active_count;
    while (left > 0) {
        Trials trials = { descent, list, multiple, left, 1, 0 };
        if (!try_points(&trials, err))
            return false;
        size_t again = 0;
        for (size_t i = 0; i < left; i++) {
            size_t place = list[i];
            double loss = consider(descent, place, i);
            if (multiple[place] > 1 && loss > descent->loss[descent->active[place]]) {
                multiple[place] /= 2;
                list[again++] = place;
            }
        }
        left = again;
    }
    return true;
}

static bool double_up(Descent *descent, size_t *list, const size_t *multiple, bool first_known,
                      Error *err) {
    size_t per = LINE_SEARCH_DOUBLINGS + (first_known ? 0 : 1);
    Trials trials = { descent, list, multiple, descent->active_count, per, first_known ? 1 : 0 };
    for (size_t a = 0; a < descent->active_count; a++)
        list[a] = a;
    if (!try_points(&trials, err))
        return false;
    for (size_t i = 0; i < trials.count * per; i++)
        consider(descent, i / per, i);
    return true;
}

bool line_search(Descent *descent, Error *err) {
    const Problem *problem = descent->problem;
    size_t count = descent->active_count, columns = problem->columns, d = problem->features;
    size_t from = (size_t)llround(problem->params->eta_min / problem->params->eta);
    size_t *list = malloc(2 * count * sizeof *list), *multiple = list ? list + count : NULL;
    if (!list)
        return error_memory(err, problem->where, 2 * count * sizeof *list);
    for (size_t a = 0; a < count; a++) {
        list[a] = a;
        multiple[a] = from;
        best_losses(descent)[a] = descent->loss[descent->active[a]];
        memcpy(best_points(descent) + a * d, descent->x + descent->active[a] * d,
               d * sizeof(float));
        memcpy(best_scores(descent) + a * columns, descent->scores + descent->active[a] * columns,
               columns * sizeof(double));
    }
    bool ok = (from == 1 || halve(descent, list, multiple, err)) &&
              double_up(descent, list, multiple, from > 1, err);
    for (size_t a = 0; ok && a < count; a++)
        descent_move(descent, descent->active[a], best_points(descent) + a * d,
                     best_scores(descent) + a * columns);
    free(list);
    return ok;
}
