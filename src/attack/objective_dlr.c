/* objective_dlr.c — the difference of logits ratio (Croce and Hein, "Reliable evaluation of
 * adversarial robustness with an ensemble of diverse parameter-free attacks", ICML 2020), with its
 * sign turned so that it is minimised. π sorts the columns, the reject score's included, downwards:
 *
 *     (s_k − s_c) / (s_π1 − s_π3)                  k, c as in the continuous objective
 *     (s_k − s_t) / (s_π1 − (s_π3 + s_π4) / 2)     targeted; k: the best column but t
 *
 * The ratio is undefined with fewer than 3 (targeted: 4) columns that are finite, and where its
 * denominator is 0: the numerator stands alone there. */
#include "attack/objective.h"

#include <math.h>

enum { RANKS = 4 };

/* The places of the four highest columns; how many there are that are finite. */
static size_t rank(const double *scores, size_t columns, size_t place[RANKS]) {
    size_t count = 0;
    for (size_t c = 0; c < columns; c++) {
        if (!isfinite(scores[c]))
            continue;
        size_t at = count < RANKS ? count++ : RANKS;
        for (; at > 0 && scores[c] > scores[place[at - 1]]; at--)
            if (at < RANKS)
                place[at] = place[at - 1];
        if (at < RANKS)
            place[at] = c;
    }
    return count;
}

typedef struct Ratio {
    double over, under;
    size_t k, c;
    bool alone; /* no denominator */
    size_t place[RANKS];
} Ratio;

static Ratio ratio_of(const Model *model, const double *scores, Goal goal) {
    bool targeted = goal.target >= 0;
    size_t columns = model_columns(model), truth = goal.truth, classes = model->classes.count;
    bool reject = model->rejects && scores[classes] > scores[truth];
    Ratio ratio = { .k = reject ? classes : truth, .under = 1 };
    if (targeted) {
        ratio.c = (size_t)goal.target;
        ratio.k = scores_best_but(scores, columns, ratio.c);
    } else {
        ratio.c = scores_best_but(scores, classes, truth);
    }
    ratio.over = scores[ratio.k] - scores[ratio.c];
    ratio.alone = rank(scores, columns, ratio.place) < (targeted ? 4u : 3u);
    const size_t *p = ratio.place;
    if (!ratio.alone)
        ratio.under = targeted ? scores[p[0]] - (scores[p[2]] + scores[p[3]]) / 2
                               : scores[p[0]] - scores[p[2]];
    if (!(ratio.under > 0)) {
        ratio.under = 1;
        ratio.alone = true;
    }
    return ratio;
}

static double loss(const Model *model, const double *scores, Goal goal) {
    Ratio ratio = ratio_of(model, scores, goal);
    return ratio.over / ratio.under;
}

static void weights(const Model *model, const double *scores, Goal goal, double *w) {
    Ratio ratio = ratio_of(model, scores, goal);
    for (size_t c = 0; c < model_columns(model); c++)
        w[c] = 0;
    w[ratio.k] += 1 / ratio.under;
    w[ratio.c] -= 1 / ratio.under;
    double slope = ratio.over / ratio.under / ratio.under; /* cancels 1 / under where it must */
    if (!ratio.alone) {
        w[ratio.place[0]] -= slope;
        w[ratio.place[2]] += goal.target >= 0 ? slope / 2 : slope;
        if (goal.target >= 0)
            w[ratio.place[3]] += slope / 2;
    }
    if (model->rejects)
        w[model->classes.count] = 0;
}

const Objective objective_dlr = { .name = "dlr", .loss = loss, .weights = weights };
