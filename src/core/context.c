#include "core/context.h"

#include "core/fail.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PLACE_BITS = 6,
    PLACES = 1 << PLACE_BITS,
    MOST_SLOTS = PLACES / 2, /* a table half empty is searched in a step or two */
    ROOM = 16 << 10
};

/* A hash table from a slot's address to its state. Places are filled and never emptied while the
 * context lives, so that looking up needs no lock: the state is written before the slot. */
typedef struct Place {
    const ContextSlot *_Atomic slot;
    void *state;
} Place;

struct Context {
    Place place[PLACES];
    Place *newest[MOST_SLOTS]; /* in the order of making */
    size_t count, used;        /* slots; bytes of the room */
    pthread_mutex_t lock;      /* held while a state is made */
    _Alignas(max_align_t) char room[ROOM];
};

static Context process_context = { .lock = PTHREAD_MUTEX_INITIALIZER };
static _Thread_local Context *entered; /* NULL: the process's own */

static size_t home(const ContextSlot *slot) {
    return ((uint64_t)(uintptr_t)slot * 0x9e3779b97f4a7c15u) >> (64 - PLACE_BITS);
}

/* The slot's place, or the empty one where it belongs. */
static inline Place *find(Context *context, const ContextSlot *slot, bool *found) {
    for (size_t i = home(slot);; i = (i + 1) % PLACES) {
        Place *place = &context->place[i];
        const ContextSlot *here = atomic_load_explicit(&place->slot, memory_order_acquire);
        *found = here == slot;
        if (*found || !here)
            return place;
    }
}

static void clear(Context *context) {
    while (context->count > 0) {
        Place *place = context->newest[--context->count];
        const ContextSlot *slot = atomic_load(&place->slot);
        if (slot->destroy)
            slot->destroy(place->state);
    }
    for (size_t i = 0; i < PLACES; i++)
        atomic_store(&context->place[i].slot, NULL);
    context->used = 0;
}

static void clear_process_context(void) {
    clear(&process_context);
}

/* Bytes of the context's room. */
static void *cut(Context *context, const ContextSlot *slot) {
    const size_t unit = _Alignof(max_align_t);
    size_t bytes = (slot->size + unit - 1) / unit * unit;
    if (context->count == MOST_SLOTS || bytes > ROOM - context->used) {
        fprintf(stderr, "perigee: too many slots in a context: raise ROOM in core/context.c\n");
        abort();
    }
    void *state = context->room + context->used;
    context->used += bytes;
    return memset(state, 0, bytes);
}

/* Another thread may have made it since the caller looked. Kept out of the way of those who find it
 * made. */
__attribute__((noinline, cold)) static void *make(Context *context, const ContextSlot *slot) {
    bool found;
    pthread_mutex_lock(&context->lock);
    Place *place = find(context, slot, &found);
    if (!found) {
        if (context == &process_context && context->count == 0)
            atexit(clear_process_context);
        place->state = cut(context, slot);
        if (slot->create)
            slot->create(place->state);
        context->newest[context->count++] = place;
        atomic_store_explicit(&place->slot, slot, memory_order_release);
    }
    pthread_mutex_unlock(&context->lock);
    return place->state;
}

/* ---- Public ---------------------------------------------------------------------------------- */

Context *context_new(Error *err) {
    Context *context = calloc(1, sizeof *context);
    if (!context) {
        error_memory(err, "context", sizeof *context);
        return NULL;
    }
    pthread_mutex_init(&context->lock, NULL);
    return context;
}

void context_free(Context *context) {
    if (!context)
        return;
    clear(context);
    if (entered == context)
        entered = NULL;
    pthread_mutex_destroy(&context->lock);
    free(context);
}

Context *context_current(void) {
    return entered ? entered : &process_context;
}

Context *context_enter(Context *context) {
    Context *before = context_current();
    entered = context == &process_context ? NULL : context;
    return before;
}

void *context_slot(const ContextSlot *slot) {
    Context *context = context_current();
    bool found;
    const Place *place = find(context, slot, &found);
    return found ? place->state : make(context, slot);
}
