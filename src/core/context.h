/* context.h — what one session owns, so that several live in one process.
 *
 * A context holds all state that outlives a call: threads, kept memory, who listens to progress, an
 * interrupt's request, the session's generator. Each module that has such state defines a slot, a
 * constant that says how large it is, and asks for its place in the current context:
 *
 *     static const ContextSlot slot = { .size = sizeof(struct Kept), .destroy = empty };
 *     struct Kept *kept = context_slot(&slot);
 *
 * so that this file knows none of its tenants. Each thread has a current context; one that has not
 * entered any has the process's own, which is made when it is first used and ends at exit. The
 * workers of a context's threads (parallel.h) are in it. Whoever calls Lua from outside enters the
 * context of that Lua state first. One thread at a time works in a context, apart from its workers.
 *
 * What belongs to the process by nature stays static: which session a signal is for
 * (host/interrupt.c), readline's line (host/line.c), OpenBLAS's buffers and number of threads,
 * libsvm's printing and cJSON's memory (each set once), the current context and "inside a loop" of
 * each thread, the process's own context. Tables are constant. tests/cli/test_statics.sh holds the
 * list.
 */
#ifndef PERIGEE_CORE_CONTEXT_H
#define PERIGEE_CORE_CONTEXT_H

#include "core/types.h"

#include <stddef.h>

typedef struct Context Context;

/* NULL without memory. */
Context *context_new(Error *err);

/* Destroy the slots' state, the newest first, and the context. No thread may be in it except the
 * caller, who is then in the process's own. NULL is fine. */
void context_free(Context *context);

/* This thread's context, never NULL. */
Context *context_current(void);

/* Make `context` (NULL: the process's own) this thread's; returns the one before, to be entered
 * again afterwards. Async-signal-safe. */
Context *context_enter(Context *context);

/* create and destroy do not ask for slots themselves. */
typedef struct ContextSlot {
    size_t size;                  /* bytes of the state, which starts as zeros */
    void (*create)(void *state);  /* sets what zeros do not say; may be NULL */
    void (*destroy)(void *state); /* frees what it holds, but not its own bytes; may be NULL */
} ContextSlot;

/* The slot's state in the current context, made when first asked for. In constant time, from any
 * thread, and never NULL: states are cut from the context's own memory. It is meant for a few dozen
 * small ones, 16 KB in all; a program that has more ends with a message. From a signal handler only
 * if the state exists already. */
void *context_slot(const ContextSlot *slot);

#endif
