/* descent_stop.c — which rows stop, and why. */
#include "attack/descent.h"
#include "attack/descent_inside.h"
#include <math.h>
#include <string.h>

/* Iterations without a move after which a row is given up. */
enum { MOST_STILL = 5 };

static double mean(const double *values, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += values[i];
    return sum / (double)n;
}

/* Has the row's loss come to rest? Never, unless somebody says what counts as rest: scores may be
 * of any scale, and flat before they fall. */
static bool has_converged(const Descent *descent, const Path *path) {
    const Attack *attack = descent->problem->attack;
    double eps = descent->problem->params->eps;
    const double *end = path->loss + path->count;
    if (isnan(eps))
        return false;
    if (path->count > 1 && fabs(end[-1] - end[-2]) < eps)
        return true;
    size_t window = (size_t)attack->window;
    return window > 0 && descent->iteration > (size_t)attack->window_after &&
           path->count >= 2 * window &&
           fabs(mean(end - window, window) - mean(end - 2 * window, window)) < eps;
}

/* The goal is reached, and nothing more is wanted: the run is to stop there, or no point can be
 * nearer. */
bool descent_is_content(const Descent *descent, size_t row) {
    const Problem *problem = descent->problem;
    bool best = problem->attack->minimal && descent->worth[row].distance == 0;
    return descent->worth[row].reached && (problem->params->early_stop || best);
}

bool descent_is_sound(const Descent *descent, size_t row) {
    return objective_is_sound(descent->problem->model,
                              descent->scores + row * descent->problem->columns);
}

/* Why the row stops after this iteration, or −1. */
int32_t descent_reason_to_stop(const Descent *descent, size_t row) {
    if (!descent_is_sound(descent, row))
        return STOP_NOT_FINITE;
    if (has_converged(descent, &descent->path[row]))
        return STOP_CONVERGED;
    if (descent_is_content(descent, row))
        return STOP_REACHED;
    int patience = descent->problem->attack->patience;
    return descent->still[row] >= (patience ? patience : MOST_STILL) ? STOP_STILL : -1;
}

/* Drop the rows whose stop has been set (≥ 0) from the active list, and their gradients if there
 * are any; how many stay comes out of it. */
void descent_drop_stopped(Descent *descent, bool gradients) {
    size_t kept = 0, d = descent->problem->features;
    for (size_t a = 0; a < descent->active_count; a++) {
        if (descent->stop[descent->active[a]] >= 0)
            continue;
        if (gradients && kept != a) {
            memcpy(descent->gradient + kept * d, descent->gradient + a * d, d * sizeof(float));
            descent->gradient_norm[kept] = descent->gradient_norm[a];
            descent->largest[kept] = descent->largest[a];
        }
        descent->active[kept++] = descent->active[a];
    }
    descent->active_count = kept;
}

/* Of the rows of one sample all stop where one has reached the goal and was to stop there. */
void descent_stop_siblings(const Descent *descent, size_t first, size_t last) {
    bool reached = false;
    for (size_t a = first; a < last; a++)
        reached = reached || descent->worth[descent->active[a]].reached;
    for (size_t a = first; reached && a < last; a++) {
        int32_t *stop = &descent->stop[descent->active[a]];
        *stop = *stop >= 0 ? *stop : STOP_OUTRUN;
    }
}

size_t descent_siblings(const Descent *descent, size_t first) {
    size_t last = first + 1, sample = descent->sample[descent->active[first]];
    while (last < descent->active_count && descent->sample[descent->active[last]] == sample)
        last++;
    return last;
}

/* Places of one sample's rows, of which the `most` go on that have the least `left`. */
typedef struct Siblings {
    size_t first, last, most;
    double (*left)(const Descent *descent, size_t row);
} Siblings;

static void keep_nearest(Descent *descent, const Siblings *siblings, StopReason reason) {
    for (size_t a = siblings->first; a < siblings->last; a++) {
        double own = siblings->left(descent, descent->active[a]);
        size_t ahead = 0;
        for (size_t b = siblings->first; b < siblings->last; b++) {
            double other = siblings->left(descent, descent->active[b]);
            ahead += other < own || (other == own && b < a);
        }
        if (ahead >= siblings->most)
            descent->stop[descent->active[a]] = reason;
    }
}

void descent_keep(Descent *descent, size_t most,
                  double (*left)(const Descent *descent, size_t row)) {
    for (size_t first = 0, last; first < descent->active_count; first = last) {
        last = descent_siblings(descent, first);
        keep_nearest(descent, &(Siblings){ first, last, most, left }, STOP_OUTRUN);
    }
}

static double loss_of(const Descent *descent, size_t row) {
    return descent->loss[row];
}

/* Of each sample's rows as many go on as can be paid for until the iteration's end. */
void descent_stop_unpaid(Descent *descent) {
    if (!descent->left)
        return;
    size_t price = problem_price(descent->problem, descent->ahead);
    for (size_t first = 0, last; first < descent->active_count; first = last) {
        last = descent_siblings(descent, first);
        size_t most = descent->left[descent->sample[descent->active[first]]] / price;
        if (most < last - first)
            keep_nearest(descent, &(Siblings){ first, last, most, loss_of }, STOP_MAX_QUERIES);
    }
    descent_drop_stopped(descent, descent->ahead);
}
