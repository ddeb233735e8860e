#include "core/rng.h"

#include <math.h>

static uint64_t splitmix64(uint64_t *x) {
    uint64_t z = (*x += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t rotate_left(uint64_t x, int bits) {
    return (x << bits) | (x >> (64 - bits));
}

void rng_seed(Rng *rng, uint64_t seed) {
    for (int i = 0; i < 4; i++)
        rng->state[i] = splitmix64(&seed);
    rng->has_spare = 0;
    rng->spare = 0;
}

/* Not the increment of splitmix64, which would give neighbours three of four words. */
static const uint64_t part_stride = 0xd1342543de82ef95u;

void rng_seed_part(Rng *rng, uint64_t seed, uint64_t part) {
    rng_seed(rng, seed + part * part_stride);
}

uint64_t rng_next(Rng *rng) {
    uint64_t *s = rng->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

double rng_uniform(Rng *rng) {
    return (double)(rng_next(rng) >> 11) * 0x1p-53;
}

double rng_normal(Rng *rng) {
    if (rng->has_spare) {
        rng->has_spare = 0;
        return rng->spare;
    }
    /* Marsaglia's polar method: two normals from a point inside the unit circle. */
    double u, v, s;
    do {
        u = 2 * rng_uniform(rng) - 1;
        v = 2 * rng_uniform(rng) - 1;
        s = u * u + v * v;
    } while (s >= 1 || s == 0);
    double scale = sqrt(-2 * log(s) / s);
    rng->spare = v * scale;
    rng->has_spare = 1;
    return u * scale;
}

uint64_t rng_below(Rng *rng, uint64_t n) {
    uint64_t limit = -n % n; /* 2⁶⁴ mod n: below it the low values would come once too often */
    uint64_t x;
    do
        x = rng_next(rng);
    while (x < limit);
    return x % n;
}

void rng_permute(Rng *rng, size_t first, size_t last, size_t *order) {
    for (size_t i = last; i > first && i > 1; i--) {
        size_t j = (size_t)rng_below(rng, i), swapped = order[i - 1];
        order[i - 1] = order[j];
        order[j] = swapped;
    }
}

void rng_permutation(Rng *rng, size_t n, size_t *order) {
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    rng_permute(rng, 0, n, order);
}

uint64_t rng_fork(Rng *rng) {
    return rng_next(rng);
}
