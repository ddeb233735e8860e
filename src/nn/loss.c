#include "nn/loss.h"

#include <math.h>

/* log Σ exp of a row, and the place of its largest. */
static double log_sum_exp(const float *row, size_t columns, size_t *largest) {
    size_t best = 0;
    for (size_t c = 1; c < columns; c++)
        if (row[c] > row[best])
            best = c;
    double sum = 0;
    for (size_t c = 0; c < columns; c++)
        sum += exp((double)row[c] - row[best]);
    *largest = best;
    return row[best] + log(sum);
}

/* −Σ log softmax of a row whose log Σ exp is `level`. */
static double log_loss_sum(const float *row, size_t columns, double level) {
    double sum = 0;
    for (size_t c = 0; c < columns; c++)
        sum += level - row[c];
    return sum;
}

double cross_entropy(const ScoredRows *scored, const ScoreSlope *slope, size_t *hits) {
    const size_t columns = scored->columns;
    const double own = 1 - scored->smoothing, others = scored->smoothing / (double)columns;
    double loss = 0;
    for (size_t r = 0; r < scored->rows; r++) {
        const float *row = scored->scores + r * columns;
        size_t largest, wanted = (size_t)scored->target[r];
        double level = log_sum_exp(row, columns, &largest);
        if (scored->smoothing > 0)
            loss += own * (level - row[wanted]) + others * log_loss_sum(row, columns, level);
        else
            loss += level - row[wanted];
        if (hits)
            *hits += largest == wanted;
        for (size_t c = 0; slope && c < columns; c++)
            slope->gradient[r * columns + c] =
                (float)(slope->scale * (exp(row[c] - level) - (own * (c == wanted) + others)));
    }
    return loss;
}

double add_divergence(const ScoredRows *clean, const float *attacked, const ScoreSlope *slope,
                      float *slope_attacked) {
    const size_t columns = clean->columns;
    double sum = 0;
    for (size_t r = 0; r < clean->rows; r++) {
        const float *s = clean->scores + r * columns, *a = attacked + r * columns;
        float *ds = slope->gradient + r * columns, *da = slope_attacked + r * columns;
        size_t largest;
        double level = log_sum_exp(s, columns, &largest), other = log_sum_exp(a, columns, &largest);
        double divergence = 0;
        for (size_t c = 0; c < columns; c++)
            divergence += exp(s[c] - level) * ((s[c] - level) - (a[c] - other));
        for (size_t c = 0; c < columns; c++) {
            double p = exp(s[c] - level), difference = (s[c] - level) - (a[c] - other);
            ds[c] += (float)(slope->scale * p * (difference - divergence));
            da[c] = (float)(slope->scale * (exp(a[c] - other) - p));
        }
        sum += divergence;
    }
    return sum;
}
