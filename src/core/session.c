#include "core/session.h"

#include "core/context.h"
#include "core/hash.h"

typedef struct Session {
    Rng rng;
    uint64_t seed;
} Session;

static void seed_with_zero(void *state) {
    Session *session = state;
    rng_seed(&session->rng, 0);
}

static Session *the_session(void) {
    static const ContextSlot slot = { .size = sizeof(Session), .create = seed_with_zero };
    return context_slot(&slot);
}

void session_start(uint64_t seed) {
    Session *session = the_session();
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

/* A net's first weights are not to be array.rand's. The streams are counted from split's, whose
 * seed is plain: the shipped CNN was trained on a half of MNIST that split chose. */
Rng session_stream(const char *where, uint64_t seed) {
    Rng rng;
    rng_seed(&rng, seed ^ hash_text(where) ^ hash_text("split"));
    return rng;
}
