/* node.h — one operation on its way back: what a tape keeps of it, and what its pullback does.
 *
 * A gradient has the shape and the type of what it is the gradient of. */
#ifndef PERIGEE_GRAD_NODE_H
#define PERIGEE_GRAD_NODE_H

#include "core/array_quantile.h"
#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct Operation Operation;
typedef struct Slope Slope; /* slopes.h */

enum { NODE_OUTPUTS = 64, NODE_SOURCE = 60 };

/* What is known of an array whose numbers are not kept. */
typedef struct Form {
    DType dtype;
    Sizes sizes;
} Form;
Form form_of(const Array *a);

/* What a node was computed of, and what it made. */
typedef struct NodeInput {
    ptrdiff_t from; /* the node whose result it is; −1: a constant */
    size_t output;  /* which of its results */
    Form form;
    Array *value; /* NULL where the pullback does not read it */
} NodeInput;

typedef struct NodeOutput {
    Form form;
    Array *value;    /* likewise */
    Array *gradient; /* on the way back; NULL is zero */
    Array *rest;     /* what the sums that made it have lost by rounding; NULL is zero */
} NodeOutput;

typedef struct Node {
    const Operation *operation; /* NULL: an input of the tape */
    size_t inputs, outputs;
    NodeInput *input;
    NodeOutput *output;
    void *attributes;         /* what else the operation was told; freed with the node */
    char source[NODE_SOURCE]; /* where it was asked for, "" where nobody knows */
    int line;
} Node;

/* One input's share of the way back. */
typedef struct Pull {
    const Node *node;
    size_t k;         /* the input that it goes to */
    Array *dy;        /* the gradient of the only result; of several see node->output */
    bool last;        /* nobody reads dy after this: it may be written, if it is sole */
    Array **gradient; /* the input's, as far as it has come; NULL: nothing yet */
    Array **rest;     /* beside it */
} Pull;

/* Add to the input's gradient by one of these:
 *   pull_give(pull, dx, err)  a new array, which it takes over: its sums over broadcast axes, in
 *                             the input's type. NULL is handed on as the failure that it is.
 *   pull_room(pull, err)      the gradient so far, contiguous and not shared, to be added into. */
typedef bool Pullback(const Pull *pull, Error *err);
bool pull_give(const Pull *pull, Array *dx, Error *err);
Array *pull_room(const Pull *pull, Error *err);

/* The gradient with what its sums have lost: shares of 1 and −1 + 1e-20, the slopes of a score and
 * of a logsumexp that it makes up, leave 1e-20. */
bool output_complete(NodeOutput *output, Error *err);

/* May this gradient be written: contiguous, and shared with nobody? */
bool gradient_is_own(const Array *gradient);

static inline const NodeInput *pull_input(const Pull *pull) {
    return &pull->node->input[pull->k];
}
static inline const Array *pull_x(const Pull *pull, size_t k) {
    return pull->node->input[k].value;
}
static inline const Array *pull_y(const Pull *pull) {
    return pull->node->output[0].value;
}

/* The error of an operation some of whose numbers were written into meanwhile; false. */
bool was_written(Error *err);

/* What the way back reads, so that everything else can go. */
typedef enum Keeps {
    KEEPS_NOTHING = 0,
    KEEPS_X = 1,      /* the inputs' values … */
    KEEPS_OTHERS = 2, /* … of each, if another one is traced: a product's */
    KEEPS_Y = 4,      /* the result's */
} Keeps;

struct Operation {
    const char *name;
    int inputs; /* arguments 1 … that are arrays or numbers; 0: those that the binding tells */
    unsigned keeps;
    Pullback *pull;     /* NULL: the result does not change with the inputs, or in steps alone */
    const Slope *slope; /* of an elementwise operation, one for each input */
    void (*forget)(void *attributes); /* frees what they point to; may be NULL */
};

/* ---- Attributes ------------------------------------------------------------------------------ */

/* Of what chooses along an axis: −1 is the flattened array. */
typedef struct Chosen {
    int axis;
    size_t count;
    size_t position[]; /* from 0 */
} Chosen;

/* Of percentiles: what was asked for, but for the name, and its p's. */
typedef struct ToldQuantile {
    Quantile what;
    double p[];
} ToldQuantile;

#endif
