#include "attack/gradient_step.h"

#include "core/parallel.h"

#include <math.h>

StepRule step_rule_of(Norm norm) {
    switch (norm) {
    case NORM_L1:
        return STEP_LARGEST;
    case NORM_L2:
        return STEP_UNIT;
    default:
        return STEP_SIGN;
    }
}

/* The largest component that does not push out of the box: without this test a step of one
 * component would stay at a saturated feature for good. SIZE_MAX if none is left. */
static size_t largest_allowed(const Constraint *constraint, const float *x, const float *g) {
    size_t best = SIZE_MAX;
    for (size_t j = 0; j < constraint->features; j++) {
        bool out = g[j] > 0 ? (double)x[j] <= constraint_lower(constraint, j)
                            : (double)x[j] >= constraint_upper(constraint, j);
        if (g[j] != 0 && !out && (best == SIZE_MAX || fabsf(g[j]) > fabsf(g[best])))
            best = j;
    }
    return best;
}

static double sign_of(float value) {
    return (value > 0) - (value < 0);
}

/* The share of eta that the last step of a cosine has. */
static const double last_share = 0.004;

static double step_length(const Descent *descent) {
    const AttackParams *params = descent->problem->params;
    if (params->schedule != SCHEDULE_COSINE || descent->iterations < 2)
        return params->eta;
    double way = (double)(descent->iteration - 1) / (double)(descent->iterations - 1);
    double share = 0.5 * (1 + cos(way * acos(-1)));
    return params->eta * (last_share + (1 - last_share) * share);
}

/* z −= eta · the rule's direction. */
static void step_along(const Descent *descent, size_t a, const float *x, double *z) {
    const Problem *problem = descent->problem;
    const float *g = descent->gradient + a * problem->features;
    double eta = step_length(descent);
    size_t d = problem->features, largest;
    switch ((StepRule)problem->params->step) {
    case STEP_RAW:
        for (size_t j = 0; j < d; j++)
            z[j] -= eta * (double)g[j];
        return;
    case STEP_UNIT:
        for (size_t j = 0; j < d; j++)
            z[j] -= eta * (double)g[j] / descent->gradient_norm[a];
        return;
    case STEP_SIGN:
        for (size_t j = 0; j < d; j++)
            z[j] -= eta * sign_of(g[j]);
        return;
    case STEP_LARGEST:
        largest = largest_allowed(&problem->constraint, x, g);
        if (largest != SIZE_MAX)
            z[largest] -= eta * sign_of(g[largest]);
        return;
    }
}

static void make_steps(void *context, size_t begin, size_t end, int worker) {
    Descent *descent = context;
    const Constraint *constraint = &descent->problem->constraint;
    size_t d = descent->problem->features;
    double *z = descent->scratch + (size_t)worker * d;
    for (size_t a = begin; a < end; a++) {
        size_t row = descent->active[a];
        const float *x = descent->x + row * d;
        for (size_t j = 0; j < d; j++)
            z[j] = (double)x[j];
        step_along(descent, a, x, z);
        ball_project(constraint, descent->x0[row], z);
        box_project(constraint, z);
        constraint_store(constraint, descent->x0[row], z, descent->trial + a * d);
    }
}

bool gradient_step(Descent *descent, Error *err) {
    parallel_for(descent->active_count, DESCENT_PIECE, make_steps, descent);
    return descent_take_trials(descent, err);
}
