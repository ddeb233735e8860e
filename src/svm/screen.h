/* screen.h — a binary problem by libsvm, on the samples alone that may become support vectors.
 *
 * Of a class against the rest they are a tenth or so, and the others change nothing about the
 * answer; but libsvm's time and its memory grow with the square of all that it is given. So our own
 * solver (smo.h) finds roughly which they are, libsvm solves the problem on them, and its answer is
 * judged on all samples: where one that was left out violates the conditions by the problem's
 * tolerance, such samples are added and libsvm begins anew. So the answer is libsvm's and meets the
 * conditions on all samples, as it would if it had been given them, but with other last digits. */
#ifndef PERIGEE_SVM_SCREEN_H
#define PERIGEE_SVM_SCREEN_H

#include "svm/libsvm.h"

/* Fewer samples are not worth it. */
enum { SCREEN_FROM = 1500 };

/* More than this share of a problem's samples are not: it is then left. */
#define SCREEN_MOST 0.5

/* What a worker needs for n samples. False without memory; screen_clear whatever the answer. */
typedef struct Screen {
    const float *values; /* the kernel's, n × n */
    size_t n;
    double *bound, *error;       /* n */
    size_t *sample;              /* n: those that take part, */
    size_t samples;              /* so many */
    unsigned char *chosen;       /* n: is the sample one of them? */
    bool (*stop)(void *context); /* asked now and then */
    void *context;
    LibsvmScratch *scratch;
} Screen;
bool screen_init(Screen *screen, const float *values, size_t n);
void screen_clear(Screen *screen);

typedef enum Screened { SCREEN_SOLVED, SCREEN_LEFT, SCREEN_STOPPED, SCREEN_NO_MEMORY } Screened;

/* SCREEN_LEFT: libsvm has to be given all samples; problem->crowded says whether most of them
 * matter. Re-entrant with a screen and scratch of its own. */
Screened screen_solve(Screen *screen, BinaryProblem *problem);

#endif
