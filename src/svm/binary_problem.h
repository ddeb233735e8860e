/* binary_problem.h — one binary C-SVC problem of many on a kernel matrix, and what its conditions
 * ask for. In signs: beta_t = y_t·a_t is in [0, C·positive] or in [−C·negative, 0], and the problem
 * is solved where no sample that may rise has a larger error y_t − Σ beta_s K_ts than one that may
 * fall. */
#ifndef PERIGEE_SVM_BINARY_PROBLEM_H
#define PERIGEE_SVM_BINARY_PROBLEM_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One problem (solver.h) and its answer. */
typedef struct BinaryProblem {
    const int8_t *side; /* n: +1, −1, or 0 for a sample that takes no part; both sides must occur */
    double C, positive, negative; /* C and what it is multiplied by on either side */
    double tolerance;             /* of the KKT violation at which the solver stops */
    double *alpha;                /* out: n, y_i·a_i, 0 if a sample is not a support vector */
    bool unsolved;                /* out: the solver has given up before the tolerance */
    double b;      /* out: f(x) = Σ alpha_i k(x_i, x) + b, positive on the positive side */
    size_t group;  /* problems of one number have about the same support vectors, such as a class
                      against the rest without one fold or another; small numbers */
    bool crowded;  /* most samples will be support vectors, as far as screen.h has looked */
    double *value; /* out, unless NULL: n, f(x_t) − b of every sample, taking part or not; where
                      solver_tells says so */
} BinaryProblem;

/* Of sample t: the most that a_t may be, 0 if it takes no part. */
static inline double problem_bound(const BinaryProblem *problem, size_t t) {
    return problem->side[t] > 0   ? problem->C * problem->positive
           : problem->side[t] < 0 ? problem->C * problem->negative
                                  : 0;
}

static inline bool problem_may_rise(const BinaryProblem *problem, size_t t) {
    return problem->alpha[t] < (problem->side[t] > 0 ? problem_bound(problem, t) : 0);
}

static inline bool problem_may_fall(const BinaryProblem *problem, size_t t) {
    return problem->alpha[t] > (problem->side[t] > 0 ? 0 : -problem_bound(problem, t));
}

/* Of the samples looked at, the largest error of one that may rise, and the smallest of one that
 * may fall; begins as PROBLEM_EDGES. */
typedef struct ProblemEdges {
    double most, least;
    size_t top, bottom; /* whose they are */
} ProblemEdges;
#define PROBLEM_EDGES ((ProblemEdges){ -INFINITY, INFINITY, 0, 0 })

static inline void problem_look(const BinaryProblem *problem, size_t t, double error,
                                ProblemEdges *edges) {
    if (error > edges->most && problem_may_rise(problem, t)) {
        edges->most = error;
        edges->top = t;
    }
    if (error < edges->least && problem_may_fall(problem, t)) {
        edges->least = error;
        edges->bottom = t;
    }
}

/* How far the sample's error is on the wrong side of b: above it, and it may rise, or below it, and
 * it may fall. −∞ if it takes no part. */
static inline double problem_urge(const BinaryProblem *problem, size_t t, double error, double b) {
    double beyond = error - b, urge = -INFINITY;
    if (problem->side[t] == 0)
        return urge;
    if (problem_may_rise(problem, t))
        urge = beyond;
    if (problem_may_fall(problem, t) && -beyond > urge)
        urge = -beyond;
    return urge;
}

/* The b of a solution on some samples, by all: these two errors, `apart` around their `mid`, bound
 * it, and where no beta is free it is between them, as both solvers have it. */
static inline double problem_settle(double b, double mid, double apart) {
    double half = fabs(apart) / 2;
    if (!isfinite(half))
        return b;
    return apart < 0 ? mid : fmin(fmax(b, mid - half), mid + half);
}

#endif
