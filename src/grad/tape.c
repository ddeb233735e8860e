#include "grad/tape.h"

#include "core/array.h"
#include "core/array_shape.h"
#include "core/array_transfer.h"
#include "core/context.h"
#include "core/error.h"
#include "core/fail.h"
#include "core/progress.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct Tape {
    uint32_t number; /* in arrays' traces */
    Node **node;
    size_t count, room;
    size_t inputs; /* the first nodes */
    bool surrogate;
};

static const ContextSlot number_slot = { .size = sizeof(uint32_t) }; /* of the newest tape */

/* ---- Nodes ----------------------------------------------------------------------------------- */

static void clear_values(Node *node) {
    for (size_t k = 0; k < node->inputs; k++) {
        array_free(node->input[k].value);
        node->input[k].value = NULL;
    }
    for (size_t o = 0; o < node->outputs; o++) {
        array_free(node->output[o].value);
        node->output[o].value = NULL;
    }
    if (node->attributes && node->operation->forget)
        node->operation->forget(node->attributes);
    free(node->attributes);
    node->attributes = NULL;
}

static void clear_gradients(Node *node) {
    for (size_t o = 0; o < node->outputs; o++) {
        array_free(node->output[o].gradient);
        array_free(node->output[o].rest);
        node->output[o].gradient = node->output[o].rest = NULL;
    }
}

static void free_node(Node *node) {
    if (!node)
        return;
    clear_values(node);
    clear_gradients(node);
    free(node);
}

/* In one piece of memory. NULL without any. */
static Node *new_node(size_t inputs, size_t outputs, Error *err) {
    size_t bytes = sizeof(Node) + inputs * sizeof(NodeInput) + outputs * sizeof(NodeOutput);
    Node *node = calloc(1, bytes);
    if (!node) {
        error_memory(err, "grad", bytes);
        return NULL;
    }
    node->inputs = inputs;
    node->outputs = outputs;
    node->input = (NodeInput *)(node + 1);
    node->output = (NodeOutput *)(node->input + inputs);
    return node;
}

static bool make_room(Tape *tape, Error *err) {
    if (tape->count < tape->room)
        return true;
    size_t room = tape->room ? 2 * tape->room : 64;
    bool numbered = room <= UINT32_MAX / NODE_OUTPUTS;
    Node **grown = numbered ? realloc(tape->node, room * sizeof *grown) : NULL;
    if (!grown)
        return error_memory(err, "grad", room * sizeof *grown);
    tape->node = grown;
    tape->room = room;
    return true;
}

static void mark(const Tape *tape, Array *a, size_t output) {
    a->trace = (ArrayTrace){ tape->number, (uint32_t)((tape->count - 1) * NODE_OUTPUTS + output) };
}

/* ---- Tapes ----------------------------------------------------------------------------------- */

Tape *tape_new(Error *err) {
    uint32_t *newest = context_slot(&number_slot);
    Tape *tape = calloc(1, sizeof *tape);
    if (!tape) {
        error_memory(err, "grad", sizeof *tape);
        return NULL;
    }
    if (++*newest == 0) /* 0 is none */
        ++*newest;
    tape->number = *newest;
    return tape;
}

void tape_free(Tape *tape) {
    if (!tape)
        return;
    for (size_t i = 0; i < tape->count; i++)
        free_node(tape->node[i]);
    free(tape->node);
    free(tape);
}

Array *tape_input(Tape *tape, const Array *x, Error *err) {
    assert(tape->inputs == tape->count);
    Array *shared = make_room(tape, err) ? array_share_read_only(x, err) : NULL;
    Node *node = shared ? new_node(0, 1, err) : NULL;
    if (node) /* so that it is known to be needed */
        node->output[0].value = array_share(x, err);
    if (!node || !node->output[0].value) {
        array_free(shared);
        free_node(node);
        return NULL;
    }
    node->output[0].form = form_of(x);
    tape->node[tape->count++] = node;
    tape->inputs++;
    mark(tape, shared, 0);
    return shared;
}

size_t tape_inputs(const Tape *tape) {
    return tape->inputs;
}

bool tape_knows(const Tape *tape, const Array *a) {
    return a->trace.tape == tape->number;
}

static bool node_holds(const Node *node, const Array *a) {
    for (size_t k = 0; k < node->inputs; k++)
        if (node->input[k].value && node->input[k].value->buffer == a->buffer)
            return true;
    for (size_t o = 0; o < node->outputs; o++)
        if (node->output[o].value && node->output[o].value->buffer == a->buffer)
            return true;
    return false;
}

bool tape_holds(const Tape *tape, const Array *a) {
    for (size_t i = 0; i < tape->count; i++)
        if (node_holds(tape->node[i], a))
            return true;
    return false;
}

void tape_mark_surrogate(Tape *tape) {
    tape->surrogate = true;
}

bool tape_is_surrogate(const Tape *tape) {
    return tape->surrogate;
}

/* ---- Recording ------------------------------------------------------------------------------- */

static bool others_known(const Tape *tape, const Record *record, size_t k) {
    for (size_t j = 0; j < record->inputs; j++)
        if (j != k && tape_knows(tape, record->input[j]))
            return true;
    return false;
}

static bool fill_input(const Tape *tape, const Record *record, size_t k, Node *node, Error *err) {
    const Array *x = record->input[k];
    unsigned keeps = record->operation->keeps;
    NodeInput *input = &node->input[k];
    *input = (NodeInput){ .from = -1, .form = form_of(x) };
    if (tape_knows(tape, x)) {
        input->from = x->trace.place / NODE_OUTPUTS;
        input->output = x->trace.place % NODE_OUTPUTS;
    }
    if ((keeps & KEEPS_X) || ((keeps & KEEPS_OTHERS) && others_known(tape, record, k)))
        input->value = x->buffer ? array_share(x, err) : array_copy("grad", x, err);
    else
        return true;
    return input->value != NULL;
}

static bool fill(const Tape *tape, const Record *record, Node *node, Error *err) {
    bool ok = true;
    for (size_t k = 0; ok && k < record->inputs; k++)
        ok = fill_input(tape, record, k, node, err);
    for (size_t o = 0; ok && o < record->outputs; o++) {
        node->output[o].form = form_of(record->output[o]);
        if (record->operation->keeps & KEEPS_Y)
            ok = (node->output[o].value = array_share(record->output[o], err)) != NULL;
    }
    return ok;
}

/* Where it was asked for; of a call in tail position only the one before is known. */
static void place(const Tape *tape, const Record *record, Node *node) {
    const Node *before = tape->count ? tape->node[tape->count - 1] : NULL;
    if (record->line > 0) {
        snprintf(node->source, sizeof node->source, "%s", record->source);
        node->line = record->line;
    } else if (before) {
        memcpy(node->source, before->source, sizeof node->source);
        node->line = before->line;
    }
}

bool tape_record(Tape *tape, const Record *record, Error *err) {
    assert(record->outputs <= NODE_OUTPUTS);
    Node *node = make_room(tape, err) ? new_node(record->inputs, record->outputs, err) : NULL;
    if (!node) {
        if (record->attributes && record->operation->forget)
            record->operation->forget(record->attributes);
        free(record->attributes);
        return false;
    }
    node->operation = record->operation;
    node->attributes = record->attributes;
    if (!fill(tape, record, node, err)) {
        free_node(node);
        return false;
    }
    place(tape, record, node);
    tape->node[tape->count++] = node;
    for (size_t o = 0; o < record->outputs; o++)
        if (!dtype_is_whole(record->output[o]->dtype))
            mark(tape, record->output[o], o);
    return true;
}

/* ---- The way back ---------------------------------------------------------------------------- */

static bool reached(const Node *node) {
    for (size_t o = 0; o < node->outputs; o++)
        if (node->output[o].gradient)
            return true;
    return false;
}

/* Is a later input traced as well? */
static bool is_last(const Node *node, size_t k) {
    while (++k < node->inputs)
        if (node->input[k].from >= 0)
            return false;
    return true;
}

/* The numbers are shared: those that a pullback reads have to be what they were. */
static bool check_written(const Node *node, Error *err) {
    bool written = false;
    for (size_t k = 0; k < node->inputs; k++)
        written = written || (node->input[k].value && array_was_written(node->input[k].value));
    for (size_t o = 0; o < node->outputs; o++)
        written = written || (node->output[o].value && array_was_written(node->output[o].value));
    return !written || was_written(err);
}

static bool pull_node(Tape *tape, Node *node, Error *err) {
    if (!check_written(node, err))
        return false;
    for (size_t o = 0; o < node->outputs; o++)
        if (!output_complete(&node->output[o], err))
            return false;
    for (size_t k = 0; k < node->inputs; k++) {
        const NodeInput *input = &node->input[k];
        if (input->from < 0)
            continue;
        Pull pull = { .node = node,
                      .k = k,
                      .dy = node->output[0].gradient,
                      .last = is_last(node, k),
                      .gradient = &tape->node[input->from]->output[input->output].gradient,
                      .rest = &tape->node[input->from]->output[input->output].rest };
        if (!node->operation->pull(&pull, err))
            return false;
    }
    return true;
}

static void blame_node(const Node *node, Error *err) {
    char where[NODE_SOURCE + 24] = "";
    if (node->line > 0)
        snprintf(where, sizeof where, " (%s:%d)", node->source, node->line);
    if (err->kind != ERROR_INTERRUPTED)
        error_prefix(err, "the gradient of %s%s", node->operation->name, where);
}

static bool pull_all(Tape *tape, size_t last, bool keep, Error *err) {
    double started = progress_clock();
    for (size_t i = last + 1; i-- > tape->inputs;) {
        Node *node = tape->node[i];
        if (progress_gives_up(started))
            return error_interrupted(err, "grad");
        if (reached(node) && !pull_node(tape, node, err)) {
            blame_node(node, err);
            return false;
        }
        clear_gradients(node);
        if (!keep)
            clear_values(node);
    }
    return true;
}

/* w as the gradient that starts. */
static Array *start(const Array *w, const Form *form, Error *err) {
    const double one = 1;
    const Array scalar = { .dtype = DTYPE_F64, .data = (void *)&one };
    Array *cast = w ? array_contiguous("grad", w, form->dtype, err)
                    : array_astype("grad", &scalar, form->dtype, err);
    Array *shaped = cast ? array_reshape("grad", cast, &form->sizes, err) : NULL;
    array_free(cast);
    return shaped;
}

bool tape_backward(Tape *tape, const Backward *way, Error *err) {
    for (size_t i = 0; i < tape->count; i++)
        clear_gradients(tape->node[i]);
    if (!way->y || !tape_knows(tape, way->y))
        return true;
    size_t last = way->y->trace.place / NODE_OUTPUTS;
    NodeOutput *output = &tape->node[last]->output[way->y->trace.place % NODE_OUTPUTS];
    output->gradient = start(way->w, &output->form, err);
    bool ok = output->gradient && (last < tape->inputs || pull_all(tape, last, way->keep, err));
    for (size_t i = tape->inputs; i < tape->count; i++) {
        clear_gradients(tape->node[i]);
        if (!way->keep)
            clear_values(tape->node[i]);
    }
    return ok;
}

Array *tape_gradient(Tape *tape, size_t input, Error *err) {
    assert(input < tape->inputs);
    NodeOutput *output = &tape->node[input]->output[0];
    if (!output_complete(output, err))
        return NULL;
    Array *gradient = output->gradient;
    if (!gradient)
        return array_new("grad", output->form.dtype, &output->form.sizes, err);
    if (!gradient_is_own(gradient))
        return array_copy("grad", gradient, err);
    output->gradient = NULL;
    return gradient;
}
