#include "grad/models.h"

#include "core/array.h"
#include "core/array_shape.h"
#include "core/fail.h"
#include "grad/operations.h"
#include "model.h"
#include "nn/network.h"

#include <stdlib.h>
#include <string.h>

/* ---- Scores ---------------------------------------------------------------------------------- */

typedef struct Scored {
    ModelPass pass; /* over x's rows */
    Array *x;
} Scored;

void forget_scores(void *attributes) {
    Scored *scored = attributes;
    Model *model = scored->pass.model;
    if (model)
        model_pass_clear(&scored->pass);
    model_release(model);
    array_free(scored->x);
}

void *model_scores_recorded(Model *model, const Array *x, const Batch *batch, double *scores,
                            Error *err) {
    Scored *scored = calloc(1, sizeof *scored);
    if (!scored) {
        error_memory(err, batch->where, sizeof *scored);
        return NULL;
    }
    scored->x = array_share(x, err);
    scored->pass = (ModelPass){ .model = model_retain(model), .batch = *batch };
    scored->pass.batch.where = "scores";
    if (scored->x && model_forward(&scored->pass, scores, err))
        return scored;
    forget_scores(scored);
    free(scored);
    return NULL;
}

/* dx = the gradients by the weights dy: rows of float32. */
bool pull_scores(const Pull *pull, Error *err) {
    Scored *scored = pull->node->attributes;
    if (array_was_written(scored->x))
        return was_written(err);
    Sizes rows = { 2, { scored->pass.batch.n, scored->pass.batch.features } };
    Array *w = array_contiguous("grad", pull->dy, DTYPE_F64, err);
    Array *dx = w ? array_new("grad", DTYPE_F32, &rows, err) : NULL;
    bool ok = dx && (rows.size[0] == 0 ||
                     model_backward(&scored->pass, array_f64(w), array_f32(dx), err));
    Array *shaped = ok ? array_reshape("grad", dx, &pull_input(pull)->form.sizes, err) : NULL;
    array_free(w);
    array_free(dx);
    return pull_give(pull, shaped, err);
}

/* ---- Layers' outputs ------------------------------------------------------------------------- */

typedef struct Passed {
    Pass *pass;
    const Model *net; /* the pass's; and when it had changed last */
    uint64_t changed;
    Array *x; /* whose rows it is of */
    size_t n, features;
} Passed;

void forget_layers(void *attributes) {
    Passed *passed = attributes;
    pass_free(passed->pass);
    array_free(passed->x);
}

void *network_outputs_recorded(Network *net, const Batch *batch, const LayerOutputs *wanted,
                               Error *err) {
    Array *x = array_share(wanted->x, err);
    Taps taps = { wanted->layer, wanted->count, NULL };
    Pass *pass = x ? network_forward(net, batch, &taps, err) : NULL;
    Passed *passed = pass ? malloc(sizeof *passed) : NULL;
    if (!passed) {
        if (pass)
            error_memory(err, batch->where, sizeof *passed);
        pass_free(pass);
        array_free(x);
        return NULL;
    }
    *passed = (Passed){ pass, (const Model *)net, model_changed((const Model *)net),
                        x,    batch->n,           batch->features };
    for (size_t t = 0; t < wanted->count; t++)
        memcpy(wanted->output[t], pass_output(passed->pass, t),
               batch->n * network_output_size(net, wanted->layer[t]) * sizeof(float));
    return passed;
}

/* The gradients of all outputs enter the net at once. */
bool pull_layers(const Pull *pull, Error *err) {
    const Node *node = pull->node;
    const Passed *passed = node->attributes;
    if (array_was_written(passed->x))
        return was_written(err);
    if (!model_check_unchanged(passed->net, passed->changed, err))
        return false;
    Array *entering[NODE_OUTPUTS] = { NULL };
    const float *gradient[NODE_OUTPUTS] = { NULL };
    bool ok = true;
    for (size_t t = 0; ok && t < node->outputs; t++)
        if (node->output[t].gradient) {
            entering[t] = array_contiguous("grad", node->output[t].gradient, DTYPE_F32, err);
            ok = entering[t] != NULL;
            gradient[t] = ok ? array_f32(entering[t]) : NULL;
        }
    Sizes rows = { 2, { passed->n, passed->features } };
    Array *dx = ok ? array_new("grad", DTYPE_F32, &rows, err) : NULL;
    ok = dx && pass_backward(passed->pass, gradient, array_f32(dx), err);
    Array *shaped = ok ? array_reshape("grad", dx, &pull_input(pull)->form.sizes, err) : NULL;
    for (size_t t = 0; t < node->outputs; t++)
        array_free(entering[t]);
    array_free(dx);
    return pull_give(pull, shaped, err);
}

/* ---- Rows of a model's own ------------------------------------------------------------------- */

typedef struct Kept {
    ModelRows rows; /* retained and shared; the batch is this one */
    Batch batch;
    Array *x;
    uint64_t changed;
} Kept;

void forget_rows(void *attributes) {
    Kept *kept = attributes;
    model_release(kept->rows.model);
    array_free(kept->x);
}

void *model_rows_recorded(const ModelRows *rows, Error *err) {
    Kept *kept = malloc(sizeof *kept);
    Array *x = kept ? array_share(rows->x, err) : NULL;
    if (!x) {
        if (!kept)
            error_memory(err, rows->batch->where, sizeof *kept);
        free(kept);
        return NULL;
    }
    *kept = (Kept){ *rows, *rows->batch, x, model_changed(rows->model) };
    model_retain(rows->model);
    return kept;
}

bool pull_rows(const Pull *pull, Error *err) {
    const Kept *kept = pull->node->attributes;
    if (array_was_written(kept->x))
        return was_written(err);
    if (!model_check_unchanged(kept->rows.model, kept->changed, err))
        return false;
    Sizes sizes = { 2, { kept->batch.n, kept->batch.features } };
    Array *dz = array_contiguous("grad", pull->dy, DTYPE_F32, err);
    Array *dx = dz ? array_new("grad", DTYPE_F32, &sizes, err) : NULL;
    RowsPull back = { &kept->batch, dz ? array_f32(dz) : NULL, dx ? array_f32(dx) : NULL };
    bool ok = dx && (kept->batch.n == 0 || kept->rows.backward(kept->rows.model, &back, err));
    Array *shaped = ok ? array_reshape("grad", dx, &pull_input(pull)->form.sizes, err) : NULL;
    array_free(dz);
    array_free(dx);
    return pull_give(pull, shaped, err);
}
