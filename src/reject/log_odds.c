#include "reject/log_odds.h"

#include <math.h>

double log_sum_but(Scores scores, size_t left_out) {
    const double *z = scores.z;
    double largest = -INFINITY, sum = 0;
    for (size_t k = 0; k < scores.n; k++)
        if (k != left_out && (z[k] > largest || isnan(z[k])))
            largest = z[k];
    if (!isfinite(largest))
        return largest;
    for (size_t k = 0; k < scores.n; k++)
        sum += k == left_out ? 0 : exp((z[k] - largest) * scores.scale);
    return largest * scores.scale + log(sum);
}

void log_sum_pull(Scores scores, size_t left_out, double share, double *dz) {
    double sum = share == 0 ? INFINITY : log_sum_but(scores, left_out);
    if (!isfinite(sum))
        return;
    for (size_t k = 0; k < scores.n; k++)
        if (k != left_out)
            dz[k] += share * scores.scale * exp(scores.z[k] * scores.scale - sum);
}

/* Of a class that is not the best, 1 − p is not small, and log1p loses nothing. */
void log_odds(Scores scores, double *odds) {
    size_t best = 0;
    for (size_t k = 1; k < scores.n; k++)
        best = scores.z[k] > scores.z[best] ? k : best;
    double all = log_sum_but(scores, scores.n);
    for (size_t c = 0; c < scores.n; c++) {
        double own = scores.z[c] * scores.scale;
        odds[c] = own - (c == best ? log_sum_but(scores, c) : all + log1p(-exp(own - all)));
    }
}

void log_odds_pull(Scores scores, size_t c, double w, double *dz) {
    dz[c] += w * scores.scale;
    log_sum_pull(scores, c, -w, dz);
}

double log_share(double odds) {
    return odds < 0 ? odds - log1p(exp(odds)) : -log1p(exp(-odds));
}

double log_rest(double odds) {
    return log_share(-odds);
}
