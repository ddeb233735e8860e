#include "svm/screen.h"

#include "core/simd.h"
#include "svm/smo.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The violation at which the rough solution stops, and how close to violating its conditions a
 * sample is taken as well. */
static const double ROUGH = 0.01, SLACK = 0.02;

/* Iterations a sample after which a problem is too hard for a rough look. */
enum { PATIENCE = 100, LOOK_EVERY = 1000 };

bool screen_init(Screen *screen, size_t n) {
    *screen = (Screen){ .bound = malloc(n * sizeof(double)),
                        .error = malloc(n * sizeof(double)),
                        .sample = malloc(n * sizeof(size_t)),
                        .chosen = malloc(n) };
    return screen->bound && screen->error && screen->sample && screen->chosen;
}

void screen_clear(Screen *screen) {
    free(screen->bound);
    free(screen->error);
    free(screen->sample);
    free(screen->chosen);
}

/* ---- The rough solution ---------------------------------------------------------------------- */

/* What is looked at while it is searched for. */
typedef struct Look {
    const Screen *screen;
    const double *beta;
    size_t n, most, left; /* samples, support vectors at most, looks that are left */
    bool stopped;
} Look;

/* Is it not to be gone on with? */
static bool look(void *context) {
    Look *at = context;
    size_t supports = 0;
    at->stopped = at->screen->stop && at->screen->stop(at->screen->context);
    for (size_t t = 0; t < at->n; t++)
        supports += at->beta[t] != 0;
    return at->stopped || supports > at->most || at->left-- == 0;
}

static Screened find_roughly(const float *values, size_t n, BinaryProblem *problem,
                             Screen *screen) {
    Look at = { .screen = screen,
                .beta = problem->alpha,
                .n = n,
                .most = (size_t)(SCREEN_MOST * (double)n),
                .left = PATIENCE * n / LOOK_EVERY };
    SmoProblem smo = smo_problem(problem, values, n, screen->bound);
    SmoSolution solution = { .beta = problem->alpha, .error = screen->error };
    smo.tolerance = fmax(ROUGH, problem->tolerance);
    smo.coarse = true;
    smo.stop = look;
    smo.context = &at;
    if (!smo_solve(&smo, &solution, NULL))
        return SCREEN_NO_MEMORY;
    return at.stopped ? SCREEN_STOPPED : solution.converged ? SCREEN_SOLVED : SCREEN_LEFT;
}

/* ---- Choosing and judging -------------------------------------------------------------------- */

/* The largest error of the samples that may rise, and the smallest of those that may fall. */
typedef struct Ends {
    double top, bottom;
} Ends;

static Ends find_ends(const BinaryProblem *problem, size_t n, const double *error) {
    Ends ends = { -INFINITY, INFINITY };
    for (size_t t = 0; t < n; t++) {
        if (error[t] > ends.top && problem_may_rise(problem, t))
            ends.top = error[t];
        if (error[t] < ends.bottom && problem_may_fall(problem, t))
            ends.bottom = error[t];
    }
    return ends;
}

/* By how much it is beyond what those at the other end allow; −∞ if it takes no part. */
static double beyond(const BinaryProblem *problem, size_t t, double error, Ends ends) {
    double most = -INFINITY;
    if (problem_may_rise(problem, t))
        most = error - ends.bottom;
    if (problem_may_fall(problem, t))
        most = fmax(most, ends.top - error);
    return most;
}

/* Add the samples that violate the conditions, are near to it or are support vectors. False if none
 * of those that were left out violates them. */
static bool choose(const BinaryProblem *problem, size_t n, Screen *screen) {
    Ends ends = find_ends(problem, n, screen->error);
    double near = (ends.top - ends.bottom) / 2 - SLACK;
    bool any = false;
    for (size_t t = 0; t < n; t++) {
        double by = beyond(problem, t, screen->error[t], ends);
        any |= !screen->chosen[t] && by > problem->tolerance;
    }
    if (!any && screen->samples > 0)
        return false;
    screen->samples = 0;
    for (size_t t = 0; t < n; t++) {
        double by = beyond(problem, t, screen->error[t], ends);
        if (by > fmin(near, problem->tolerance) || problem->alpha[t] != 0)
            screen->chosen[t] = 1;
        if (screen->chosen[t])
            screen->sample[screen->samples++] = t;
    }
    return true;
}

/* y_t − Σ K_ts beta_s of all samples. */
SIMD_CLONES static void find_errors(const float *values, size_t n, const BinaryProblem *problem,
                                    double *restrict error) {
    for (size_t t = 0; t < n; t++)
        error[t] = problem->side[t];
    for (size_t s = 0; s < n; s++) {
        const double beta = problem->alpha[s];
        const float *restrict row = values + s * n;
        if (beta == 0)
            continue;
        for (size_t t = 0; t < n; t++)
            error[t] -= beta * (double)row[t];
    }
}

static bool has_both_sides(const BinaryProblem *problem, const Screen *screen) {
    bool positive = false, negative = false;
    for (size_t i = 0; i < screen->samples; i++) {
        positive |= problem->side[screen->sample[i]] > 0;
        negative |= problem->side[screen->sample[i]] < 0;
    }
    return positive && negative;
}

Screened screen_solve(const float *values, size_t n, BinaryProblem *problem, Screen *screen) {
    Screened rough = find_roughly(values, n, problem, screen);
    if (rough != SCREEN_SOLVED)
        return rough;
    memset(screen->chosen, 0, n);
    screen->samples = 0;
    while (choose(problem, n, screen)) {
        if ((double)screen->samples > SCREEN_MOST * (double)n || !has_both_sides(problem, screen))
            return SCREEN_LEFT;
        if (screen->stop && screen->stop(screen->context))
            return SCREEN_STOPPED;
        LibsvmPart part = { values, n, screen->sample, screen->samples };
        if (!libsvm_solve_part(&part, problem, screen->scratch))
            return SCREEN_NO_MEMORY;
        find_errors(values, n, problem, screen->error);
    }
    return SCREEN_SOLVED;
}
