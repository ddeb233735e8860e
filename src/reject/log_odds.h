/* log_odds.h — the softmax p of scores z by log-odds, which lose nothing where one class is nearly
 * certain:
 *
 *     o_c = log(p_c / (1 − p_c)) = z_c / T − log Σ_{k≠c} exp(z_k / T) */
#ifndef PERIGEE_REJECT_LOG_ODDS_H
#define PERIGEE_REJECT_LOG_ODDS_H

#include <stddef.h>

typedef struct Scores {
    const double *z;
    size_t n;
    double scale; /* 1 / T */
} Scores;

/* log Σ exp(z_k / T) over all k but one (n: over all), and dz += share times its gradient. */
double log_sum_but(Scores scores, size_t left_out);
void log_sum_pull(Scores scores, size_t left_out, double share, double *dz);

void log_odds(Scores scores, double *odds); /* n */
void log_odds_pull(Scores scores, size_t c, double w,
                   double *dz); /* dz += w times o_c's gradient */

/* log p and log(1 − p) of o. */
double log_share(double odds);
double log_rest(double odds);

#endif
