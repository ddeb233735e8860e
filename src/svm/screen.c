#include "svm/screen.h"

#include "core/progress.h"
#include "core/simd.h"
#include "svm/smo.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The violation at which the rough solution stops, and how close to violating its conditions a
 * sample is taken as well. */
static const double ROUGH = 0.01, SLACK = 0.02;

/* Iterations a sample after which a problem is too hard for a rough look; and how often libsvm
 * begins anew. */
enum { PATIENCE = 20, LOOK_EVERY = 1000, ROUNDS = 5 };

bool screen_init(Screen *screen, const float *values, size_t n) {
    *screen = (Screen){ .values = values,
                        .n = n,
                        .bound = malloc(n * sizeof(double)),
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

/* Samples of those that take part that libsvm is given at most. */
static size_t most_samples(const BinaryProblem *problem, size_t n) {
    size_t taking = 0;
    for (size_t t = 0; t < n; t++)
        taking += problem->side[t] != 0;
    return (size_t)(SCREEN_MOST * (double)taking);
}

/* ---- The rough solution ---------------------------------------------------------------------- */

/* What is looked at while it is searched for. */
typedef struct Look {
    const Screen *screen;
    const double *beta;
    size_t most, left; /* support vectors at most, looks that are left */
    bool stopped, crowded;
} Look;

static bool asked_to_stop(const Screen *screen) {
    return screen->stop && screen->stop(screen->context);
}

/* Is it not to be gone on with? */
static bool look(void *context) {
    Look *at = context;
    size_t supports = 0;
    at->stopped = asked_to_stop(at->screen);
    for (size_t t = 0; t < at->screen->n; t++)
        supports += at->beta[t] != 0;
    at->crowded = supports > at->most;
    return at->stopped || at->crowded || at->left-- == 0;
}

static Screened find_roughly(const Screen *screen, BinaryProblem *problem) {
    size_t n = screen->n;
    Look at = { .screen = screen,
                .beta = problem->alpha,
                .most = most_samples(problem, n),
                .left = PATIENCE * n / LOOK_EVERY };
    SmoProblem smo = smo_problem(problem, screen->values, n, screen->bound);
    SmoSolution solution = { .beta = problem->alpha, .error = screen->error };
    smo.tolerance = fmax(ROUGH, problem->tolerance);
    smo.coarse = true;
    smo.stop = look;
    smo.context = &at;
    if (!smo_solve(&smo, &solution, NULL))
        return SCREEN_NO_MEMORY;
    problem->crowded = at.crowded;
    return at.stopped ? SCREEN_STOPPED : solution.converged ? SCREEN_SOLVED : SCREEN_LEFT;
}

/* ---- Choosing and judging -------------------------------------------------------------------- */

/* Between the largest error of the samples that may rise and the smallest of those that may fall,
 * which are `apart`. */
typedef struct Middle {
    double mid, apart;
} Middle;

static Middle find_middle(const Screen *screen, const BinaryProblem *problem) {
    ProblemEdges edges = PROBLEM_EDGES;
    for (size_t t = 0; t < screen->n; t++)
        problem_look(problem, t, screen->error[t], &edges);
    return (Middle){ (edges.most + edges.least) / 2, edges.most - edges.least };
}

/* Add the samples that violate the conditions, are near to it or are support vectors. False if none
 * of those that were left out violates them; b is then settled. */
static bool choose(Screen *screen, BinaryProblem *problem) {
    const size_t n = screen->n;
    Middle middle = find_middle(screen, problem);
    double allowed = problem->tolerance - middle.apart / 2;
    bool any = screen->samples == 0;
    for (size_t t = 0; t < n && !any; t++)
        any =
            !screen->chosen[t] && problem_urge(problem, t, screen->error[t], middle.mid) > allowed;
    if (!any) {
        problem->b = problem_settle(problem->b, middle.mid, middle.apart);
        return false;
    }
    screen->samples = 0;
    for (size_t t = 0; t < n; t++) {
        double urge = problem_urge(problem, t, screen->error[t], middle.mid);
        if (urge > fmin(allowed, -SLACK) || problem->alpha[t] != 0)
            screen->chosen[t] = 1;
        if (screen->chosen[t])
            screen->sample[screen->samples++] = t;
    }
    return true;
}

/* error[t] −= Σ K_ts beta_s, by the samples s from `first` to `last`. */
SIMD_CLONES static void subtract_sums(const Screen *screen, const double *beta, size_t first,
                                      size_t last) {
    const size_t n = screen->n;
    double *restrict error = screen->error;
    for (size_t s = first; s < last; s++) {
        const float *restrict row = screen->values + s * n;
        for (size_t t = 0; beta[s] != 0 && t < n; t++)
            error[t] -= beta[s] * (double)row[t];
    }
}

/* y_t − Σ K_ts beta_s of all samples. */
static void find_errors(Screen *screen, const BinaryProblem *problem) {
    enum { BETWEEN = 512 };
    const size_t n = screen->n;
    for (size_t t = 0; t < n; t++)
        screen->error[t] = problem->side[t];
    for (size_t s = 0; s < n; s += BETWEEN) {
        progress_let_attend();
        subtract_sums(screen, problem->alpha, s, n - s < BETWEEN ? n : s + BETWEEN);
    }
}

static bool has_both_sides(const Screen *screen, const BinaryProblem *problem) {
    bool positive = false, negative = false;
    for (size_t i = 0; i < screen->samples; i++) {
        positive |= problem->side[screen->sample[i]] > 0;
        negative |= problem->side[screen->sample[i]] < 0;
    }
    return positive && negative;
}

Screened screen_solve(Screen *screen, BinaryProblem *problem) {
    Screened rough = find_roughly(screen, problem);
    size_t n = screen->n, most = most_samples(problem, n);
    if (rough != SCREEN_SOLVED)
        return rough;
    memset(screen->chosen, 0, n);
    screen->samples = 0;
    for (int round = 0; choose(screen, problem); round++) {
        problem->crowded = screen->samples > most;
        if (round == ROUNDS || problem->crowded || !has_both_sides(screen, problem))
            return SCREEN_LEFT;
        if (asked_to_stop(screen))
            return SCREEN_STOPPED;
        LibsvmPart part = { screen->values, n, screen->sample, screen->samples };
        if (!libsvm_solve_part(&part, problem, screen->scratch))
            return SCREEN_NO_MEMORY;
        find_errors(screen, problem);
    }
    return SCREEN_SOLVED;
}
