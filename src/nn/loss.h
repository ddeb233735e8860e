/* loss.h — the cross-entropy of softmax. */
#ifndef PERIGEE_NN_LOSS_H
#define PERIGEE_NN_LOSS_H

#include <stddef.h>
#include <stdint.h>

/* Scores of rows, and the column that each should be highest in. */
typedef struct ScoredRows {
    const float *scores; /* rows × columns */
    size_t rows, columns;
    const int32_t *target; /* rows */
    double smoothing;      /* the share of a target that goes to all columns alike */
} ScoredRows;

/* Where a loss's slope goes: scale times its gradient with respect to the scores, rows × columns.
 */
typedef struct ScoreSlope {
    float *gradient;
    double scale;
} ScoreSlope;

/* The sum over rows of −t · log softmax(scores) with the target t = (1 − smoothing) ·
 * onehot(target)
 * + smoothing / columns; the mean is the caller's division. The slope (NULL for not wanted) gets
 * scale · (softmax − t); *hits (NULL too) counts rows whose
 * largest score is the target's. Sums are double. */
double cross_entropy(const ScoredRows *scored, const ScoreSlope *slope, size_t *hits);

/* The sum over rows of KL(p ‖ q), p = softmax of the scored rows, q = softmax of `attacked`, of the
 * same size: how far attacked samples diverge from clean ones (Zhang et al., "Theoretically
 * principled trade-off between robustness and accuracy", ICML 2019). Its slope by the scores,
 * p (log p − log q − KL), is added to the slope that there is; by `attacked`, q − p, it is written
 * to slope_attacked; both times scale. The targets are not looked at. */
double add_divergence(const ScoredRows *clean, const float *attacked, const ScoreSlope *slope,
                      float *slope_attacked);

#endif
