/* progress.h — how far a long call has got, and whether it should stop.
 *
 * Every long loop of the core takes a Progress and asks it once per batch, iteration or binary
 * problem. The answer false means "stop": the loop leaves in good order and its call returns what
 * it has. The core never draws: whoever owns the terminal installs a listener (see
 * progress_listen). A NULL Progress is silent but still answers interrupts.
 *
 * Loops nest: a progress_begin inside another's step divides that step, so a caller passes its
 * Progress on and one bar shows the whole:
 *
 *     progress_begin(p, "fitting DNR", layers);
 *     for (each layer) { fit_svm(…, p); if (!progress_step(p, 1, "relu2")) break; }
 *     progress_end(p);
 */
#ifndef PERIGEE_CORE_PROGRESS_H
#define PERIGEE_CORE_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

enum { PROGRESS_MAX_DEPTH = 8 };

typedef struct Progress Progress;

/* Called at every begin, step and end of a Progress, on the main thread. */
typedef void ProgressListener(void *context, const Progress *progress);

struct Progress {
    int depth; /* loops open now; 0 before the first and after the last */
    struct ProgressLevel {
        const char *what; /* a string that outlives the loop */
        double total, done;
    } level[PROGRESS_MAX_DEPTH];
    char detail[96];  /* what the last step reported: "loss 0.21  acc 97.3 %" */
    double start;     /* progress_clock() at the outermost begin */
    bool interrupted; /* a step has answered "stop" */
    ProgressListener *listener;
    void *context;
};

/* A Progress that reports to the listener in force. Needs no clean-up. */
Progress progress_new(void);

/* The listener that progress_new will use in this context; NULL for none. */
void progress_listen(ProgressListener *listener, void *context);

/* The listener in force and its context, for one that wants to take its place and pass on to it. */
ProgressListener *progress_listener(void **context);

/* Have every loop of this context call this now and then while it works, some hundred times a
 * second at most, on the thread that says so here (mpi/farm.h answers messages so). It must not
 * raise. NULL: no more. */
void progress_attend(void (*attend)(void *context), void *context);

/* What progress_step does of it, and progress_interrupt_pending, and loops over parallel pieces;
 * for work that does neither for more than a tenth of a second. On other threads it does nothing.
 */
void progress_let_attend(void);

void progress_begin(Progress *progress, const char *what, double total);

/* `steps` more are done. False: stop now. `detail` (may be NULL) is copied, made printable
 * (printable.h). */
bool progress_step(Progress *progress, double steps, const char *detail);

void progress_end(Progress *progress);

/* The share of the whole that is done, 0 … 1, inner loops included. */
double progress_fraction(const Progress *progress);

/* True if a loop under this Progress was told to stop. NULL: whether an interrupt is pending. */
bool progress_was_interrupted(const Progress *progress);

/* Ask every running loop of this context to stop; async-signal-safe once any of these has been
 * called in it. The request stands until cleared. */
void progress_interrupt(void);
bool progress_interrupt_pending(void);
void progress_clear_interrupt(void);

/* Seconds on a monotonic clock. */
double progress_clock(void);

/* Should work that has no Progress, such as an operation on arrays, give up? Where an interrupt is
 * pending and a fifth of a second has gone since `started`: short work is done before anybody
 * waits, and what is handed over after an interrupt is not disturbed. */
bool progress_gives_up(double started);

/* The same, looked at once in PROGRESS_STRETCH elements of a loop: its i-th. */
enum { PROGRESS_STRETCH = 1 << 18 };
static inline bool progress_gives_up_at(size_t i, double started) {
    return i % PROGRESS_STRETCH == 0 && progress_gives_up(started);
}

#endif
