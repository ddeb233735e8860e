/* tape.h — reverse-mode differentiation over arrays.
 *
 * A tape lists what was computed from its inputs, in order: a Node each, with the operation, what
 * its pullback needs to read, and where it was asked for. The way back goes through them from the
 * last to the first; each hands the gradient of its results on to its inputs.
 *
 * Arrays are known by their `trace` (core/array.h): the tape's number, which no other tape of the
 * context has, and the place of their value on it. Views and copies start without one, so what was
 * not recorded is a constant. The numbers that a tape keeps are shared, not copied: whoever writes
 * into arrays while it records asks tape_holds first, and the way back fails through an operation
 * that needs what was written into later (array_was_written).
 *
 * A gradient has the shape and the type of what it is the gradient of. */
#ifndef PERIGEE_GRAD_TAPE_H
#define PERIGEE_GRAD_TAPE_H

#include "grad/node.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct Tape Tape;

/* Both NULL on lack of memory. */
Tape *tape_new(Error *err);
void tape_free(Tape *tape); /* NULL is fine */

/* Share `x`, an array of floats, read-only, as the tape's next input. */
Array *tape_input(Tape *tape, const Array *x, Error *err);
size_t tape_inputs(const Tape *tape);

/* Was the array computed from this tape's inputs? Are these numbers among those that it keeps? */
bool tape_knows(const Tape *tape, const Array *a);
bool tape_holds(const Tape *tape, const Array *a);

/* A node to be; the arrays are borrowed. */
typedef struct Record {
    const Operation *operation;
    const Array *const *input;
    size_t inputs;
    Array *const *output; /* those of floats become known to the tape */
    size_t outputs;
    void *attributes; /* malloc'd; the tape's from the call on, whatever the answer */
    const char *source;
    int line; /* 0: that of the node before */
} Record;
bool tape_record(Tape *tape, const Record *record, Error *err);

/* The gradients of Σ w · y: y as the tape knows it (else all gradients are zero), w of its shape;
 * NULL is 1, for one element. With `keep` the way can be gone again; without, nodes are freed as
 * they are passed. An error names the operation and its line. */
typedef struct Backward {
    const Array *y, *w;
    bool keep;
} Backward;
bool tape_backward(Tape *tape, const Backward *way, Error *err);

/* After it, the gradient with respect to an input: the caller's. */
Array *tape_gradient(Tape *tape, size_t input, Error *err);

/* Some of what was recorded has no gradient of its own but the one that the user gave it. */
void tape_mark_surrogate(Tape *tape);
bool tape_is_surrogate(const Tape *tape);

#endif
