#include "svm/smo.h"

#include "core/fail.h"
#include "core/simd.h"

#include <math.h>
#include <stdlib.h>

enum { BLOCK = 128, STOP_EVERY = 1000 };

/* Curvature of a pair whose kernel rows coincide: any small positive number keeps the step finite.
 */
static const double LEAST_CURVATURE = 1e-12;

/* The sample that may rise with the largest error, and the smallest error of those that may fall:
 * their difference is the violation. */
typedef struct Violation {
    size_t index;
    double most, least;
} Violation;

static const float *row_of(const SmoProblem *p, size_t i) {
    return p->gram ? p->gram + i * p->stride : p->row(p->rows, i);
}

static inline size_t block_end(size_t n, size_t start) {
    return start + BLOCK < n ? start + BLOCK : n;
}

static double low_bound(const SmoProblem *p, size_t t) {
    return p->y[t] > 0 ? 0 : -p->C[t];
}

static double high_bound(const SmoProblem *p, size_t t) {
    return p->y[t] > 0 ? p->C[t] : 0;
}

SmoProblem smo_problem(const BinaryProblem *problem, const float *gram, size_t n, double *bound) {
    for (size_t t = 0; t < n; t++)
        bound[t] = problem_bound(problem, t);
    return (SmoProblem){ .gram = gram,
                         .n = n,
                         .stride = n,
                         .y = problem->side,
                         .C = bound,
                         .tolerance = problem->tolerance };
}

size_t smo_limit(size_t n) {
    return n > 100000 ? 100 * n : 10000000;
}

#define NAME(x) double_##x
#define REAL double
#include "svm/smo_search.h"

#define NAME(x) float_##x
#define REAL float
#include "svm/smo_search.h"

bool smo_solve(const SmoProblem *problem, SmoSolution *solution, Error *err) {
    return (problem->coarse ? float_solve : double_solve)(problem, solution, err);
}
