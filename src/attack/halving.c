/* halving.c — successive halving over the classes that a sample may be taken for. From the sample a
 * row sets out for each wrong class; after a stage those go on whose class is nearest to being
 * accepted, by what an ascent raises (model.h), from where they are. A sample leaves when one of
 * its rows evades. The idea of racing many and keeping the best is K. Jamieson and A. Talwalkar's
 * ("Non-stochastic best arm identification and hyperparameter optimization", AISTATS 2016).
 *
 * A stage of T steps: step t goes (eta / 2 (1 + cos(πt / T)) + eta_end) dmax along the direction
 * without the components that lead out of the box, at length 1 in the norm; with momentum m along
 * v ← m v + (1 − m) u of these, at length 1 again. */
#include "attack/attack_fields.h"
#include "attack/attacks.h"
#include "attack/descent.h"
#include "attack/unit_step.h"
#include "core/fail.h"
#include "core/parallel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define AT(field) offsetof(HalvingStage, field)
static const Field stage_fields[] = {
    { "classes", FIELD_INTEGER, AT(classes), .low = 0, .high = 1e6,
      .meaning = "how many of a sample's classes take part, the nearest; 0: all" },
    { "steps", FIELD_INTEGER, AT(steps), .low = 1, .high = 1e6, .required = true,
      .meaning = "steps of each" },
    { "eta", FIELD_NUMBER, AT(eta), .low = 0, .high = 1e6,
      .meaning = "how far the first step is longer than the last, times dmax" },
    { "eta_end", FIELD_NUMBER, AT(eta_end), .low = 1e-12, .high = 1e6,
      .meaning = "the length of the last step, times dmax" },
    { "momentum", FIELD_NUMBER, AT(momentum), .low = 0, .high = 1, .open = FIELD_BELOW_HIGH,
      .meaning = "the share of the steps before in a step" },
    { "smoothing", FIELD_NUMBER, AT(wider), .low = 1, .high = 1e6,
      .meaning = "what the direction takes gamma divided by: of the machine that decides …" },
    { "layer_smoothing", FIELD_NUMBER, AT(wider_below), .low = 1, .high = 1e6,
      .meaning = "… and on the way back through the layers' machines …" },
    { "layer_smoothing_later", FIELD_NUMBER, AT(wider_later), .low = 1, .high = 1e6,
      .meaning = "… in the second half of the stage" },
    { .name = NULL },
};
#undef AT
static const HalvingStage initial_stage = {
    .eta = 0.4, .eta_end = 0.002, .wider = 1, .wider_below = 1, .wider_later = 1
};
const Fields halving_stage_fields = { stage_fields, &initial_stage };

enum { STATE_VELOCITY, STATES };
static const AttackState state[STATES] = {
    [STATE_VELOCITY] = { sizeof(float), WIDTH_FEATURES },
};

/* The stage of an iteration, and the number of its step in it, from 0. */
typedef struct Place {
    const HalvingStage *stage;
    size_t step;
    bool last; /* of the stage, with another one behind it */
} Place;

static Place place_of(const AttackParams *params, size_t iteration) {
    size_t step = iteration - 1;
    int s = 0;
    while (s + 1 < params->stages && step >= (size_t)params->stage[s].steps)
        step -= (size_t)params->stage[s++].steps;
    const HalvingStage *stage = &params->stage[s];
    return (Place){ stage, step, step + 1 == (size_t)stage->steps && s + 1 < params->stages };
}

static DescentView halving_view(const Descent *descent, size_t iteration) {
    const AttackParams *params = descent->problem->params;
    Place place = place_of(params, iteration);
    const HalvingStage *stage = place.stage;
    bool later = 2 * place.step >= (size_t)stage->steps;
    return (DescentView){ .ascends = true,
                          .logarithmic = params->direction == DIRECTION_LOG,
                          .wider = stage->wider,
                          .wider_below = later ? stage->wider_later : stage->wider_below };
}

/* In units of dmax. */
static double step_length(Place place) {
    const HalvingStage *stage = place.stage;
    double way = (double)place.step / (double)stage->steps;
    return stage->eta / 2 * (1 + cos(acos(-1) * way)) + stage->eta_end;
}

/* u, a step of length 1, becomes the one with momentum. */
static void add_momentum(UnitStep rule, Place place, size_t d, float *velocity, double *u) {
    double momentum = place.stage->momentum;
    if (momentum == 0)
        return;
    for (size_t j = 0; j < d; j++) {
        double before = place.step > 0 ? (double)velocity[j] : 0;
        u[j] = momentum * before + (1 - momentum) * u[j];
        velocity[j] = (float)u[j];
    }
    unit_step(rule, d, u);
}

static void make_steps(void *context, size_t begin, size_t end, int worker) {
    Descent *descent = context;
    const AttackParams *params = descent->problem->params;
    size_t d = descent->problem->features;
    double *z = descent->scratch + (size_t)worker * d;
    Place place = place_of(params, descent->iteration);
    double share = step_length(place);
    UnitStep rule = { step_rule_of((Norm)params->norm), step_components(params->largest, d) };
    for (size_t a = begin; a < end; a++) {
        size_t row = descent->active[a];
        const float *x = descent->x + row * d;
        Constraint constraint = descent_constraint(descent, row);
        double length = constraint.dmax * share;
        for (size_t j = 0; j < d; j++)
            z[j] = (double)descent->gradient[a * d + j];
        drop_outward(&constraint, x, z);
        unit_step(rule, d, z);
        add_momentum(rule, place, d, (float *)descent->state[STATE_VELOCITY] + row * d, z);
        for (size_t j = 0; j < d; j++)
            z[j] = (double)x[j] - length * z[j];
        box_project(&constraint, z);
        ball_project(&constraint, descent->x0[row], z);
        constraint_store(&constraint, descent->x0[row], z, descent->trial + a * d);
    }
}

static bool halving_step(Descent *descent, Error *err) {
    Place place = place_of(descent->problem->params, descent->iteration);
    size_t keep = place.last ? (size_t)place.stage[1].classes : 0;
    descent->measures = keep > 0 && problem_ascends(descent->problem);
    parallel_for(descent->active_count, DESCENT_PIECE, make_steps, descent);
    if (!descent_take_trials(descent, err))
        return false;
    if (keep > 0)
        descent_keep(descent, keep, descent_left);
    return true;
}

static bool halving_resolve(AttackParams *params, Error *err) {
    if (params->stages == 0)
        return error_set(err, ERROR_ARGUMENT, "attack.halving: stages: expected one at least");
    params->max_iter = 0;
    for (int s = 0; s < params->stages; s++)
        params->max_iter += params->stage[s].steps;
    return true;
}

static const Field fields[] = {
    ATTACK_MODEL,
    ATTACK_NORM,
    ATTACK_DMAX,
    ATTACK_STAGES,
    { "objective", FIELD_OBJECT, .type = ATTACK_FUNCTION_TYPE, .initial = "none",
      .meaning = "function(scores, y, info) that gives the losses of which rows go along the "
                 "gradient, and whose least go on, in place of the direction: see objectives" },
    ATTACK_DIRECTION,
    ATTACK_LARGEST,
    ATTACK_START,
    ATTACK_COMMON,
    ATTACK_FIELDS_END,
};

/* The stages were chosen on DNRs of MNIST; see the help of attack.auto. */
const Attack attack_halving = {
    .name = "halving",
    .summary = "successive halving over the wrong classes: all set out, the nearest go on",
    .fields = fields,
    .params = { ATTACK_UNSET_BUT(continuous), .norm = NORM_L2, .largest = 20,
                .direction = DIRECTION_LOG, .max_iter = 60, .early_stop = true, .stages = 3,
                .stage = { { 0, 8, 0.5, 0.1, 0, 10, 3, 3 },
                           { 3, 12, 0.4, 0.1, 0, 1, 1, 1 },
                           { 1, 40, 0.4, 0.002, 0.5, 1, 1, 1 } } },
    .resolve = halving_resolve,
    .step = halving_step,
    .view = halving_view,
    .each_class = true,
    .trials = 1,
    .state = state,
    .states = STATES,
    .gradient = true,
    .finite = true,
};
