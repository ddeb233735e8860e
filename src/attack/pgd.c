/* pgd.c — projected gradient descent with a fixed step (Madry et al., "Towards deep learning models
 * resistant to adversarial attacks", ICLR 2018; with step = "raw" that of Biggio et al., "Evasion
 * attacks against machine learning at test time", ECML 2013, as the reference cases have it).
 *
 * The answer is the best point on the way. */
#include "attack/attack_fields.h"
#include "attack/attacks.h"
#include "attack/gradient_step.h"
#include "attack/unit_step.h"
#include "core/fail.h"

#include <math.h>

static bool pgd_resolve(AttackParams *params, Error *err) {
    if (params->step < 0)
        params->step = (int)step_rule_of((Norm)params->norm);
    if (params->schedule < 0)
        params->schedule = isnan(params->eta) ? SCHEDULE_COSINE : SCHEDULE_CONSTANT;
    if (!isnan(params->eta))
        return true;
    if (params->dmax == 0) { /* any step length leads nowhere */
        params->eta = 1;
        return true;
    }
    if (params->step == STEP_RAW)
        return error_set(err, ERROR_ARGUMENT,
                         "attack.pgd: step = \"raw\" needs eta: how far a gradient's length goes");
    if (isinf(params->dmax))
        return error_set(err, ERROR_ARGUMENT, "attack.pgd: without a finite dmax give eta");
    /* Constant steps go far enough to reach the border and come back from a wrong start, as Madry
     * et al. chose. But with them 200 steps find less than 60 do: falling ones settle. */
    params->eta = params->schedule == SCHEDULE_COSINE ? 0.5 * params->dmax
                                                      : 2.5 * params->dmax / params->max_iter;
    return true;
}

static const Field fields[] = {
    ATTACK_MODEL,      ATTACK_NORM,
    ATTACK_DMAX,       ATTACK_ETA("dmax / 2", "the length of a step, or of the first"),
    ATTACK_STEP,       ATTACK_STEP_SCHEDULE,
    ATTACK_LARGEST,    ATTACK_OBJECTIVE,
    ATTACK_DIRECTION,  ATTACK_SMOOTHING,
    ATTACK_EPS,        ATTACK_MAX_ITER("steps at most"),
    ATTACK_EARLY_STOP, ATTACK_RESTARTS,
    ATTACK_START,      ATTACK_START_FROM,
    ATTACK_SEED,       ATTACK_COMMON,
    ATTACK_FIELDS_END,
};

const Attack attack_pgd = {
    .name = "pgd",
    .summary = "projected gradient descent with a fixed step and random restarts",
    .fields = fields,
    .params = { ATTACK_UNSET, .norm = NORM_L2, .max_iter = 50, .schedule = -1, .largest = 20 },
    .resolve = pgd_resolve,
    .step = gradient_step,
    .trials = 1,
    .gradient = true,
    .window = 5,
    .window_after = 10,
};
