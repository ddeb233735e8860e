/* objective_cross_entropy.c — the negative cross-entropy (Madry et al., ICLR 2018), targeted the
 * cross-entropy of the target:
 *
 *     log p_y  or  −log p_t,  p = softmax over all columns, the reject score's included
 *
 * A reject score of −∞ is a column that is never chosen.
 *
 * By d, what the other columns have together (the logarithm of their exponentials' sum) less the
 * own score: the cross-entropy is log(1 + exp d), and keeps its digits where the own score leads by
 * so much that p is 1 in double. */
#include "attack/objective.h"

#include <math.h>

static size_t own_column(Goal goal) {
    return goal.target >= 0 ? (size_t)goal.target : goal.truth;
}

/* log Σ exp(s_c) of the columns but one. */
static double log_sum_but(const double *scores, size_t columns, size_t left_out) {
    double largest = -INFINITY, sum = 0;
    for (size_t c = 0; c < columns; c++)
        if (c != left_out && scores[c] > largest)
            largest = scores[c];
    if (largest == -INFINITY)
        return largest;
    for (size_t c = 0; c < columns; c++)
        sum += c == left_out ? 0 : exp(scores[c] - largest);
    return largest + log(sum);
}

static double loss(const Model *model, const double *scores, Goal goal) {
    size_t own = own_column(goal);
    double d = log_sum_but(scores, model_columns(model), own) - scores[own];
    double entropy = d > 0 ? d + log1p(exp(-d)) : log1p(exp(d));
    return goal.target >= 0 ? entropy : -entropy;
}

static void weights(const Model *model, const double *scores, Goal goal, double *w) {
    size_t columns = model_columns(model), own = own_column(goal);
    double rest = log_sum_but(scores, columns, own), sign = goal.target >= 0 ? 1 : -1;
    double others = sign / (1 + exp(scores[own] - rest)); /* 1 − p_own, signed */
    for (size_t c = 0; c < columns; c++)
        w[c] = c == own ? -others : rest > -INFINITY ? others * exp(scores[c] - rest) : 0;
    if (model->rejects)
        w[model->classes.count] = 0;
}

const Objective objective_cross_entropy = { .name = "cross_entropy",
                                            .loss = loss,
                                            .weights = weights };
