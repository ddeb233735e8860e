/* pass.c — running a network: tiles forward and back, and passes that keep what a reverse pass
 * needs. */
#include "core/denormals.h"
#include "core/fail.h"
#include "core/buffer_pool.h"
#include "core/parallel.h"
#include "nn/gradient_parts.h"
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

void tile_forward(const Network *net, const TileRun *run, const Taps *taps) {
    const float *x = run->input ? run->input : tile_activation(net, run, 0);
    DenormalMode caller = denormals_flush();
    for (size_t l = 0; l < run->end; l++) {
        const Layer *layer = net->layer[l];
        float *y = tile_activation(net, run, l + 1);
        layer->kind->forward(layer, &(LayerCall){ .tile = &run->tile,
                                                  .weights = net->weights + layer->offset,
                                                  .x = x,
                                                  .y = y });
        for (size_t t = 0; taps && t < taps->count; t++)
            if (taps->layer[t] == l)
                layout_to_outer(layer->out, run->tile.n, y,
                                taps->output[t] + run->row * shape_size(layer->out));
        x = y;
    }
    denormals_restore(caller);
}

/* What flows back through a tile: `slope` is the gradient of a layer's output once `started`. */
typedef struct Flow {
    const TileGradients *gradients;
    size_t stop; /* below this layer nobody wants it */
    float *slope, *other;
    bool started;
} Flow;

/* Add what enters at layer l's output. */
static void add_taps(const Network *net, const TileRun *run, size_t l, Flow *flow) {
    const TileGradients *gradients = flow->gradients;
    Shape shape = net->layer[l]->out;
    for (size_t t = 0; t < gradients->taps->count; t++) {
        if (gradients->taps->layer[t] != l || !gradients->gradient[t])
            continue;
        const float *from = gradients->gradient[t] + run->row * shape_size(shape);
        if (flow->started)
            layout_add_inner(shape, run->tile.n, from, flow->slope);
        else
            layout_to_inner(shape, run->tile.n, from, flow->slope);
        flow->started = true;
    }
}

/* Layers below the lowest one with parameters need no gradient where only weights are wanted. */
static size_t lowest_needed(const Network *net, bool input_wanted) {
    size_t l = 0;
    while (!input_wanted && l < net->layers && net->layer[l]->parameters == 0)
        l++;
    return l;
}

static void clear_layers(const Network *net, size_t from, size_t to, float *dweights) {
    for (size_t l = from; l < to; l++)
        memset(dweights + net->layer[l]->offset, 0,
               net->layer[l]->parameter_count * sizeof *dweights);
}

/* From layer l's output to its input, if anybody wants it there. */
static void layer_backward(const Network *net, const TileRun *run, size_t l, Flow *flow) {
    bool down = l != flow->stop || flow->gradients->dx;
    const Layer *layer = net->layer[l];
    const float *x = l == 0 && run->input ? run->input : tile_activation(net, run, l);
    float *dweights = flow->gradients->dweights;
    Tile tile = run->tile;
    tile.prepared = net->prepared + layer->prepared;
    float *dx = !down ? NULL : layer->kind->in_place ? flow->slope : flow->other;
    layer->kind->backward(layer,
                          &(LayerCall){ .tile = &tile,
                                        .weights = net->weights + layer->offset,
                                        .x = x,
                                        .y = tile_activation(net, run, l + 1),
                                        .dy = flow->slope,
                                        .dx = dx,
                                        .dweights = dweights ? dweights + layer->offset : NULL });
    if (dx == flow->other) {
        flow->other = flow->slope;
        flow->slope = dx;
    }
}

void tile_backward(const Network *net, const TileRun *run, const Workspace *space,
                   const TileGradients *gradients) {
    float *dx = gradients->dx;
    bool first = run->first && gradients->dweights;
    DenormalMode caller = denormals_flush();
    Flow flow = { .gradients = gradients,
                  .stop = lowest_needed(net, dx != NULL),
                  .slope = space->gradient[0],
                  .other = space->gradient[1] };
    if (first)
        clear_layers(net, run->end, net->layers, gradients->dweights);
    for (size_t l = run->end; l-- > flow.stop;) {
        if (first) /* just before it is added to: it stays in the cache */
            clear_layers(net, l, l + 1, gradients->dweights);
        add_taps(net, run, l, &flow);
        if (flow.started)
            layer_backward(net, run, l, &flow);
    }
    if (dx && flow.started)
        layout_to_outer(net->input, run->tile.n, flow.slope, dx);
    else if (dx)
        memset(dx, 0, run->tile.n * shape_size(net->input) * sizeof *dx);
    denormals_restore(caller);
}

/* ---- Passes ---------------------------------------------------------------------------------- */

struct Pass {
    Network *net;
    size_t n;
    float *arena;          /* n samples by the keep plan; NULL: nothing is kept */
    size_t arena_capacity; /* as the pool says it */
    size_t end;            /* layers run */
    Taps taps;
    size_t *own_layer; /* what `taps` points to, in a Pass that is handed out */
    float **own_output;
    float *storage; /* of own outputs that the caller gave no memory for */
};

/* A job over the samples of a pass: forward, or backward. */
typedef struct PassJob {
    const Pass *pass;
    const float *x;               /* forward */
    const float *const *gradient; /* backward */
    float *dx;
    const GradientParts *parts; /* for the gradient of the weights, or NULL */
} PassJob;

/* The tile of n samples from `at` on. */
static TileRun start_run(const Pass *pass, size_t at, size_t n, const Workspace *space) {
    const Network *net = pass->net;
    return (TileRun){
        .tile = { .n = n, .first = at, .scratch = space->scratch },
        .plan = pass->arena ? &net->keep : &net->pass,
        .arena = pass->arena ? pass->arena : space->arena,
        .capacity = pass->arena ? pass->n : net->tile,
        .at = pass->arena ? at : 0,
        .row = at,
        .end = pass->end,
    };
}

static void forward_one(void *context, size_t first, size_t last, int worker) {
    const PassJob *job = context;
    const Pass *pass = job->pass;
    const Network *net = pass->net;
    TileRun run = start_run(pass, first, last - first, &net->workspace[worker]);
    const float *x = job->x + first * shape_size(net->input);
    if (!pass->arena && layout_is_same(net->input))
        run.input = x;
    else
        layout_to_inner(net->input, run.tile.n, x, tile_activation(net, &run, 0));
    tile_forward(net, &run, &pass->taps);
}

/* Tile by tile through a piece, whose gradients of the weights are added to one vector. */
static void backward_some(void *context, size_t first, size_t last, int worker) {
    const PassJob *job = context;
    const Pass *pass = job->pass;
    const Network *net = pass->net;
    const Workspace *space = &net->workspace[worker];
    size_t features = shape_size(net->input);
    float *dweights = job->parts ? job->parts->vector[first / job->parts->rows] : NULL;
    for (size_t at = first; at < last; at += net->tile) {
        size_t n = last - at < net->tile ? last - at : net->tile;
        TileRun run = start_run(pass, at, n, space);
        run.first = at == first;
        TileGradients gradients = { .taps = &pass->taps,
                                    .gradient = job->gradient,
                                    .dx = job->dx ? job->dx + at * features : NULL,
                                    .dweights = dweights };
        tile_backward(net, &run, space, &gradients);
    }
}

void pass_free(Pass *pass) {
    if (!pass)
        return;
    free(pass->storage);
    free(pass->own_output);
    free(pass->own_layer);
    pool_give(pass->arena, pass->arena_capacity);
    model_release(&pass->net->model);
    free(pass);
}

/* Layers up to the highest tap. */
static size_t layers_needed(const Taps *taps) {
    size_t end = 0;
    for (size_t t = 0; t < taps->count; t++)
        end = taps->layer[t] + 1 > end ? taps->layer[t] + 1 : end;
    return end;
}

/* Room for the activations, the list of taps, and their outputs where the caller has none. */
static bool allocate_pass(Pass *pass, const Taps *taps, Error *err) {
    const Network *net = pass->net;
    size_t kept = pass->n * net->keep.per_sample, widths = 0;
    for (size_t t = 0; t < taps->count; t++)
        widths += network_output_size(net, taps->layer[t]);
    size_t floats = kept + (taps->output ? 0 : pass->n * widths);
    pass->own_layer = malloc((taps->count + 1) * sizeof *pass->own_layer);
    pass->own_output = malloc((taps->count + 1) * sizeof *pass->own_output);
    pass->arena = pool_take((kept + 1) * sizeof *pass->arena, &pass->arena_capacity);
    pass->storage = malloc((floats - kept + 1) * sizeof *pass->storage);
    if (!pass->own_layer || !pass->own_output || !pass->arena || !pass->storage)
        return error_memory(err, "forward", floats * sizeof(float));
    float *next = pass->storage;
    for (size_t t = 0; t < taps->count; t++) {
        pass->own_layer[t] = taps->layer[t];
        pass->own_output[t] = taps->output ? taps->output[t] : next;
        if (!taps->output)
            next += pass->n * network_output_size(net, taps->layer[t]);
    }
    pass->taps = (Taps){ pass->own_layer, taps->count, pass->own_output };
    pass->end = layers_needed(taps);
    return true;
}

/* Before any pass: do the samples fit, and is everything there? */
static bool is_ready(Network *net, const Batch *batch, Error *err) {
    if (batch->features != net->model.features)
        return error_set(err, ERROR_ARGUMENT, "%s: samples have %zu features, the net takes %zu",
                         batch->where, batch->features, net->model.features);
    return network_ready(net, err);
}

Pass *network_forward(Network *net, const Batch *batch, const Taps *taps, Error *err) {
    Pass *pass = calloc(1, sizeof *pass);
    if (!pass) {
        error_memory(err, "forward", sizeof *pass);
        return NULL;
    }
    *pass = (Pass){ .net = net, .n = batch->n };
    model_retain(&net->model);
    if (!is_ready(net, batch, err) || !allocate_pass(pass, taps, err)) {
        pass_free(pass);
        return NULL;
    }
    PassJob job = { .pass = pass, .x = batch->x };
    parallel_for(batch->n, net->tile, forward_one, &job);
    return pass;
}

bool network_outputs(Network *net, const Batch *batch, const Taps *taps, Error *err) {
    Pass pass = { .net = net, .n = batch->n, .end = layers_needed(taps), .taps = *taps };
    PassJob job = { .pass = &pass, .x = batch->x };
    if (!is_ready(net, batch, err))
        return false;
    parallel_for(batch->n, net->tile, forward_one, &job);
    return true;
}

const float *pass_output(const Pass *pass, size_t t) {
    return pass->taps.output[t];
}

static bool backward_weights(PassJob *job, float *dweights, Error *err) {
    size_t n = job->pass->n, count = job->pass->net->parameters;
    GradientParts parts = { 0 };
    if (n > 0 && !gradient_parts_init(&parts, n, count, err))
        return false;
    memset(dweights, 0, count * sizeof *dweights);
    job->parts = &parts;
    parallel_for(n, parts.rows, backward_some, job);
    for (size_t p = 0; p < parts.count; p++)
        for (size_t i = 0; i < count; i++)
            dweights[i] += parts.vector[p][i];
    gradient_parts_clear(&parts);
    return true;
}

bool pass_backward_weights(Pass *pass, const float *const *gradient, const PassSlopes *slopes,
                           Error *err) {
    if (!network_ready(pass->net, err))
        return false;
    PassJob job = { .pass = pass, .gradient = gradient, .dx = slopes->dx };
    if (slopes->dweights)
        return backward_weights(&job, slopes->dweights, err);
    parallel_for(pass->n, pass->net->tile, backward_some, &job);
    return true;
}

bool pass_backward(Pass *pass, const float *const *gradient, float *dx, Error *err) {
    return pass_backward_weights(pass, gradient, &(PassSlopes){ .dx = dx }, err);
}
