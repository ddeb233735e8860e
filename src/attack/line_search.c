#include "attack/line_search.h"

#include "core/parallel.h"
#include "core/simd.h"

#include <math.h>
#include <string.h>

/* One search, of all active rows: for each listed place `per` points at multiples
 * 2^first · m[place], 2^(first+1) · m[place], … of eta. */
typedef struct Search {
    Descent *descent;
    size_t *place;    /* those whose points are tried next: count of them */
    size_t *multiple; /* by place */
    size_t count, per;
    int first;
} Search;

const AttackState line_search_state[LINE_STATES] = {
    [LINE_DIRECTION] = { sizeof(double), WIDTH_FEATURES },
    [LINE_BEST] = { sizeof(float), WIDTH_FEATURES },   /* the best point of this search, … */
    [LINE_SCORES] = { sizeof(double), WIDTH_COLUMNS }, /* … its scores and loss */
    [LINE_LOSS] = { sizeof(double), WIDTH_ONE },
    [LINE_PLACE] = { sizeof(size_t), WIDTH_ONE },
    [LINE_MULTIPLE] = { sizeof(size_t), WIDTH_ONE },
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
    const Search *search = context;
    Descent *descent = search->descent;
    size_t d = descent->problem->features;
    double *z = descent->scratch + (size_t)worker * d, eta = descent->problem->params->eta;
    for (size_t i = begin; i < end; i++) {
        size_t place = search->place[i / search->per], row = descent->active[place];
        Constraint constraint = descent_constraint(descent, row);
        double length =
            ldexp(eta * (double)search->multiple[place], search->first + (int)(i % search->per));
        walk(descent->x + row * d, line_direction(descent) + place * d, length, d, z);
        box_project(&constraint, z);
        ball_project(&constraint, descent->x0[row], z);
        constraint_store(&constraint, descent->x0[row], z, descent->trial + i * d);
    }
}

/* Keep trial i of this place if it is better than all before. Returns its loss. */
static double consider(Descent *descent, size_t place, size_t i) {
    const Problem *problem = descent->problem;
    size_t d = problem->features, columns = problem->columns;
    const double *scores = descent->trial_scores + i * columns;
    double loss = descent->trial_loss[i];
    if (loss < best_losses(descent)[place]) {
        best_losses(descent)[place] = loss;
        memcpy(best_points(descent) + place * d, descent->trial + i * d, d * sizeof(float));
        memcpy(best_scores(descent) + place * columns, scores, columns * sizeof(double));
    }
    return loss;
}

static bool try_points(Search *search, Error *err) {
    parallel_for(search->count * search->per, DESCENT_PIECE, make_trials, search);
    return descent_score(search->descent, &(Trials){ search->place, search->count, search->per },
                         err);
}

/* To a whole number, halves to the even one: 7, 4, 2, 1. */
static size_t half_of(size_t multiple) {
    size_t half = multiple / 2;
    return multiple % 2 ? half + half % 2 : half;
}

/* Halve each row's multiple until its loss is not above the start's. */
static bool halve(Search *search, Error *err) {
    Descent *descent = search->descent;
    search->per = 1;
    while (search->count > 0) {
        if (!try_points(search, err))
            return false;
        size_t again = 0;
        for (size_t i = 0; i < search->count; i++) {
            size_t place = search->place[i];
            double loss = consider(descent, place, i);
            if (search->multiple[place] > 1 && loss > descent->loss[descent->active[place]]) {
                search->multiple[place] = half_of(search->multiple[place]);
                search->place[again++] = place;
            }
        }
        search->count = again;
    }
    return true;
}

/* Ten times from each row's multiple, which is the first of the points unless it has been tried. */
static bool double_up(Search *search, bool tried, Error *err) {
    search->first = tried ? 1 : 0;
    search->per = LINE_SEARCH_DOUBLINGS + (tried ? 0 : 1);
    search->count = search->descent->active_count;
    for (size_t a = 0; a < search->count; a++)
        search->place[a] = a;
    if (!try_points(search, err))
        return false;
    for (size_t i = 0; i < search->count * search->per; i++)
        consider(search->descent, i / search->per, i);
    return true;
}

/* All places, each at the multiple `from`; the best so far is where its row stands. */
static void begin_search(Search *search, size_t from) {
    Descent *descent = search->descent;
    size_t columns = descent->problem->columns, d = descent->problem->features;
    search->count = descent->active_count;
    for (size_t a = 0; a < search->count; a++) {
        size_t row = descent->active[a];
        search->place[a] = a;
        search->multiple[a] = from;
        best_losses(descent)[a] = descent->loss[row];
        memcpy(best_points(descent) + a * d, descent->x + row * d, d * sizeof(float));
        memcpy(best_scores(descent) + a * columns, descent->scores + row * columns,
               columns * sizeof(double));
    }
}

size_t line_search_price(const AttackParams *params) {
    size_t halvings = 0, from = (size_t)llround(params->eta_min / params->eta);
    for (size_t m = from; m > 1; m = half_of(m))
        halvings++;
    return halvings + 1 + LINE_SEARCH_DOUBLINGS;
}

bool line_search(Descent *descent, Error *err) {
    const Problem *problem = descent->problem;
    size_t columns = problem->columns, d = problem->features;
    size_t from = (size_t)llround(problem->params->eta_min / problem->params->eta);
    Search search = { .descent = descent,
                      .place = descent->state[LINE_PLACE],
                      .multiple = descent->state[LINE_MULTIPLE] };
    begin_search(&search, from);
    if ((from > 1 && !halve(&search, err)) || !double_up(&search, from > 1, err))
        return false;
    for (size_t a = 0; a < descent->active_count; a++)
        descent_move(descent, descent->active[a],
                     (Candidate){ best_points(descent) + a * d, best_scores(descent) + a * columns,
                                  best_losses(descent)[a] });
    return true;
}
