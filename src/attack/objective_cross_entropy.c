/* objective_cross_entropy.c — the negative cross-entropy (Madry et al., ICLR 2018), targeted the
 * cross-entropy of the target:
 *
 *     log p_y  or  −log p_t,  p = softmax over all columns, the reject score's included
 *
 * A reject score of −∞ is a column that is never chosen. */
#include "attack/objective.h"

#include <math.h>

/* log Σ exp(s_c). */
static double log_sum(const double *scores, size_t columns) {
    double largest = -INFINITY, sum = 0;
    for (size_t c = 0; c < columns; c++)
        largest = scores[c] > largest ? scores[c] : largest;
    for (size_t c = 0; c < columns; c++)
        sum += exp(scores[c] - largest);
    return largest + log(sum);
}

static double loss(const Model *model, const double *scores, Goal goal) {
    double total = log_sum(scores, model_columns(model));
    return goal.target >= 0 ? total - scores[goal.target] : scores[goal.truth] - total;
}

static void weights(const Model *model, const double *scores, Goal goal, double *w) {
    size_t columns = model_columns(model);
    double total = log_sum(scores, columns), sign = goal.target >= 0 ? 1 : -1;
    size_t own = goal.target >= 0 ? (size_t)goal.target : goal.truth;
    for (size_t c = 0; c < columns; c++)
        w[c] = sign * (exp(scores[c] - total) - (c == own));
    if (model->rejects)
        w[model->classes.count] = 0;
}

const Objective objective_cross_entropy = { .name = "cross_entropy",
                                            .loss = loss,
                                            .weights = weights };
