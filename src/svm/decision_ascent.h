/* decision_ascent.h — ascents (model.h) in the logarithm of sums of kernels. */
#ifndef PERIGEE_SVM_DECISION_ASCENT_H
#define PERIGEE_SVM_DECISION_ASCENT_H

#include "svm/decision_pass.h"

/* One row's ascent in the logarithm (model.h): up · f[rising] shall exceed the threshold and
 * down · f[falling]; up and down are 1 or −1. */
typedef struct LogGoal {
    size_t rising, falling;
    double up, down, threshold;
} LogGoal;

/* For kernels that decay (kernel.h): values f, the gradients of what rises, and what they have come
 * to (NULL: not wanted). `goal` says a row's goal from its f. */
typedef struct LogAscent {
    LogGoal (*goal)(const void *context, size_t row, const double *f);
    const void *context;
    double *f;        /* n × functions */
    double *height;   /* n, or NULL */
    float *direction; /* n × features */
    double *largest;  /* n: the largest kernel of each row as it is; NULL: not wanted */
} LogAscent;
bool decision_ascent(DecisionView view, const Batch *batch, const LogAscent *ascent, Error *err);

#endif
