/* pgd_exp.c — PGD with an exponential line search (Sotgiu et al., "Deep neural rejection against
 * adversarial examples", EURASIP J. on Information Security 2020:5).
 *
 * The direction is the norm's own: the unit gradient for l2, one signed component for l1, the sign
 * for linf. Components that push out of the box do not count. Where a first step of eta would leave
 * the ball (or else the box), the direction is the way to its projection instead: it slides along
 * the border. */
#include "attack/attack_fields.h"
#include "attack/attacks.h"
#include "attack/line_search.h"
#include "core/fail.h"
#include "core/parallel.h"

#include <math.h>
#include <string.h>

/* A feature this near its bound stands on it. */
static const double border = 1e-6;

/* One row on its way to a direction. */
typedef struct Turn {
    const Constraint *constraint;
    const float *x0, *x, *gradient;
    double gradient_norm, eta;
    double *direction;
    double *z; /* scratch */
} Turn;

/* direction = the gradient at unit length, without what pushes out of the box. */
static void allowed_gradient(const Turn *turn) {
    const Constraint *constraint = turn->constraint;
    for (size_t j = 0; j < constraint->features; j++) {
        double value = (double)turn->gradient[j] / turn->gradient_norm, at = (double)turn->x[j];
        bool out = (value > 0 && at <= constraint_lower(constraint, j) + border) ||
                   (value < 0 && at >= constraint_upper(constraint, j) - border);
        turn->direction[j] = out ? 0 : value;
    }
}

static void keep_signs(double *direction, size_t n) {
    for (size_t j = 0; j < n; j++)
        direction[j] = (direction[j] > 0) - (direction[j] < 0);
}

static void keep_largest(double *direction, size_t n) {
    size_t largest = 0;
    for (size_t j = 1; j < n; j++)
        if (fabs(direction[j]) > fabs(direction[largest]))
            largest = j;
    double sign = (direction[largest] > 0) - (direction[largest] < 0);
    memset(direction, 0, n * sizeof *direction);
    direction[largest] = sign;
}

/* Unit length for l2, signs otherwise. A zero vector stays. */
static void normalise(Norm norm, double *direction, size_t n) {
    if (norm != NORM_L2) {
        keep_signs(direction, n);
        return;
    }
    double length = norm_of(NORM_L2, direction, n);
    for (size_t j = 0; length > 0 && j < n; j++)
        direction[j] /= length;
}

/* Where x − eta·direction leaves ball or box, turn the direction towards its projection. */
static void slide(const Turn *turn) {
    const Constraint *constraint = turn->constraint;
    size_t n = constraint->features;
    double *z = turn->z;
    for (size_t j = 0; j < n; j++)
        z[j] = (double)turn->x[j] - turn->eta * turn->direction[j];
    if (!ball_holds(constraint, turn->x0, z))
        ball_project(constraint, turn->x0, z);
    else if (!box_holds(constraint, z))
        box_project(constraint, z);
    else
        return;
    for (size_t j = 0; j < n; j++)
        turn->direction[j] = (double)turn->x[j] - z[j];
    normalise(constraint->norm, turn->direction, n);
}

static void make_directions(void *context, size_t begin, size_t end, int worker) {
    Descent *descent = context;
    const Problem *problem = descent->problem;
    size_t d = problem->features;
    for (size_t a = begin; a < end; a++) {
        size_t row = descent->active[a];
        Constraint constraint = descent_constraint(descent, row);
        Turn turn = { .constraint = &constraint,
                      .x0 = descent->x0[row],
                      .x = descent->x + row * d,
                      .gradient = descent->gradient + a * d,
                      .gradient_norm = descent->gradient_norm[a],
                      .eta = problem->params->eta,
                      .direction = line_direction(descent) + a * d,
                      .z = descent->scratch + (size_t)worker * d };
        allowed_gradient(&turn);
        if (problem->constraint.norm == NORM_L1)
            keep_largest(turn.direction, d);
        else if (problem->constraint.norm == NORM_LINF)
            keep_signs(turn.direction, d);
        slide(&turn);
    }
}

static bool pgd_exp_step(Descent *descent, Error *err) {
    parallel_for(descent->active_count, DESCENT_PIECE, make_directions, descent);
    return line_search(descent, err);
}

static bool pgd_exp_resolve(AttackParams *params, Error *err) {
    if (isnan(params->eta))
        params->eta = params->norm == NORM_LINF ? 0.01 : 0.1;
    if (isnan(params->eta_min))
        params->eta_min = params->eta;
    double multiple = params->eta_min / params->eta;
    if (!(multiple >= 1 - 1e-6) || multiple > 1e6 || fabs(multiple - round(multiple)) > 1e-6)
        return error_set(err, ERROR_ARGUMENT,
                         "attack.pgd_exp: eta_min %g is not a multiple of eta %g", params->eta_min,
                         params->eta);
    return true;
}

static const Field fields[] = {
    ATTACK_MODEL,      ATTACK_NORM,
    ATTACK_DMAX,       ATTACK_ETA("0.1; 0.01 for linf", "the grid of the line search"),
    ATTACK_ETA_MIN,    ATTACK_OBJECTIVE,
    ATTACK_DIRECTION,  ATTACK_SMOOTHING,
    ATTACK_EPS,        ATTACK_MAX_ITER("iterates at most, the start included"),
    ATTACK_EARLY_STOP, ATTACK_START,
    ATTACK_START_FROM, ATTACK_RESTARTS,
    ATTACK_SEED,       ATTACK_COMMON,
    ATTACK_FIELDS_END,
};

const Attack attack_pgd_exp = {
    .name = "pgd_exp",
    .summary = "projected gradient descent with an exponential line search, double start",
    .fields = fields,
    .params = { ATTACK_UNSET, .norm = NORM_L2, .max_iter = 30 },
    .resolve = pgd_exp_resolve,
    .step = pgd_exp_step,
    .state = line_search_state,
    .states = LINE_STATES,
    .trials = 1 + LINE_SEARCH_DOUBLINGS,
    .price = line_search_price,
    .gradient = true,
    .counts_start = true,
    .needs_length = true,
    .window = 10,
    .window_after = 20,
};
