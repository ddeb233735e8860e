#include "svm/smo.h"

#include "core/fail.h"
#include "core/simd.h"

#include <math.h>
#include <stdlib.h>

enum { BLOCK = 128, STOP_EVERY = 1000 };

/* Curvature of a pair whose kernel rows coincide: any small positive number keeps the step finite.
 */
static const double LEAST_CURVATURE = 1e-12;

/* The search's state. error[t] = y_t − Σ K_ts beta_s is minus the signed gradient: the KKT
 * conditions hold where no sample that may rise has a larger error than one that may fall. `rise`
 * and `fall` are 0 where beta may move up or down and −∞ or +∞ where it is at that bound, so that a
 * sum masks it. The largest of something is found block by block: the compiler vectorises a plain
 * maximum, and its place is then looked for in one block only. */
typedef struct Search {
    const SmoProblem *problem;
    double *error, *rise, *fall;
    float *diagonal, *gain;
    double *beta;
    void *memory;
} Search;

/* The sample that may rise with the largest error, and the smallest error of those that may fall:
 * their difference is the violation. */
typedef struct Violation {
    size_t index;
    double most, least;
} Violation;

static const float *row_of(const Search *s, size_t i) {
    const SmoProblem *p = s->problem;
    return p->gram ? p->gram + i * p->stride : p->row(p->rows, i);
}

static size_t block_end(const Search *s, size_t start) {
    return start + BLOCK < s->problem->n ? start + BLOCK : s->problem->n;
}

/* Subtract step·(K_i − K_j) from the errors and find the next violation on the way. */
SIMD_CLONES static Violation move_errors(Search *s, const float *restrict row_i,
                                         const float *restrict row_j, double step) {
    const SmoProblem *p = s->problem;
    double *restrict error = s->error;
    const double *restrict rise = s->rise, *restrict fall = s->fall;
    Violation v = { 0, -INFINITY, INFINITY };
    size_t best_block = 0;
    for (size_t start = 0; start < p->n; start += BLOCK) {
        double most = -INFINITY, least = INFINITY;
        size_t end = block_end(s, start);
#pragma omp simd reduction(max : most) reduction(min : least)
        for (size_t t = start; t < end; t++) {
            error[t] -= step * ((double)row_i[t] - (double)row_j[t]);
            double up = error[t] + rise[t], down = error[t] + fall[t];
            most = up > most ? up : most;
            least = down < least ? down : least;
        }
        if (most > v.most) {
            v.most = most;
            best_block = start;
        }
        v.least = least < v.least ? least : v.least;
    }
    v.index = best_block;
    while (v.index + 1 < p->n && error[v.index] + rise[v.index] != v.most)
        v.index++;
    return v;
}

/* The partner of i: of the samples that may fall and whose error is smaller, the one with which the
 * objective falls most, (error_i − error_t)² / curvature. Single precision is enough to choose. */
SIMD_CLONES static size_t best_partner(Search *s, const float *restrict row, size_t i,
                                       double error_i) {
    const SmoProblem *p = s->problem;
    const float *restrict diagonal = s->diagonal;
    const double *restrict error = s->error, *restrict fall = s->fall;
    float *restrict gain = s->gain;
    const float diagonal_i = diagonal[i], flat = (float)LEAST_CURVATURE;
    float best = -1;
    size_t best_block = 0;
    for (size_t start = 0; start < p->n; start += BLOCK) {
        float most = -1;
        size_t end = block_end(s, start);
#pragma omp simd reduction(max : most)
        for (size_t t = start; t < end; t++) {
            float gap = (float)(error_i - (error[t] + fall[t]));
            float curvature = diagonal_i + diagonal[t] - 2 * row[t];
            curvature = curvature > flat ? curvature : flat;
            gap = gap > 0 ? gap : 0; /* a sample with no gap gains nothing; −∞ squared would */
            gain[t] = gap * gap / curvature;
            most = gain[t] > most ? gain[t] : most;
        }
        if (most > best) {
            best = most;
            best_block = start;
        }
    }
    size_t partner = best_block;
    while (partner + 1 < p->n && gain[partner] != best)
        partner++;
    return partner;
}

static double low_bound(const SmoProblem *p, size_t t) {
    return p->y[t] > 0 ? 0 : -p->C[t];
}

static double high_bound(const SmoProblem *p, size_t t) {
    return p->y[t] > 0 ? p->C[t] : 0;
}

static void mark_bounds(Search *s, size_t t) {
    s->rise[t] = s->beta[t] < high_bound(s->problem, t) ? 0 : -INFINITY;
    s->fall[t] = s->beta[t] > low_bound(s->problem, t) ? 0 : INFINITY;
}

/* Move beta_i up and that of its best partner, j, down by the same amount, to the pair's minimum or
 * to the first bound. A variable that reaches its bound is put there exactly. */
static Violation take_step(Search *s, Violation v) {
    const SmoProblem *p = s->problem;
    size_t i = v.index;
    const float *row_i = row_of(s, i);
    size_t j = best_partner(s, row_i, i, v.most);
    double curvature = (double)s->diagonal[i] + (double)s->diagonal[j] - 2 * (double)row_i[j];
    double step = (s->error[i] - s->error[j]) / fmax(curvature, LEAST_CURVATURE);
    double room_i = high_bound(p, i) - s->beta[i], room_j = s->beta[j] - low_bound(p, j);
    double taken = fmin(step, fmin(room_i, room_j));
    s->beta[i] = taken == room_i ? high_bound(p, i) : s->beta[i] + taken;
    s->beta[j] = taken == room_j ? low_bound(p, j) : s->beta[j] - taken;
    mark_bounds(s, i);
    mark_bounds(s, j);
    return move_errors(s, row_i, row_of(s, j), taken);
}

static bool search_begin(const SmoProblem *p, double *beta, Search *s, Error *err) {
    size_t n = p->n, bytes = n * (3 * sizeof(double) + 2 * sizeof(float));
    *s = (Search){ .problem = p, .beta = beta, .memory = malloc(bytes) };
    if (!s->memory)
        return error_memory(err, "svm", bytes);
    s->error = s->memory;
    s->rise = s->error + n;
    s->fall = s->rise + n;
    s->diagonal = (float *)(s->fall + n);
    s->gain = s->diagonal + n;
    for (size_t t = 0; t < n; t++) {
        if (!p->error)
            beta[t] = 0;
        s->error[t] = p->error ? p->error[t] : p->y[t];
        s->diagonal[t] = p->gram ? p->gram[t * p->stride + t] : p->diagonal[t];
        mark_bounds(s, t);
    }
    return true;
}

/* b is the error of any free sample; their mean, or the middle of what the bound ones allow. */
static double intercept(const Search *s) {
    double sum = 0, upper = INFINITY, lower = -INFINITY;
    size_t free_samples = 0;
    for (size_t t = 0; t < s->problem->n; t++) {
        bool rises = s->rise[t] == 0, falls = s->fall[t] == 0;
        if (rises && falls) {
            sum += s->error[t];
            free_samples++;
        } else if (rises) {
            lower = fmax(lower, s->error[t]);
        } else if (falls) {
            upper = fmin(upper, s->error[t]);
        }
    }
    if (free_samples > 0)
        return sum / (double)free_samples;
    if (isinf(lower) || isinf(upper)) /* one class only: nothing but its own side bounds b */
        return isinf(lower) ? (isinf(upper) ? 0 : upper) : lower;
    return (lower + upper) / 2;
}

/* ½ βᵀKβ − yᵀβ = −½ Σ β_t (error_t + y_t), since Kβ = y − error. */
static double objective(const Search *s) {
    double sum = 0;
    for (size_t t = 0; t < s->problem->n; t++)
        sum += s->beta[t] * (s->error[t] + s->problem->y[t]);
    return -0.5 * sum;
}

size_t smo_limit(size_t n) {
    return n > 100000 ? 100 * n : 10000000;
}

bool smo_solve(const SmoProblem *problem, SmoSolution *solution, Error *err) {
    Search s;
    if (!search_begin(problem, solution->beta, &s, err))
        return false;
    size_t iteration = 0, limit = smo_limit(problem->n);
    bool stopped = false;
    const float *any = row_of(&s, 0);
    Violation v = move_errors(&s, any, any, 0);
    while (v.most - v.least >= problem->tolerance && iteration < limit && !stopped) {
        v = take_step(&s, v);
        if (++iteration % STOP_EVERY == 0 && problem->stop)
            stopped = problem->stop(problem->context);
    }
    solution->b = intercept(&s);
    solution->objective = objective(&s);
    solution->iterations = iteration;
    solution->converged = !(v.most - v.least >= problem->tolerance);
    free(s.memory);
    return true;
}
