#include "attack/objective.h"

#include <math.h>

/* The highest of columns 0 … count−1 but one; the lowest column wins a tie. */
static size_t best_but(const double *scores, size_t count, size_t left_out) {
    size_t best = left_out == 0 ? 1 : 0;
    for (size_t c = best + 1; c < count; c++)
        if (c != left_out && scores[c] > scores[best])
            best = c;
    return best;
}

/* By the scores, not the label: a model that cannot reject may have a class labelled −1. */
static bool is_rejected(const Model *model, const double *scores) {
    return model->rejects &&
           !(scores[model_best_class(model, scores)] > scores[model->classes.count]);
}

Margin objective_margin(const Model *model, const double *scores, Goal goal) {
    if (goal.target >= 0) {
        size_t target = (size_t)goal.target;
        return (Margin){ best_but(scores, model_columns(model), target), target };
    }
    size_t classes = model->classes.count;
    bool rejected = is_rejected(model, scores);
    return (Margin){ rejected ? classes : goal.truth, best_but(scores, classes, goal.truth) };
}

double objective_loss(const Model *model, const double *scores, Goal goal) {
    Margin margin = objective_margin(model, scores, goal);
    return scores[margin.k] - scores[margin.c];
}

void objective_weights(const Model *model, const double *scores, Goal goal, double *weights) {
    Margin margin = objective_margin(model, scores, goal);
    for (size_t c = 0; c < model_columns(model); c++)
        weights[c] = 0;
    weights[margin.k] += 1;
    weights[margin.c] -= 1;
    if (model->rejects)
        weights[model->classes.count] = 0;
}

bool objective_reached(const Model *model, const double *scores, Goal goal) {
    if (is_rejected(model, scores))
        return false;
    size_t best = model_best_class(model, scores);
    return goal.target >= 0 ? best == (size_t)goal.target : best != goal.truth;
}

bool objective_is_sound(const Model *model, const double *scores) {
    for (size_t c = 0; c < model->classes.count; c++)
        if (!isfinite(scores[c]))
            return false;
    return !model->rejects || scores[model->classes.count] < INFINITY;
}
