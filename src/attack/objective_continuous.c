/* objective_continuous.c — max(s_y, θ) − max_{c≠y} s_c: where a sample begins to be rejected the
 * margin of objective_margin.c jumps from s_y to θ, this one does not. */
#include "attack/objective.h"

static Margin margin_of(const Model *model, const double *scores, Goal goal) {
    if (goal.target >= 0 && !goal.any)
        return objective_target_margin(model, scores, goal);
    size_t classes = model->classes.count;
    bool reject = model->rejects && scores[classes] > scores[goal.truth];
    return (Margin){ reject ? classes : goal.truth,
                     goal.any ? (size_t)goal.target
                              : scores_best_but(scores, classes, goal.truth) };
}

static double loss(const Model *model, const double *scores, Goal goal) {
    Margin margin = margin_of(model, scores, goal);
    return scores[margin.k] - scores[margin.c];
}

static void weights(const Model *model, const double *scores, Goal goal, double *w) {
    objective_margin_weights(model, margin_of(model, scores, goal), w);
}

const Objective objective_continuous = { .name = "continuous", .loss = loss, .weights = weights };
