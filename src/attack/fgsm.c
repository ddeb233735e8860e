/* fgsm.c — the fast gradient sign method (Goodfellow et al., "Explaining and harnessing adversarial
 * examples", ICLR 2015): one step of length dmax in the norm's steepest direction, the sign for
 * linf, the unit gradient for l2, the largest component for l1. The answer is where it leads. */
#include "attack/attack_fields.h"
#include "attack/attacks.h"
#include "attack/gradient_step.h"
#include "attack/unit_step.h"

static bool fgsm_resolve(AttackParams *params, Error *err) {
    (void)err;
    params->step = (int)step_rule_of((Norm)params->norm);
    params->eta = params->dmax;
    return true;
}

static const Field fields[] = { ATTACK_MODEL,     ATTACK_NORM,      ATTACK_DMAX,
                                ATTACK_OBJECTIVE, ATTACK_DIRECTION, ATTACK_SMOOTHING,
                                ATTACK_START,     ATTACK_COMMON,    ATTACK_FIELDS_END };

const Attack attack_fgsm = {
    .name = "fgsm",
    .summary = "one step of length dmax along the gradient's sign (linf) or direction (l2)",
    .fields = fields,
    .params = { ATTACK_UNSET, .norm = NORM_LINF, .max_iter = 1 },
    .resolve = fgsm_resolve,
    .step = gradient_step,
    .trials = 1,
    .gradient = true,
    .keeps_last = true,
    .finite = true,
};
