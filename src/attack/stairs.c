/* stairs.c — equal moves of few features, for models whose scores stand on stairs (one that
 * quantises its samples).
 *
 * There a small move of a feature changes nothing, and one that is just long enough a whole step.
 * Descents spread what the ball allows over all features, each short of the edge. Here k of them
 * move as far as they all can:
 *
 *     x = P(x0 − dmax s_k(z)),  z ← 0.9 z + g / ‖g‖
 *
 * s_k being the k largest components of z, all of one size and together of length 1 in the norm,
 * and g the gradient at x, or what the model takes for one. k doubles, from 8 on, in equal parts of
 * the run: how long a move has to be nobody says. */
#include "attack/attack_fields.h"
#include "attack/attacks.h"
#include "attack/descent.h"
#include "attack/unit_step.h"
#include "core/parallel.h"

/* By row: z. */
static const AttackState stairs_state[] = { { sizeof(float), WIDTH_FEATURES } };

/* k in the present part of the run. */
static size_t components(const Descent *descent) {
    const size_t fewest = 8, features = descent->problem->features;
    size_t sizes = 1;
    while (fewest << sizes < features)
        sizes++;
    size_t k = fewest << (descent->iteration - 1) * sizes / descent->iterations;
    return k < features ? k : features;
}

static void make_step(const Descent *descent, size_t a, double *z) {
    size_t d = descent->problem->features, row = descent->active[a];
    Constraint constraint = descent_constraint(descent, row);
    const float *x0 = descent->x0[row];
    float *mean = (float *)descent->state[0] + row * d;
    double norm = descent->gradient_norm[a];
    for (size_t j = 0; j < d; j++) {
        double unit = norm > 0 ? (double)descent->gradient[a * d + j] / norm : 0;
        mean[j] = (float)(0.9 * (double)mean[j] + unit);
        z[j] = (double)mean[j];
    }
    drop_outward(&constraint, x0, z);
    unit_step((UnitStep){ STEP_LARGEST, components(descent) }, d, z);
    double length = norm_of(constraint.norm, z, d);
    for (size_t j = 0; j < d; j++)
        z[j] = (double)x0[j] - (length > 0 ? constraint.dmax / length * z[j] : 0);
    ball_project(&constraint, x0, z);
    box_project(&constraint, z);
    constraint_store(&constraint, x0, z, descent->trial + a * d);
}

static void make_steps(void *context, size_t begin, size_t end, int worker) {
    Descent *descent = context;
    for (size_t a = begin; a < end; a++)
        make_step(descent, a, descent->scratch + (size_t)worker * descent->problem->features);
}

static bool stairs_step(Descent *descent, Error *err) {
    parallel_for(descent->active_count, DESCENT_PIECE, make_steps, descent);
    return descent_take_trials(descent, err);
}

static const Field fields[] = {
    ATTACK_MODEL,
    ATTACK_NORM,
    ATTACK_DMAX,
    ATTACK_OBJECTIVE,
    ATTACK_DIRECTION,
    ATTACK_SMOOTHING,
    ATTACK_MAX_ITER("steps at most: the schedule's unit"),
    ATTACK_EARLY_STOP,
    ATTACK_COMMON,
    ATTACK_FIELDS_END,
};

const Attack attack_stairs = {
    .name = "stairs",
    .summary = "equal moves of few features, for models that quantise their samples",
    .example = "print(attack.stairs { dmax = 1 })",
    .fields = fields,
    .params = { ATTACK_UNSET, .norm = NORM_L2, .max_iter = 105 },
    .step = stairs_step,
    .state = stairs_state,
    .states = 1,
    .trials = 1,
    .gradient = true,
    .coasts = true,
    .finite = true,
    .patience = 1000, /* it waits for a k that moves it */
};
