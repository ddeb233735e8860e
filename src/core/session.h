/* session.h — the session's generator, one per context: seeded by --seed and by seed(n). */
#ifndef PERIGEE_CORE_SESSION_H
#define PERIGEE_CORE_SESSION_H

#include "core/rng.h"

#include <stdint.h>

/* Start the generator anew from the seed. */
void session_start(uint64_t seed);

/* What it was started from; 0 if it never was. */
uint64_t session_seed(void);
Rng *session_rng(void);

/* A seed drawn from it, of 63 bits: Lua shows it as a plain integer. */
uint64_t session_draw(void);

/* Where the session's generator is, to go on from there later. */
typedef struct SessionState {
    Rng rng;
    uint64_t seed;
} SessionState;

SessionState session_save(void);
void session_restore(const SessionState *state);

/* Where the part of that number of some work begins which began at `state`, whatever the other
 * parts draw. Part 0 begins there itself. */
SessionState session_part(const SessionState *state, uint64_t part);

/* The generator of the function `where` for a seed: equal seeds give functions with different names
 * streams of their own. */
Rng session_stream(const char *where, uint64_t seed);

#endif
