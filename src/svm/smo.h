/* smo.h — our own solver of a support vector machine's dual over a shared float32 Gram matrix.
 *
 * Sequential minimal optimisation with second-order working-set selection (R.-E. Fan, P.-H. Chen
 * and C.-J. Lin, "Working set selection using second order information for training SVM", JMLR 6,
 * 2005). The signed variables are beta_t = y_t alpha_t:
 *
 *     minimise ½ betaᵀ K beta − yᵀ beta   with  Σ beta = 0,  low_t ≤ beta_t ≤ high_t
 *
 * where [low, high] is [0, C_t] for y_t = +1 and [−C_t, 0] for y_t = −1. A sample with C_t = 0
 * takes no part: that is how the folds of a cross-validation share one matrix. The decision
 * function is f(x) = Σ beta_t K(x_t, x) + b. */
#ifndef PERIGEE_SVM_SMO_H
#define PERIGEE_SVM_SMO_H

#include "core/types.h"
#include "svm/binary_problem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Row i of a matrix; it stays until another two have been asked for. */
typedef const float *SmoRow(void *rows, size_t i);

typedef struct SmoProblem {
    const float *gram; /* n × n, symmetric, rows `stride` apart; or NULL, and they are asked for */
    size_t n, stride;
    const int8_t *y;  /* +1 or −1 */
    const double *C;  /* n upper bounds of alpha, 0 to leave a sample out */
    double tolerance; /* stop where the largest violation of the KKT conditions is below it */
    bool (*stop)(void *context); /* asked now and then; true ends the search; may be NULL */
    void *context;
    const double *error; /* n, y_t − Σ K_ts beta_s at the start, over samples that are not here as
                            well; the solution's beta is then where the search starts from. NULL:
                            it starts from 0 */
    bool coarse;         /* errors are kept in single precision: half the time for who judges the
                            solution himself */
    SmoRow *row;
    void *rows;            /* what it is given */
    const float *diagonal; /* n, of a matrix that is asked for */
} SmoProblem;

typedef struct SmoSolution {
    double *beta;  /* n, the caller's memory */
    double *error; /* the same or NULL: y_t − Σ K_ts beta_s at the end */
    double b;
    double objective; /* of the dual, minimised: negative at a solution; from 0 only */
    size_t iterations;
    bool converged; /* false: stopped, or at the limit of iterations */
} SmoSolution;

/* A problem from 0 on, on the matrix of all samples; `bound` is the caller's memory for n, which C
 * will be. */
SmoProblem smo_problem(const BinaryProblem *problem, const float *gram, size_t n, double *bound);

/* Iterations after which a search on n samples ends in any case. */
size_t smo_limit(size_t n);

/* Fills *solution. Fails only without memory. Re-entrant: problems run side by side. */
bool smo_solve(const SmoProblem *problem, SmoSolution *solution, Error *err);

#endif
