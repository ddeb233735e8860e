#include "core/progress.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>

static ProgressListener *current_listener;
static void *current_context;
static volatile sig_atomic_t interrupt_requested;

void progress_interrupt(void) {
    interrupt_requested = 1;
}

bool progress_interrupt_pending(void) {
    return interrupt_requested != 0;
}

void progress_clear_interrupt(void) {
    interrupt_requested = 0;
}

double progress_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void progress_listen(ProgressListener *listener, void *context) {
    current_listener = listener;
    current_context = context;
}

ProgressListener *progress_listener(void **context) {
    *context = current_context;
    return current_listener;
}

Progress progress_new(void) {
    return (Progress){ .listener = current_listener, .context = current_context };
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
    if (!progress)
        return !interrupt_requested;
    if (progress->depth >= 1 && progress->depth <= PROGRESS_MAX_DEPTH)
        progress->level[progress->depth - 1].done += steps;
    if (detail)
        snprintf(progress->detail, sizeof progress->detail, "%s", detail);
    report(progress);
    if (interrupt_requested)
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
    return progress ? progress->interrupted : interrupt_requested != 0;
}
