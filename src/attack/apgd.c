/* apgd.c — Auto-PGD (Croce and Hein, "Reliable evaluation of adversarial robustness with an
 * ensemble of diverse parameter-free attacks", ICML 2020): steps with momentum, whose length is
 * halved where they no longer help. With P the projection to ball and box, s the unit step against
 * the gradient (unit_step.h), and eta = 2 dmax at first:
 *
 *     z_k     = P(x_k − eta s)
 *     x_{k+1} = P(x_k + 0.75 (z_k − x_k) + 0.25 (x_k − x_{k−1})),  x_1 = z_0
 *
 * Checkpoints are ⌈p_j T⌉ of T steps: p_1 = 0.22, and each next is 0.03 nearer to the one before,
 * but no nearer than 0.06. There eta is halved, and the row goes back to its best point, if fewer
 * than 0.75 of the steps since the last checkpoint made the loss fall, or if eta was not halved at
 * the last one and the best loss is still that of then. The best point comes with its gradient:
 * going back costs nothing. Not the paper's: where the gradient is 0 at a point that is not the
 * best the row does not wait for a checkpoint, the step was too long. */
#include "attack/attack_fields.h"
#include "attack/attacks.h"
#include "attack/descent.h"
#include "attack/unit_step.h"
#include "core/parallel.h"

#include <string.h>

/* One row's schedule. */
typedef struct Schedule {
    double eta;
    double best;     /* the least loss so far */
    double at_best;  /* what is minimised there */
    double last;     /* the loss where the last step began */
    double checked;  /* the least loss at the last checkpoint */
    size_t improved; /* steps since then that made the loss fall */
    bool halved;     /* at the last checkpoint */
} Schedule;

/* The state, by row: its schedule, the point before this one, and its best point. */
enum { APGD_SCHEDULE, APGD_BEFORE, APGD_BEST, APGD_BEST_GRADIENT, APGD_BEST_SCORES, APGD_STATES };
static const AttackState apgd_state[APGD_STATES] = {
    [APGD_SCHEDULE] = { sizeof(Schedule), WIDTH_ONE },
    [APGD_BEFORE] = { sizeof(float), WIDTH_FEATURES },
    [APGD_BEST] = { sizeof(float), WIDTH_FEATURES },
    [APGD_BEST_GRADIENT] = { sizeof(float), WIDTH_FEATURES },
    [APGD_BEST_SCORES] = { sizeof(double), WIDTH_COLUMNS },
};

/* How many steps the last window has had if there is a checkpoint after `done` of them; else 0. */
static size_t window_at(size_t done, size_t steps) {
    size_t last = 0, percent = 0, width = 22;
    while (last < done) {
        percent += width;
        width = width > 9 ? width - 3 : 6;
        size_t at = (percent * steps + 99) / 100;
        if (at == done)
            return done - last;
        last = at;
    }
    return 0;
}

static float *row_of(const Descent *descent, int state, size_t row) {
    return (float *)descent->state[state] + row * descent->problem->features;
}

static double *best_scores(const Descent *descent, size_t row) {
    return (double *)descent->state[APGD_BEST_SCORES] + row * descent->problem->columns;
}

/* The loss that the schedule follows. Along the logarithm it is what is left to rise, which does
 * not stand still where the loss does; but not while kernels change their width. */
static double followed(const Descent *descent, size_t row) {
    const AttackParams *params = descent->problem->params;
    bool same = params->direction == DIRECTION_LOG && !params->smoothing;
    return same ? descent_left(descent, row) : descent->loss[row];
}

static void keep_best(const Descent *descent, size_t a, Schedule *schedule) {
    const Problem *problem = descent->problem;
    size_t row = descent->active[a], d = problem->features, columns = problem->columns;
    schedule->best = followed(descent, row);
    schedule->at_best = descent->loss[row];
    memcpy(row_of(descent, APGD_BEST, row), descent->x + row * d, d * sizeof(float));
    memcpy(row_of(descent, APGD_BEST_GRADIENT, row), descent->gradient + a * d, d * sizeof(float));
    memcpy(best_scores(descent, row), descent->scores + row * columns, columns * sizeof(double));
}

static void return_to_best(Descent *descent, size_t a) {
    size_t row = descent->active[a], d = descent->problem->features;
    const Schedule *schedule = (const Schedule *)descent->state[APGD_SCHEDULE] + row;
    descent_move(descent, row,
                 (Candidate){ row_of(descent, APGD_BEST, row), best_scores(descent, row),
                              schedule->at_best });
    memcpy(descent->gradient + a * d, row_of(descent, APGD_BEST_GRADIENT, row), d * sizeof(float));
}

/* What the last step has brought, and whether the next ones shall be shorter. window: as window_at
 * has it. */
static void look_back(Descent *descent, size_t a, size_t window) {
    size_t row = descent->active[a];
    Schedule *schedule = (Schedule *)descent->state[APGD_SCHEDULE] + row;
    double loss = followed(descent, row);
    if (descent->iteration == 1)
        *schedule = (Schedule){
            .eta = 2 * descent->extent[row].dmax, .best = INFINITY, .last = loss, .checked = loss
        };
    schedule->improved += loss < schedule->last;
    if (loss < schedule->best)
        keep_best(descent, a, schedule);
    bool shorter = descent->gradient_norm[a] == 0 && loss > schedule->best;
    if (window > 0) {
        bool stands = !schedule->halved && !(schedule->best < schedule->checked);
        schedule->halved = stands || (double)schedule->improved < 0.75 * (double)window;
        shorter = shorter || schedule->halved;
        schedule->checked = schedule->best;
        schedule->improved = 0;
    }
    if (shorter) {
        schedule->eta /= 2;
        return_to_best(descent, a);
        loss = schedule->best;
    }
    schedule->last = loss;
}

static void project(const Constraint *constraint, const float *x0, double *z) {
    ball_project(constraint, x0, z);
    box_project(constraint, z);
}

/* z: the unit step, then the new point. */
static void make_step(const Descent *descent, size_t a, double *z) {
    const Problem *problem = descent->problem;
    size_t d = problem->features, row = descent->active[a];
    Constraint constraint = descent_constraint(descent, row);
    const float *x = descent->x + row * d, *x0 = descent->x0[row];
    float *before = row_of(descent, APGD_BEFORE, row);
    double eta = ((const Schedule *)descent->state[APGD_SCHEDULE])[row].eta;
    UnitStep step = { step_rule_of(constraint.norm), step_components(problem->params->largest, d) };
    for (size_t j = 0; j < d; j++)
        z[j] = (double)descent->gradient[a * d + j];
    if (step.rule == STEP_LARGEST)
        drop_outward(&constraint, x, z);
    unit_step(step, d, z);
    for (size_t j = 0; j < d; j++)
        z[j] = (double)x[j] - eta * z[j];
    project(&constraint, x0, z);
    if (descent->iteration > 1) {
        for (size_t j = 0; j < d; j++)
            z[j] = (double)x[j] + 0.75 * (z[j] - (double)x[j]) +
                   0.25 * ((double)x[j] - (double)before[j]);
        project(&constraint, x0, z);
    }
    memcpy(before, x, d * sizeof *before);
    constraint_store(&constraint, x0, z, descent->trial + a * d);
}

static void make_steps(void *context, size_t begin, size_t end, int worker) {
    Descent *descent = context;
    size_t window = window_at(descent->iteration - 1, descent->iterations);
    for (size_t a = begin; a < end; a++) {
        look_back(descent, a, window);
        make_step(descent, a, descent->scratch + (size_t)worker * descent->problem->features);
    }
}

static bool apgd_step(Descent *descent, Error *err) {
    parallel_for(descent->active_count, DESCENT_PIECE, make_steps, descent);
    return descent_take_trials(descent, err);
}

static const Field fields[] = {
    ATTACK_MODEL,      ATTACK_NORM,
    ATTACK_DMAX,       ATTACK_LARGEST,
    ATTACK_OBJECTIVE,  ATTACK_DIRECTION,
    ATTACK_SMOOTHING,  ATTACK_MAX_ITER("steps at most: the schedule's unit"),
    ATTACK_EARLY_STOP, ATTACK_RESTARTS,
    ATTACK_START,      ATTACK_START_FROM,
    ATTACK_SEED,       ATTACK_COMMON,
    ATTACK_FIELDS_END,
};

const Attack attack_apgd = {
    .name = "apgd",
    .summary = "Auto-PGD: projected gradient descent with momentum and steps that adapt",
    .fields = fields,
    .params = { ATTACK_UNSET_BUT(continuous), .norm = NORM_L2, .max_iter = 100, .largest = 10 },
    .step = apgd_step,
    .state = apgd_state,
    .states = APGD_STATES,
    .trials = 1,
    .gradient = true,
    .coasts = true,
    .finite = true,
};
