/* pass.c — running a network: tiles forward and back, and passes that keep what a reverse pass
 * needs. */
#include "core/fail.h"
#include "core/parallel.h"
#include "nn/layout.h"
#include "nn/network.h"
#include "nn/network_impl.h"

#include <stdlib.h>
#include <string.h>

/* ---- One tile -------------------------------------------------------------------------------- */

static Shape activation_shape(const Network *net, size_t activation) {
    return activation ? net->layer[activation - 1]->out : net->input;
}

float *tile_activation(const Network *net, const TileRun *run, size_t activation) {
    return run->arena + run->plan->offset[activation] * run->capacity +
           run->at * shape_size(activation_shape(net, activation));
}

void tile_forward(const Network *net, const TileRun *run, const TapOutputs *outputs) {
    const float *x = run->input ? run->input : tile_activation(net, run, 0);
    for (size_t l = 0; l < run->end; l++) {
        const Layer *layer = net->layer[l];
        float *y = tile_activation(net, run, l + 1);
        layer->kind->forward(layer, &(LayerCall){ .tile = &run->tile,
                                                  .weights = net->weights + layer->offset,
                                                  .x = x,
                                                  .y = y });
        for (size_t t = 0; outputs && t < outputs->taps; t++)
            if (outputs->tap[t] == l)
                layout_to_outer(layer->out, run->tile.n, y,
                                outputs->output[t] + outputs->row * shape_size(layer->out));
        x = y;
    }
}

/* Add what enters at layer l's output; true if anything did. */
static bool add_taps(const Network *net, const TapGradients *gradients, size_t l, size_t n,
                     bool started, float *sum) {
    Shape shape = net->layer[l]->out;
    for (size_t t = 0; t < gradients->taps; t++) {
        if (gradients->tap[t] != l || !gradients->gradient[t])
            continue;
        const float *from = gradients->gradient[t] + gradients->row * shape_size(shape);
        if (started)
            layout_add_inner(shape, n, from, sum);
        else
            layout_to_inner(shape, n, from, sum);
        started = true;
    }
    return started;
}

/* Layers below the lowest one with parameters need no gradient where only weights are wanted. */
static size_t lowest_needed(const Network *net, bool input_wanted) {
    size_t l = 0;
    while (!input_wanted && l < net->layers && net->layer[l]->parameters == 0)
        l++;
    return l;
}

void tile_backward(const Network *net, const TileRun *run, const TapGradients *gradients,
                   const Workspace *space, float *dx, float *dweights) {
    size_t n = run->tile.n, stop = lowest_needed(net, dx != NULL);
    float *slope = space->gradient[0], *other = space->gradient[1];
    bool started = false;
    for (size_t l = run->end; l-- > stop;) {
        const Layer *layer = net->layer[l];
        started = add_taps(net, gradients, l, n, started, slope);
        if (!started)
            continue;
        const float *x = l == 0 && run->input ? run->input : tile_activation(net, run, l);
        bool last = l == stop && !dx;
        Tile tile = run->tile;
        tile.prepared = net->prepared + layer->prepared;
        float *down = last ? NULL : layer->kind->in_place ? slope : other;
        layer->kind->backward(
            layer, &(LayerCall){ .tile = &tile,
                                 .weights = net->weights + layer->offset,
                                 .x = x,
                                 .y = tile_activation(net, run, l + 1),
                                 .dy = slope,
                                 .dx = down,
                                 .dweights = dweights ? dweights + layer->offset : NULL });
        if (down == other) {
            other = slope;
            slope = down;
        }
    }
    if (dx && started)
        layout_to_outer(net->input, n, slope, dx);
    else if (dx)
        memset(dx, 0, n * shape_size(net->input) * sizeof *dx);
}

/* ---- Passes ---------------------------------------------------------------------------------- */

struct Pass {
    Network *net;
    size_t n;
    bool keep;
    float *arena; /* n samples by the keep plan; NULL without keep */
    size_t end;   /* layers run */
    const size_t *tap;
    size_t taps;
    float *const *output;
    size_t *own_tap; /* what `tap` and `output` point to, in a Pass that is handed out */
    float **own_output;
};

/* A job over the samples of a pass: forward, or backward. */
typedef struct PassJob {
    const Pass *pass;
    const float *x;               /* forward */
    const float *const *gradient; /* backward */
    float *dx;
    float **dweights; /* one vector a worker */
} PassJob;

/* Tile by tile through samples first … last−1 on one worker. */
static TileRun start_run(const Pass *pass, size_t at, size_t last, const Workspace *space) {
    const Network *net = pass->net;
    size_t n = last - at < net->tile ? last - at : net->tile;
    return (TileRun){
        .tile = { .n = n, .first = at, .scratch = space->scratch },
        .plan = pass->keep ? &net->keep : &net->pass,
        .arena = pass->keep ? pass->arena : space->arena,
        .capacity = pass->keep ? pass->n : net->tile,
        .at = pass->keep ? at : 0,
        .end = pass->end,
    };
}

static void forward_block(void *context, size_t first, size_t last, int worker) {
    const PassJob *job = context;
    const Pass *pass = job->pass;
    const Network *net = pass->net;
    size_t features = shape_size(net->input);
    for (size_t at = first; at < last; at += net->tile) {
        TileRun run = start_run(pass, at, last, &net->workspace[worker]);
        const float *x = job->x + at * features;
        if (!pass->keep && layout_is_same(net->input))
            run.input = x;
        else
            layout_to_inner(net->input, run.tile.n, x, tile_activation(net, &run, 0));
        TapOutputs outputs = { pass->tap, pass->taps, pass->output, at };
        tile_forward(net, &run, &outputs);
    }
}

static void backward_block(void *context, size_t first, size_t last, int worker) {
    const PassJob *job = context;
    const Pass *pass = job->pass;
    const Network *net = pass->net;
    const Workspace *space = &net->workspace[worker];
    size_t features = shape_size(net->input);
    for (size_t at = first; at < last; at += net->tile) {
        TileRun run = start_run(pass, at, last, space);
        TapGradients gradients = { pass->tap, pass->taps, job->gradient, at };
        tile_backward(net, &run, &gradients, space, job->dx ? job->dx + at * features : NULL,
                      job->dweights ? job->dweights[worker] : NULL);
    }
}

void pass_free(Pass *pass) {
    if (!pass)
        return;
    for (size_t t = 0; pass->own_output && t < pass->taps; t++)
        free(pass->own_output[t]);
    free(pass->own_output);
    free(pass->own_tap);
    free(pass->arena);
    model_release(&pass->net->model);
    free(pass);
}

static bool allocate_pass(Pass *pass, const size_t *tap, bool keep, Error *err) {
    const Network *net = pass->net;
    size_t n = pass->n, floats = keep ? n * net->keep.per_sample : 0;
    pass->tap = pass->own_tap = calloc(pass->taps + 1, sizeof *pass->own_tap);
    pass->output = pass->own_output = calloc(pass->taps + 1, sizeof *pass->own_output);
    pass->arena = keep ? malloc((floats + 1) * sizeof(float)) : NULL;
    bool ok = pass->tap && pass->output && (pass->arena || !keep);
    for (size_t t = 0; t < pass->taps && ok; t++) {
        size_t size = network_output_size(net, tap[t]);
        pass->own_tap[t] = tap[t];
        pass->end = tap[t] + 1 > pass->end ? tap[t] + 1 : pass->end;
        pass->own_output[t] = malloc((n * size + 1) * sizeof(float));
        ok = pass->output[t] != NULL;
        floats += n * size;
    }
    return ok || error_memory(err, "forward", floats * sizeof(float));
}

Pass *network_forward(Network *net, const float *x, size_t n, const size_t *tap, size_t taps,
                      bool keep_for_backward, Error *err) {
    Pass *pass = calloc(1, sizeof *pass);
    if (!pass) {
        error_memory(err, "forward", sizeof *pass);
        return NULL;
    }
    *pass = (Pass){ .net = net, .n = n, .keep = keep_for_backward, .taps = taps };
    model_retain(&net->model);
    if (!network_ready(net, err) || !allocate_pass(pass, tap, keep_for_backward, err)) {
        pass_free(pass);
        return NULL;
    }
    PassJob job = { .pass = pass, .x = x };
    parallel_for(n, forward_block, &job);
    return pass;
}

bool network_outputs(Network *net, const float *x, size_t n, const size_t *tap, size_t taps,
                     float *const *output, Error *err) {
    size_t end = 0;
    for (size_t t = 0; t < taps; t++)
        end = tap[t] + 1 > end ? tap[t] + 1 : end;
    Pass pass = { .net = net, .n = n, .end = end, .tap = tap, .taps = taps, .output = output };
    PassJob job = { .pass = &pass, .x = x };
    if (!network_ready(net, err))
        return false;
    parallel_for(n, forward_block, &job);
    return true;
}

const float *pass_output(const Pass *pass, size_t t) {
    return pass->output[t];
}

/* Vectors for every worker but the first, which adds to the caller's. */
static bool backward_weights(PassJob *job, float *dweights, Error *err) {
    const Network *net = job->pass->net;
    size_t workers = (size_t)net->workspaces, count = net->parameters;
    float **parts = calloc(workers, sizeof *parts);
    float *rest = calloc(workers * count + 1, sizeof *rest);
    bool ok = parts && rest;
    if (ok) {
        memset(dweights, 0, count * sizeof *dweights);
        for (size_t w = 0; w < workers; w++)
            parts[w] = w ? rest + w * count : dweights;
        job->dweights = parts;
        parallel_for(job->pass->n, backward_block, job);
        for (size_t w = 1; w < workers; w++)
            for (size_t i = 0; i < count; i++)
                dweights[i] += parts[w][i];
    }
    free(rest);
    free(parts);
    return ok || error_memory(err, "backward", workers * count * sizeof(float));
}

bool pass_backward_weights(Pass *pass, const float *const *gradient, float *dx, float *dweights,
                           Error *err) {
    if (!pass->keep)
        return error_set(err, ERROR_ARGUMENT, "backward: the forward pass kept nothing for it");
    if (!network_ready(pass->net, err))
        return false;
    PassJob job = { .pass = pass, .gradient = gradient, .dx = dx };
    if (dweights)
        return backward_weights(&job, dweights, err);
    parallel_for(pass->n, backward_block, &job);
    return true;
}

bool pass_backward(Pass *pass, const float *const *gradient, float *dx, Error *err) {
    return pass_backward_weights(pass, gradient, dx, NULL, err);
}
