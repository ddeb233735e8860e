/* objective_margin.c — the loss of the evasion attacks of Melis et al. ("Is deep learning safe for
 * robot vision?", ICCV workshops 2017) and Sotgiu et al. (2020): the difference of two columns, of
 * the present point. */
#include "attack/objective.h"
#include "attack/verdict.h"

static Margin margin_of(const Model *model, const double *scores, Goal goal) {
    if (goal.target >= 0)
        return objective_target_margin(model, scores, goal);
    size_t classes = model->classes.count;
    bool rejected = verdict_rejected(model, scores);
    return (Margin){ rejected ? classes : goal.truth,
                     scores_best_but(scores, classes, goal.truth) };
}

static double loss(const Model *model, const double *scores, Goal goal) {
    Margin margin = margin_of(model, scores, goal);
    return scores[margin.k] - scores[margin.c];
}

static void weights(const Model *model, const double *scores, Goal goal, double *w) {
    objective_margin_weights(model, margin_of(model, scores, goal), w);
}

const Objective objective_margin = { .name = "margin", .loss = loss, .weights = weights };
