#include "core/progress.h"

#include "core/context.h"
#include "core/printable.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

/* Who listens in a context, and whether it was asked to stop: by a signal handler, for loops that
 * look from any thread. */
typedef struct Attention {
    ProgressListener *listener;
    void *context;
    atomic_int interrupt_requested;
    void (*attend)(void *); /* NULL: nobody wants to be called */
    void *attend_context;
    pthread_t attends; /* on this thread alone */
    double attended;   /* when it last was */
} Attention;

static Attention *attention(void) {
    static const ContextSlot slot = { .size = sizeof(Attention) };
    return context_slot(&slot);
}

void progress_interrupt(void) {
    attention()->interrupt_requested = 1;
}

bool progress_interrupt_pending(void) {
    progress_let_attend();
    return attention()->interrupt_requested != 0;
}

void progress_clear_interrupt(void) {
    attention()->interrupt_requested = 0;
}

double progress_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

bool progress_gives_up(double started) {
    static const double patience = 0.2;
    return progress_interrupt_pending() && progress_clock() - started > patience;
}

void progress_listen(ProgressListener *listener, void *context) {
    Attention *now = attention();
    now->listener = listener;
    now->context = context;
}

ProgressListener *progress_listener(void **context) {
    const Attention *now = attention();
    *context = now->context;
    return now->listener;
}

Progress progress_new(void) {
    const Attention *now = attention();
    return (Progress){ .listener = now->listener, .context = now->context };
}

void progress_attend(void (*attend)(void *context), void *context) {
    Attention *now = attention();
    now->attend = attend;
    now->attend_context = context;
    now->attends = pthread_self();
}

/* Whoever attends to something is called, but not all the time. */
void progress_let_attend(void) {
    static const double pause = 0.002;
    Attention *now = attention();
    double clock;
    if (!now->attend || !pthread_equal(now->attends, pthread_self()) ||
        (clock = progress_clock()) - now->attended < pause)
        return;
    now->attended = clock;
    now->attend(now->attend_context);
}

static void report(const Progress *progress) {
    if (progress->listener)
        progress->listener(progress->context, progress);
}

void progress_begin(Progress *progress, const char *what, double total) {
    if (!progress)
        return;
    if (progress->depth == 0)
        progress->start = progress_clock();
    /* Deeper loops than the table holds go on unseen; their ends still match. */
    if (progress->depth < PROGRESS_MAX_DEPTH)
        progress->level[progress->depth] =
            (struct ProgressLevel){ .what = what, .total = total > 0 ? total : 1 };
    progress->depth++;
    progress->detail[0] = '\0';
    report(progress);
}

bool progress_step(Progress *progress, double steps, const char *detail) {
    progress_let_attend();
    if (!progress)
        return !progress_interrupt_pending();
    if (progress->depth >= 1 && progress->depth <= PROGRESS_MAX_DEPTH)
        progress->level[progress->depth - 1].done += steps;
    if (detail)
        printable(detail, progress->detail, sizeof progress->detail);
    report(progress);
    if (progress_interrupt_pending())
        progress->interrupted = true;
    return !progress->interrupted;
}

void progress_end(Progress *progress) {
    if (!progress || progress->depth == 0)
        return;
    progress->depth--;
    if (progress->depth == 0)
        report(progress);
}

double progress_fraction(const Progress *progress) {
    double fraction = 0, share = 1;
    for (int i = 0; i < progress->depth && i < PROGRESS_MAX_DEPTH; i++) {
        const struct ProgressLevel *level = &progress->level[i];
        fraction += share * level->done / level->total;
        share /= level->total;
    }
    return fraction < 1 ? fraction : 1;
}

bool progress_was_interrupted(const Progress *progress) {
    return progress ? progress->interrupted : progress_interrupt_pending();
}
