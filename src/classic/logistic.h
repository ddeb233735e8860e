/* logistic.h — multinomial logistic regression with an l2 penalty.
 *
 *     ½ Σ_c ‖W_c‖² + C Σ_i −log softmax(W x_i + b)[y_i]    is least over W and b
 *
 * (scikit-learn's LogisticRegression; constants are not penalised), by Newton's method: each step
 * by conjugate gradients on the Hessian, which is never formed (C.-J. Lin, R. C. Weng and S. S.
 * Keerthi, "Trust region Newton method for large-scale logistic regression", JMLR 2008, with a line
 * search in the trust region's place). Of two classes one function f = w·x + b is learnt, whose
 * penalty is ½ ‖w‖².
 *
 * Scores are logits, whose softmax are the probabilities: W x + b, and of two classes (−f/2, f/2).
 * An interrupted fit leaves the model as it was. */
#ifndef PERIGEE_CLASSIC_LOGISTIC_H
#define PERIGEE_CLASSIC_LOGISTIC_H

#include "core/types.h"
#include "model.h"

typedef struct Logistic Logistic; /* starts with a Model */

typedef struct LogisticParams {
    double C, tolerance;
    size_t max_iter;
} LogisticParams;
extern const Fields logistic_fields;

Logistic *logistic_new(const LogisticParams *params, Error *err);

/* What was learnt, float64: functions × features, and functions. NULL while it is not fitted. */
Array *const *logistic_weight(const Logistic *logistic);
Array *const *logistic_b(const Logistic *logistic);
/* The largest entry of the objective's gradient when the fit ended, beside C n, or 1
 * where that is more. */
double logistic_left(const Logistic *logistic);

extern const ModelKind logistic_kind;

#endif
