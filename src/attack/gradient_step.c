#include "attack/gradient_step.h"

#include "attack/unit_step.h"
#include "core/fail.h"
#include "core/parallel.h"

#include <math.h>

/* The share of eta that the last step of a cosine has. */
static const double last_share = 0.004;

/* The share of eta that the present step has. */
static double step_share(const Descent *descent) {
    const AttackParams *params = descent->problem->params;
    if (params->schedule != SCHEDULE_COSINE || descent->iterations < 2)
        return 1;
    double way = (double)(descent->iteration - 1) / (double)(descent->iterations - 1);
    return last_share + (1 - last_share) * 0.5 * (1 + cos(way * acos(-1)));
}

/* z (the gradient) becomes where the step along it leads from where the row stands. */
static void step_from(const Descent *descent, size_t row, double *z) {
    const AttackParams *params = descent->problem->params;
    const Constraint *constraint = &descent->problem->constraint;
    const float *x = descent->x + row * constraint->features;
    double share = step_share(descent), eta = descent->extent[row].eta * share;
    if (params->step == STEP_LARGEST)
        drop_outward(constraint, x, z);
    unit_step((UnitStep){ (StepRule)params->step,
                          step_components(params->largest, constraint->features) },
              constraint->features, z);
    for (size_t j = 0; j < constraint->features; j++)
        z[j] = (double)x[j] - eta * z[j];
}

static void make_steps(void *context, size_t begin, size_t end, int worker) {
    Descent *descent = context;
    size_t d = descent->problem->features;
    double *z = descent->scratch + (size_t)worker * d;
    for (size_t a = begin; a < end; a++) {
        size_t row = descent->active[a];
        Constraint constraint = descent_constraint(descent, row);
        for (size_t j = 0; j < d; j++)
            z[j] = (double)descent->gradient[a * d + j];
        step_from(descent, row, z);
        ball_project(&constraint, descent->x0[row], z);
        box_project(&constraint, z);
        constraint_store(&constraint, descent->x0[row], z, descent->trial + a * d);
    }
}

bool gradient_step(Descent *descent, Error *err) {
    parallel_for(descent->active_count, DESCENT_PIECE, make_steps, descent);
    return descent_take_trials(descent, err);
}

bool gradient_step_resolve(AttackParams *params, const char *where, Error *err) {
    params->step = (int)step_rule_of((Norm)params->norm);
    if (params->schedule < 0)
        params->schedule = isnan(params->eta) ? SCHEDULE_COSINE : SCHEDULE_CONSTANT;
    if (!isnan(params->eta))
        return true;
    if (isinf(params->dmax))
        return error_set(err, ERROR_ARGUMENT, "%s: without a finite dmax give eta", where);
    params->eta = params->schedule == SCHEDULE_COSINE ? 0.5 * params->dmax
                                                      : 2.5 * params->dmax / params->max_iter;
    params->eta = params->dmax > 0 ? params->eta : 1;
    return true;
}
