/* fgsm.c — the fast gradient sign method (Goodfellow et al., "Explaining and harnessing adversarial
 * examples", ICLR 2015): one step of length dmax in the norm's steepest direction, the sign for
 * linf, the unit gradient for l2, the largest component for l1. The answer is where it leads. */
#include "attack/attacks.h"
#include "attack/gradient_step.h"

#include <math.h>

static bool fgsm_resolve(AttackParams *params, Error *err) {
    if (isinf(params->dmax))
        return error_set(err, ERROR_ARGUMENT, "attack.fgsm: dmax must be finite");
    params->step = (int)step_rule_of((Norm)params->norm);
    params->eta = params->dmax;
    return true;
}

static const char *const options[] = { "norm", "dmax", "iterates", NULL };

const Attack attack_fgsm = {
    .name = "fgsm",
    .summary = "one step of length dmax along the gradient's sign (linf) or direction (l2)",
    .options = options,
    .params = { .norm = NORM_LINF,
                .dmax = NAN,
                .eta = NAN,
                .eta_min = NAN,
                .max_iter = 1,
                .step = -1,
                .lower = 0,
                .upper = 1 },
    .resolve = fgsm_resolve,
    .step = gradient_step,
    .trials = 1,
    .gradient = true,
    .keeps_last = true,
};
