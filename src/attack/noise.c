/* noise.c — no attack at all: each sample moved by dmax in a random direction (and back into the
 * box). The baseline that an attack of the same norm has to beat. */
#include "attack/attack_fields.h"
#include "attack/attacks.h"
#include "attack/descent.h"
#include "attack/random_point.h"
#include "core/parallel.h"

static void make_noise(void *context, size_t begin, size_t end, int worker) {
    Descent *descent = context;
    size_t d = descent->problem->features;
    double *z = descent->scratch + (size_t)worker * d;
    for (size_t a = begin; a < end; a++) {
        size_t row = descent->active[a];
        Rng rng;
        rng_seed(&rng, descent->stream[row]);
        Constraint constraint = descent_constraint(descent, row);
        random_direction(constraint.norm, d, &rng, z);
        for (size_t j = 0; j < d; j++)
            z[j] = (double)descent->x0[row][j] + constraint.dmax * z[j];
        box_project(&constraint, z);
        constraint_store(&constraint, descent->x0[row], z, descent->trial + a * d);
    }
}

static bool noise_step(Descent *descent, Error *err) {
    parallel_for(descent->active_count, DESCENT_PIECE, make_noise, descent);
    return descent_take_trials(descent, err);
}

static const Field fields[] = { ATTACK_MODEL, ATTACK_NORM,   ATTACK_DMAX,
                                ATTACK_SEED,  ATTACK_COMMON, ATTACK_FIELDS_END };

const Attack attack_noise = {
    .name = "noise",
    .summary = "random noise of norm dmax: the baseline for attacks",
    .fields = fields,
    .params = { ATTACK_UNSET, .norm = NORM_L2, .max_iter = 1 },
    .step = noise_step,
    .trials = 1,
    .draws = true,
    .keeps_last = true,
    .finite = true,
};
