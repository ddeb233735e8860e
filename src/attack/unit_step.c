#include "attack/unit_step.h"

#include <math.h>

/* A feature this near its bound stands on it: points are rounded towards the sample. */
static const double border = 1e-6;

StepRule step_rule_of(Norm norm) {
    switch (norm) {
    case NORM_L1:
        return STEP_LARGEST;
    case NORM_L2:
        return STEP_UNIT;
    default:
        return STEP_SIGN;
    }
}

void drop_outward(const Constraint *constraint, const float *x, double *g) {
    for (size_t j = 0; j < constraint->features; j++)
        if (g[j] > 0 ? (double)x[j] <= constraint_lower(constraint, j) + border
                     : (double)x[j] >= constraint_upper(constraint, j) - border)
            g[j] = 0;
}

/* Divided by the largest component first: squares of small ones would vanish. */
static void to_unit_length(size_t n, double *g) {
    double largest = 0, sum = 0;
    for (size_t j = 0; j < n; j++)
        largest = fmax(largest, fabs(g[j]));
    if (!(largest > 0))
        return;
    for (size_t j = 0; j < n; j++)
        sum += (g[j] / largest) * (g[j] / largest);
    double length = largest * sqrt(sum);
    for (size_t j = 0; j < n; j++)
        g[j] /= length;
}

static double sign_of(double value) {
    return (value > 0) - (value < 0);
}

enum { MOST_LARGEST = 4096 };

/* The places of the largest components, most of them first; how many there are that are not 0. */
static size_t find_largest(size_t n, const double *g, size_t most, size_t *place) {
    size_t count = 0;
    for (size_t j = 0; j < n; j++) {
        if (g[j] == 0 || (count == most && !(fabs(g[j]) > fabs(g[place[count - 1]]))))
            continue;
        size_t at = count < most ? count++ : count - 1;
        for (; at > 0 && fabs(g[j]) > fabs(g[place[at - 1]]); at--)
            place[at] = place[at - 1];
        place[at] = j;
    }
    return count;
}

static void keep_largest(size_t n, double *g, size_t most) {
    size_t place[MOST_LARGEST];
    double sign[MOST_LARGEST];
    most = most < 1 ? 1 : most > MOST_LARGEST ? MOST_LARGEST : most;
    size_t count = find_largest(n, g, most, place);
    for (size_t k = 0; k < count; k++)
        sign[k] = sign_of(g[place[k]]);
    for (size_t j = 0; j < n; j++)
        g[j] = 0;
    for (size_t k = 0; k < count; k++)
        g[place[k]] = sign[k] / (double)count;
}

void unit_step(UnitStep step, size_t n, double *g) {
    switch (step.rule) {
    case STEP_RAW:
        return;
    case STEP_UNIT:
        to_unit_length(n, g);
        return;
    case STEP_SIGN:
        for (size_t j = 0; j < n; j++)
            g[j] = sign_of(g[j]);
        return;
    case STEP_LARGEST:
        keep_largest(n, g, step.largest);
        return;
    }
}

size_t step_components(int largest, size_t features) {
    size_t most = features / 20 > 1 ? features / 20 : 1;
    return (size_t)largest < most ? (size_t)largest : most;
}
