/* svc_params.h — what a support vector classifier is told before it is fitted. */
#ifndef PERIGEE_SVM_SVC_PARAMS_H
#define PERIGEE_SVM_SVC_PARAMS_H

#include "svm/kernel.h"
#include "svm/solver.h"

typedef struct SvcParams {
    Kernel kernel;
    double C;
    double tolerance;        /* of the KKT violation where the solver stops; 1e-3 */
    bool balanced;           /* weigh both sides of each problem by n / (2 · their count) */
    const int32_t *weighted; /* labels whose C is multiplied in their own problem by … */
    const double *weight;    /* … these; both are copied */
    size_t weights;
    SolverKind solver; /* libsvm, or our own */
} SvcParams;

#endif
