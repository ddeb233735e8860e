/* mifgsm.c — the momentum iterative fast gradient sign method (Dong et al., "Boosting adversarial
 * attacks with momentum", CVPR 2018). With g the loss's gradient and P the projection to ball and
 * box:
 *
 *     v ← momentum v + g / ‖g‖_1
 *     x ← P(x − eta sign v)  for linf,  P(x − eta v / ‖v‖_2)  for l2
 *
 * eta is dmax / T for T steps, which go as far as the ball and no further. The answer is the best
 * point of the way, where the paper takes the last. */
#include "attack/attack_fields.h"
#include "attack/attacks.h"
#include "attack/descent.h"
#include "attack/unit_step.h"
#include "core/fail.h"
#include "core/parallel.h"

/* By row: v. */
static const AttackState mifgsm_state[] = { { sizeof(float), WIDTH_FEATURES } };

static void make_step(const Descent *descent, size_t a, double *z) {
    size_t d = descent->problem->features, row = descent->active[a];
    const float *x = descent->x + row * d;
    float *velocity = (float *)descent->state[0] + row * d;
    Constraint constraint = descent_constraint(descent, row);
    double momentum = descent->problem->params->momentum, eta = descent->extent[row].eta;
    for (size_t j = 0; j < d; j++)
        z[j] = (double)descent->gradient[a * d + j];
    double length = norm_of(NORM_L1, z, d);
    for (size_t j = 0; j < d; j++) {
        z[j] = momentum * (double)velocity[j] + (length > 0 ? z[j] / length : 0);
        velocity[j] = (float)z[j];
    }
    unit_step((UnitStep){ step_rule_of(constraint.norm), 1 }, d, z);
    for (size_t j = 0; j < d; j++)
        z[j] = (double)x[j] - eta * z[j];
    ball_project(&constraint, descent->x0[row], z);
    box_project(&constraint, z);
    constraint_store(&constraint, descent->x0[row], z, descent->trial + a * d);
}

static void make_steps(void *context, size_t begin, size_t end, int worker) {
    Descent *descent = context;
    for (size_t a = begin; a < end; a++)
        make_step(descent, a, descent->scratch + (size_t)worker * descent->problem->features);
}

static bool mifgsm_step(Descent *descent, Error *err) {
    parallel_for(descent->active_count, DESCENT_PIECE, make_steps, descent);
    return descent_take_trials(descent, err);
}

static bool mifgsm_resolve(AttackParams *params, Error *err) {
    if (!isnan(params->eta))
        return true;
    if (isinf(params->dmax))
        return error_set(err, ERROR_ARGUMENT, "attack.mifgsm: without a finite dmax give eta");
    params->eta = params->dmax > 0 ? params->dmax / params->max_iter : 1;
    return true;
}

static const Field fields[] = {
    ATTACK_MODEL,
    ATTACK_NORM_FROM(NORM_L2, attack_norm_words),
    ATTACK_DMAX,
    ATTACK_ETA("dmax / max_iter", "the length of a step"),
    { "momentum", FIELD_NUMBER, ATTACK_AT(momentum), .low = 0, .high = 1e3,
      .meaning = "what the gradients before count for in a step, beside its own" },
    ATTACK_OBJECTIVE,
    ATTACK_DIRECTION,
    ATTACK_SMOOTHING,
    ATTACK_MAX_ITER("steps at most"),
    ATTACK_EARLY_STOP,
    ATTACK_RESTARTS,
    ATTACK_START,
    ATTACK_START_FROM,
    ATTACK_SEED,
    ATTACK_COMMON,
    ATTACK_FIELDS_END,
};

const Attack attack_mifgsm = {
    .name = "mifgsm",
    .summary = "the momentum iterative fast gradient sign method",
    .fields = fields,
    .params = { ATTACK_UNSET_BUT(continuous), .norm = NORM_LINF, .max_iter = 10, .momentum = 1 },
    .resolve = mifgsm_resolve,
    .step = mifgsm_step,
    .trials = 1,
    .state = mifgsm_state,
    .states = 1,
    .gradient = true,
    .coasts = true,
};
