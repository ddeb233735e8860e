/* fmn.c — the fast minimum-norm attack (Pintor et al., "Fast minimum-norm adversarial attacks
 * through adaptive norm constraints", NeurIPS 2021): the nearest point that reaches the goal, for
 * l1, l2 and linf. Step i of T, with δ = x − x0, g the loss's gradient, ‖·‖_* the dual norm and
 * share = (1 + cos(π (i − 1) / T)) / 2:
 *
 *     alpha_i, gamma_i   from the first to the final value, by the share
 *     epsilon ← min(epsilon (1 − gamma_i), nearest so far)   where x reaches the goal
 *               epsilon (1 + gamma_i)                        where it did so before
 *               (1 + gamma_i) (‖δ‖ + |loss| / ‖g‖_*)         where it never has; an ascent's height
 *                                                            stands for the loss where g is its
 *     x ← box(ball_epsilon(x − alpha_i g / ‖g‖_2))
 *
 * A loss of somebody else's that is 0 where x does not reach the goal tells of no boundary (log
 * p_y, rounded, where p_y is nearly 1): there epsilon does not hold x back.
 *
 * epsilon stays within dmax, or reach times that: then points beyond dmax are on the way and no
 * answers. Two things are not the paper's. The estimate of where the boundary is
 * goes beyond it by the share gamma_i: the boundary itself is not yet on the other side. And g has
 * no components that push out of the box where x stands on it: with them the projection to the l1
 * ball keeps what the box then takes away, and the ball does not grow. */
#include "attack/attack_fields.h"
#include "attack/attacks.h"
#include "attack/descent.h"
#include "attack/unit_step.h"
#include "core/parallel.h"

/* The state: every row's radius. */
enum { FMN_EPSILON, FMN_STATES };
static const AttackState fmn_state[FMN_STATES] = { { sizeof(double), WIDTH_ONE } };

static Norm dual_of(Norm norm) {
    return norm == NORM_L1 ? NORM_LINF : norm == NORM_LINF ? NORM_L1 : NORM_L2;
}

/* The row's next radius, from the one that it has; g: its gradient. */
static double next_epsilon(const Descent *descent, size_t row, const double *g) {
    const Problem *problem = descent->problem;
    const Path *path = &descent->path[row];
    const double *scores = descent->scores + row * problem->columns;
    double epsilon = ((const double *)descent->state[FMN_EPSILON])[row];
    double gamma = descent_cosine(descent, problem->params->gamma, problem->params->gamma_final);
    const Worth *best = &descent->worth[row];
    if (problem_reached(problem, scores, descent->goal[row]))
        return fmin(epsilon * (1 - gamma), best->reached ? best->distance : INFINITY);
    if (best->reached)
        return epsilon * (1 + gamma);
    double left = fabs(descent_left(descent, row));
    if (left == 0 && PROBLEM_PART(problem, losses))
        return INFINITY;
    double steepness = norm_of(dual_of(problem->constraint.norm), g, problem->features);
    return (1 + gamma) * (path->distance[path->count - 1] + left / steepness);
}

/* z: the gradient, then the new point. */
static void make_step(Descent *descent, size_t a, double *z) {
    const Problem *problem = descent->problem;
    const AttackParams *params = problem->params;
    size_t d = problem->features, row = descent->active[a];
    const float *x = descent->x + row * d, *x0 = descent->x0[row];
    double dmax = descent->extent[row].dmax;
    double *epsilon = (double *)descent->state[FMN_EPSILON] + row;
    for (size_t j = 0; j < d; j++)
        z[j] = (double)descent->gradient[a * d + j];
    drop_outward(&problem->constraint, x, z);
    *epsilon = fmin(next_epsilon(descent, row, z), fmax(params->reach, 1) * dmax);
    double alpha = descent_cosine(descent, params->alpha, params->alpha_final);
    double length = norm_of(NORM_L2, z, d);
    for (size_t j = 0; j < d; j++)
        z[j] = (double)x[j] - (length > 0 ? alpha * z[j] / length : 0);
    Constraint ball = problem->constraint;
    ball.dmax = *epsilon;
    ball_project(&ball, x0, z);
    box_project(&ball, z);
    constraint_store(&ball, x0, z, descent->trial + a * d);
}

static void make_steps(void *context, size_t begin, size_t end, int worker) {
    Descent *descent = context;
    for (size_t a = begin; a < end; a++)
        make_step(descent, a, descent->scratch + (size_t)worker * descent->problem->features);
}

/* A row's least distance so far, or how far it thinks that it has to go. */
static double reach_of(const Descent *descent, size_t row) {
    const Worth *worth = &descent->worth[row];
    return worth->reached ? worth->distance : ((double *)descent->state[FMN_EPSILON])[row];
}

/* Of the classes that a sample may be taken for, few are worth the whole way. */
static const struct Round {
    size_t parts, classes; /* after 1 / parts of the iterations so many go on */
} rounds[] = { { 8, 5 }, { 4, 3 }, { 2, 2 } };

static bool fmn_step(Descent *descent, Error *err) {
    parallel_for(descent->active_count, DESCENT_PIECE, make_steps, descent);
    if (!descent_take_trials(descent, err))
        return false;
    for (size_t r = 0; r < sizeof rounds / sizeof *rounds; r++)
        if (descent->iteration == descent->iterations / rounds[r].parts)
            descent_keep(descent, rounds[r].classes, reach_of);
    return true;
}

static const Field fields[] = {
    ATTACK_MODEL,
    ATTACK_NORM,
    ATTACK_DMAX_AS("infinite", "how far the search may go, in the norm, or that of each sample: "
                               "epsilon never grows beyond it"),
    { "reach", FIELD_NUMBER, ATTACK_AT(reach), .low = 1, .high = 1e6,
      .meaning = "how far the search may go on its way, times dmax; answers are within dmax" },
    ATTACK_ALPHA("the length (l2) of the first step, whatever the norm"),
    ATTACK_ALPHA_FINAL,
    { "gamma", FIELD_NUMBER, ATTACK_AT(gamma), ATTACK_SHARE,
      .meaning = "the share by which epsilon shrinks and grows at first" },
    { "gamma_final", FIELD_NUMBER, ATTACK_AT(gamma_final), ATTACK_SHARE,
      .meaning = "what this share falls to, by a cosine" },
    ATTACK_OBJECTIVE,
    ATTACK_DIRECTION,
    ATTACK_SMOOTHING,
    ATTACK_MAX_ITER("steps at most"),
    ATTACK_EARLY_STOP,
    ATTACK_COMMON,
    ATTACK_FIELDS_END,
};

const Attack attack_fmn = {
    .name = "fmn",
    .summary = "the fast minimum-norm attack: the nearest point that evades",
    .fields = fields,
    .params = { ATTACK_UNSET_BUT(continuous), .norm = NORM_L2, .max_iter = 200, .reach = 1,
                .alpha = 1, .alpha_final = 0.01, .gamma = 0.05, .gamma_final = 0.001 },
    .step = fmn_step,
    .trials = 1,
    .state = fmn_state,
    .states = FMN_STATES,
    .gradient = true,
    .minimal = true,
};
