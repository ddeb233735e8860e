#include "core/session.h"

#include "core/context.h"
#include "core/hash.h"

static void seed_with_zero(void *state) {
    SessionState *session = state;
    rng_seed(&session->rng, 0);
}

static SessionState *the_session(void) {
    static const ContextSlot slot = { .size = sizeof(SessionState), .create = seed_with_zero };
    return context_slot(&slot);
}

void session_start(uint64_t seed) {
    SessionState *session = the_session();
    session->seed = seed;
    rng_seed(&session->rng, seed);
}

uint64_t session_seed(void) {
    return the_session()->seed;
}

Rng *session_rng(void) {
    return &the_session()->rng;
}

uint64_t session_draw(void) {
    return rng_fork(session_rng()) >> 1;
}

SessionState session_save(void) {
    return *the_session();
}

void session_restore(const SessionState *state) {
    *the_session() = *state;
}

SessionState session_part(const SessionState *state, uint64_t part) {
    SessionState begins = *state;
    if (part > 0)
        rng_seed_part(&begins.rng, hash_bytes(state->rng.state, sizeof state->rng.state), part);
    return begins;
}

/* A net's first weights are not to be array.rand's. The streams are counted from split's, whose
 * seed is plain: the shipped CNN was trained on a half of MNIST that split chose. */
Rng session_stream(const char *where, uint64_t seed) {
    Rng rng;
    rng_seed(&rng, seed ^ hash_text(where) ^ hash_text("split"));
    return rng;
}
