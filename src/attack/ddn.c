/* ddn.c — decoupled direction and norm (Rony et al., "Decoupling direction and norm for efficient
 * gradient-based l2 adversarial attacks and defenses", CVPR 2019): the nearest point in l2 that
 * reaches the goal. The ball's radius follows from whether a point reaches it, the direction from
 * the gradient alone. Step i of T, with δ = x − x0 and g the loss's gradient:
 *
 *     epsilon ← epsilon (1 − gamma) where x reaches the goal, else epsilon (1 + gamma)
 *     δ ← δ − alpha_i g / ‖g‖,  alpha_i from the first to the final value by half a cosine
 *     x ← box(Q(x0 + epsilon δ / ‖δ‖))
 *
 * Q rounds to the nearest of `levels` values between a feature's bounds, or does nothing. epsilon
 * never grows beyond dmax. The objective is not the paper's cross-entropy: that one knows no reject
 * score. */
#include "attack/attack_fields.h"
#include "attack/attacks.h"
#include "attack/descent.h"
#include "core/fail.h"
#include "core/parallel.h"

/* The state: every row's radius. */
static const AttackState ddn_state[] = { { sizeof(double), WIDTH_ONE } };

static void quantise(const Constraint *constraint, int levels, double *z) {
    for (size_t j = 0; levels > 0 && j < constraint->features; j++) {
        double low = constraint_lower(constraint, j);
        double step = (constraint_upper(constraint, j) - low) / (levels - 1);
        z[j] = step > 0 ? low + step * round((z[j] - low) / step) : low;
    }
}

static double next_radius(const Descent *descent, size_t row) {
    const Problem *problem = descent->problem;
    double before = ((const double *)descent->state[0])[row], gamma = problem->params->gamma;
    if (descent->iteration == 1)
        before = problem->params->radius;
    const double *scores = descent->scores + row * problem->columns;
    bool reached = problem_reached(problem, scores, descent->goal[row]);
    return fmin(before * (reached ? 1 - gamma : 1 + gamma), descent->extent[row].dmax);
}

/* z becomes the new point. */
static void make_step(const Descent *descent, size_t a, double *z) {
    const Problem *problem = descent->problem;
    const AttackParams *params = problem->params;
    size_t d = problem->features, row = descent->active[a];
    const float *x = descent->x + row * d, *x0 = descent->x0[row];
    double *radius = (double *)descent->state[0] + row, norm = descent->gradient_norm[a];
    double alpha = descent_cosine(descent, params->alpha, params->alpha_final);
    *radius = next_radius(descent, row);
    for (size_t j = 0; j < d; j++) {
        double slope = norm > 0 ? (double)descent->gradient[a * d + j] / norm : 0;
        z[j] = (double)x[j] - (double)x0[j] - alpha * slope;
    }
    double length = norm_of(NORM_L2, z, d);
    for (size_t j = 0; j < d; j++)
        z[j] = (double)x0[j] + (length > 0 ? *radius / length * z[j] : 0);
    box_project(&problem->constraint, z);
    quantise(&problem->constraint, params->levels, z);
    constraint_store(&problem->constraint, x0, z, descent->trial + a * d);
}

static void make_steps(void *context, size_t begin, size_t end, int worker) {
    Descent *descent = context;
    for (size_t a = begin; a < end; a++)
        make_step(descent, a, descent->scratch + (size_t)worker * descent->problem->features);
}

static bool ddn_step(Descent *descent, Error *err) {
    parallel_for(descent->active_count, DESCENT_PIECE, make_steps, descent);
    return descent_take_trials(descent, err);
}

static bool ddn_resolve(AttackParams *params, Error *err) {
    return params->levels != 1 ||
           error_set(err, ERROR_ARGUMENT, "attack.ddn: levels: expected 0 or 2 and more, got 1");
}

static const char *const only_l2[] = { "l1", "l2", NULL }; /* from l2 on */

static const Field fields[] = {
    ATTACK_MODEL,
    ATTACK_NORM_FROM(NORM_L2, only_l2),
    ATTACK_DMAX_AS("infinite", "how far the search may go, or that of each sample: epsilon never "
                               "grows beyond it"),
    { "radius", FIELD_NUMBER, ATTACK_AT(radius), ATTACK_STEP_RANGE,
      .meaning = "epsilon at the start" },
    { "gamma", FIELD_NUMBER, ATTACK_AT(gamma), ATTACK_SHARE,
      .meaning = "the share by which epsilon shrinks and grows" },
    ATTACK_ALPHA("the length of the first step"),
    ATTACK_ALPHA_FINAL,
    { "levels", FIELD_INTEGER, ATTACK_AT(levels), .low = 0, .high = 65536,
      .meaning =
          "values that a feature may have, evenly between its bounds (256: those of 8 bits); "
          "0: any" },
    ATTACK_OBJECTIVE,
    ATTACK_DIRECTION,
    ATTACK_SMOOTHING,
    ATTACK_MAX_ITER("steps at most"),
    ATTACK_EARLY_STOP,
    ATTACK_COMMON,
    ATTACK_FIELDS_END,
};

const Attack attack_ddn = {
    .name = "ddn",
    .summary = "decoupled direction and norm: the nearest point in l2 that evades",
    .fields = fields,
    .params = { ATTACK_UNSET_BUT(continuous), .norm = NORM_L2, .max_iter = 100, .radius = 1,
                .gamma = 0.05, .alpha = 1, .alpha_final = 0.01 },
    .resolve = ddn_resolve,
    .step = ddn_step,
    .trials = 1,
    .state = ddn_state,
    .states = 1,
    .gradient = true,
    .minimal = true,
};
