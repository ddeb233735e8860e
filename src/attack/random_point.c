#include "attack/random_point.h"

#include <math.h>

/* l1: exponential sizes with random signs; l2: normals; linf: random signs. */
static double draw(Norm norm, Rng *rng) {
    if (norm == NORM_L2)
        return rng_normal(rng);
    double size = norm == NORM_L1 ? -log1p(-rng_uniform(rng)) : 1;
    return rng_next(rng) >> 63 ? size : -size;
}

void random_direction(Norm norm, size_t n, Rng *rng, double *delta) {
    double length = 0;
    while (!(length > 0)) {
        for (size_t j = 0; j < n; j++)
            delta[j] = draw(norm, rng);
        length = norm_of(norm, delta, n);
    }
    for (size_t j = 0; j < n; j++)
        delta[j] /= length;
}

void random_in_ball(Norm norm, size_t n, Rng *rng, double *delta) {
    if (norm == NORM_LINF) {
        for (size_t j = 0; j < n; j++)
            delta[j] = 2 * rng_uniform(rng) - 1;
        return;
    }
    random_direction(norm, n, rng, delta);
    double radius = pow(rng_uniform(rng), 1 / (double)n);
    for (size_t j = 0; j < n; j++)
        delta[j] *= radius;
}
