/* newton.h — the least of the logistic objective (logistic.h has it), by Newton's method with
 * conjugate gradients. */
#ifndef PERIGEE_CLASSIC_NEWTON_H
#define PERIGEE_CLASSIC_NEWTON_H

#include "core/progress.h"
#include "model.h"

typedef struct NewtonProblem {
    const Samples *samples;
    const Labels *classes;
    double C;
    double tolerance; /* the largest entry of the gradient, beside C n, or 1 where that is more */
    size_t max_iter;
} NewtonProblem;

/* A row of features and a constant for each function: of two classes there is one. */
size_t newton_functions(const NewtonProblem *problem);

/* weight (functions × features) and b (functions) are the caller's. */
typedef struct NewtonAnswer {
    double *weight, *b;
    double largest; /* the gradient's entry that is left, beside the same */
    bool converged;
} NewtonAnswer;

/* From zeros. True where it was interrupted as well. */
bool newton_solve(const NewtonProblem *problem, NewtonAnswer *out, Progress *progress, Error *err);

#endif
