/* rng.h — random numbers. Every generator is an explicit object: there is no hidden state in core.
 *
 * xoshiro256** (Blackman and Vigna, "Scrambled linear pseudorandom number generators", ACM TOMS
 * 2021), seeded through splitmix64, so that any 64-bit seed gives a well-mixed state. */
#ifndef PERIGEE_CORE_RNG_H
#define PERIGEE_CORE_RNG_H

#include <stddef.h>
#include <stdint.h>

typedef struct Rng {
    uint64_t state[4];
    double spare; /* the second normal of a pair */
    int has_spare;
} Rng;

void rng_seed(Rng *rng, uint64_t seed);

/* The generator for one part of what has this seed: a sample of a batch, a restart. */
void rng_seed_part(Rng *rng, uint64_t seed, uint64_t part);

uint64_t rng_next(Rng *rng);              /* 64 uniform bits */
double rng_uniform(Rng *rng);             /* [0, 1), 53 bits */
double rng_normal(Rng *rng);              /* mean 0, variance 1 */
uint64_t rng_below(Rng *rng, uint64_t n); /* 0 … n−1 without bias, n > 0 */

/* A random order of 0 … n−1 into order (Fisher–Yates). */
void rng_permutation(Rng *rng, size_t n, size_t *order);

/* The part of it that settles the places last−1 down to first of an order that starts as 0 … n−1,
 * for one that is drawn in parts, the last places first. */
void rng_permute(Rng *rng, size_t first, size_t last, size_t *order);

/* A new generator's seed drawn from this one, for parts that run on their own streams. */
uint64_t rng_fork(Rng *rng);

#endif
