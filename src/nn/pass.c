/* pass.c — running a network on a batch: its tiles on all threads, hosted layers between them on
 * this one; and passes that keep what a reverse pass needs. */
#include "core/buffer_pool.h"
#include "core/denormals.h"
#include "core/fail.h"
#include "core/parallel.h"
#include "nn/forks.h"
#include "nn/gradient_parts.h"
#include "nn/layout.h"
#include "nn/network.h"
#include "nn/network_impl.h"

#include <stdlib.h>
#include <string.h>

struct Pass {
    Network *net;
    size_t n;
    const Plan *plan;
    float *arena;   /* of n samples; NULL: nothing is kept */
    PassRoom *room; /* what it and slopes are in: a training's, or … */
    PassRoom own;   /* … this */
    size_t row;     /* of the first sample in what taps take */
    size_t end;     /* layers run */
    bool training;
    uint64_t seed; /* of dropout */
    Taps taps;
    size_t *own_layer; /* what `taps` points to, in a Pass that is handed out */
    float **own_output;
    float *storage; /* of own outputs that the caller gave no memory for */
    void **kept;    /* by each hosted layer, for backward; NULL: nothing is */
};

/* A job over the samples of a pass: forward, or backward, through layers begin … end−1. */
typedef struct PassJob {
    const Pass *pass;
    size_t begin, end;
    const float *x;             /* forward */
    TileGradients gradient;     /* backward; its dx is that of all samples */
    const GradientParts *parts; /* for the gradient of the weights, or NULL */
} PassJob;

/* Does a batch stop at this layer, which wants it whole? And at some layer of the pass's net? */
static bool stops_at(const Pass *pass, const LayerKind *kind) {
    return kind->host || (pass->training && kind->whole_batch);
}

static bool goes_whole(const Pass *pass) {
    return pass->net->hosted || (pass->training && pass->net->whole_batch);
}

/* The tile of n samples from `at` on. */
static TileRun start_run(const PassJob *job, size_t at, size_t n, const Workspace *space) {
    const Pass *pass = job->pass;
    return (TileRun){
        .tile = { .n = n,
                  .first = pass->row + at,
                  .training = pass->training,
                  .seed = pass->seed,
                  .scratch = space ? space->scratch : NULL },
        .plan = pass->plan,
        // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): one of them is there
        .arena = pass->arena ? pass->arena : space->arena,
        .capacity = pass->arena ? pass->n : pass->net->tile,
        .at = pass->arena ? at : 0,
        .row = pass->row + at,
        .begin = job->begin,
        .end = job->end,
    };
}

static void forward_one(void *context, size_t first, size_t last, int worker) {
    const PassJob *job = context;
    const Pass *pass = job->pass;
    const Network *net = pass->net;
    TileRun run = start_run(job, first, last - first, &net->workspace[worker]);
    const float *x = job->x + first * shape_size(net->input);
    if (!pass->arena && layout_is_same(net->input))
        run.input = x;
    else if (job->begin == 0)
        layout_to_inner(net->input, run.tile.n, x, tile_activation(net, &run, 0));
    tile_forward(net, &run, &pass->taps);
}

/* Tile by tile through a piece, whose gradients of the weights are added to one vector. */
static void backward_some(void *context, size_t first, size_t last, int worker) {
    const PassJob *job = context;
    const Network *net = job->pass->net;
    const Workspace *space = &net->workspace[worker];
    size_t features = shape_size(net->input);
    TileGradients gradients = job->gradient;
    gradients.dweights = job->parts ? job->parts->vector[first / job->parts->rows] : NULL;
    for (size_t at = first; at < last; at += net->tile) {
        size_t n = last - at < net->tile ? last - at : net->tile;
        TileRun run = start_run(job, at, n, space);
        run.first = at == first && !goes_whole(job->pass);
        gradients.dx = job->gradient.dx ? job->gradient.dx + at * features : NULL;
        tile_backward(net, &run, space, &gradients);
    }
}

/* All samples; those of training give up a while after an interrupt. */
static bool run_tiles(PassJob *job, size_t piece, ParallelBody *body, Error *err) {
    const Pass *pass = job->pass;
    if (!pass->training)
        parallel_for(pass->n, piece, body, job);
    else if (!parallel_try(pass->n, piece, body, job))
        return error_interrupted(err, "train");
    return true;
}

/* ---- Between hosted layers ------------------------------------------------------------------- */

/* The first layer of begin … end−1 that a batch stops at, or end. */
static size_t next_stop(const Pass *pass, size_t begin, size_t end) {
    while (begin < end && !stops_at(pass, pass->net->layer[begin]->kind))
        begin++;
    return begin;
}

/* Is layer l gone back through by all samples at once: a stop, or where two ways end? */
static bool is_whole(const Pass *pass, size_t l) {
    const Layer *layer = pass->net->layer[l];
    return stops_at(pass, layer->kind) || residual_of(layer);
}

/* Where those begin that tiles go back through, from layer end−1 on, which they do. */
static size_t tiles_begin(const Pass *pass, size_t end) {
    size_t begin = end - 1;
    while (begin > 0 && !is_whole(pass, begin - 1) && !pass->net->wire[begin].begins)
        begin--;
    return begin;
}

/* Of a layer that is built in. */
static void run_whole(void (*run)(const Layer *, const LayerCall *), const Layer *layer,
                      const LayerCall *call) {
    DenormalMode caller = denormals_flush();
    run(layer, call);
    denormals_restore(caller);
}

static bool host_forward(const PassJob *job, Error *err) {
    const Pass *pass = job->pass;
    const Network *net = pass->net;
    size_t l = job->begin;
    const Layer *layer = net->layer[l];
    TileRun run = start_run(job, 0, pass->n, &net->workspace[0]);
    Tile tile;
    LayerCall call = tile_call(net, &run, l, &tile);
    call.buffers = pass->training ? net->weights + layer->offset : NULL;
    if (!layer->kind->host)
        run_whole(layer->kind->forward, layer, &call);
    else if (!layer->kind->host->forward(layer, &call, pass->kept ? &pass->kept[l] : NULL, err))
        return false;
    tile_give(net, &run, &pass->taps, l);
    return true;
}

static bool hosted_forward(PassJob *job, Error *err) {
    const Network *net = job->pass->net;
    size_t end = job->end;
    bool ok = true;
    for (size_t at = 0; ok && at < end; at = job->end) {
        job->begin = at;
        job->end = next_stop(job->pass, at, end);
        if (at == 0 || job->end > at) /* the first one brings the samples in, if nothing else */
            ok = run_tiles(job, net->tile, forward_one, err);
        if (!ok || job->end == end)
            break;
        job->begin = job->end++;
        ok = host_forward(job, err);
    }
    return ok;
}

/* A reverse pass between hosted layers: the slope of all samples at an activation, and room for
 * the next. */
typedef struct HostedFlow {
    Slope slope;
    float *other;
    Forks forks;
    size_t lowest;
    bool out; /* of the net's input too */
} HostedFlow;

static void turn(HostedFlow *flow) {
    float *free_now = flow->slope.values;
    flow->slope.values = flow->other;
    flow->other = free_now;
}

/* Through the hosted layer under the slope, or to where it parts. */
static bool host_backward(PassJob *job, HostedFlow *flow, Error *err) {
    const Pass *pass = job->pass;
    const Network *net = pass->net;
    size_t l = flow->slope.layer;
    const Layer *layer = net->layer[l];
    TileRun run = start_run(job, 0, pass->n, &net->workspace[0]);
    tile_enter(net, &run, &job->gradient, &flow->slope);
    if (residual_of(layer))
        forks_part(&flow->forks, net, pass->n, &flow->slope);
    if (residual_of(layer) || !flow->slope.started)
        return true;
    bool down = flow->out || l > flow->lowest;
    Tile tile;
    LayerCall call = tile_call(net, &run, l, &tile);
    call.dy = flow->slope.values;
    call.dx = down ? flow->other : NULL;
    call.dweights = job->parts ? job->parts->vector[0] + layer->offset : NULL;
    if (!layer->kind->host)
        run_whole(layer->kind->backward, layer, &call);
    else if (!layer->kind->host->backward(layer, &call, pass->kept[l], err))
        return false;
    turn(flow);
    return true;
}

/* Has a slope come in once the tiles have gone through layers begin … end−1? */
static bool starts(const PassJob *job, const HostedFlow *flow) {
    const Taps *taps = &job->pass->taps;
    bool started = flow->slope.started;
    for (size_t t = 0; t < taps->count; t++)
        started = started || (job->gradient.gradient[t] && taps->layer[t] >= job->begin &&
                              taps->layer[t] < job->end);
    return started;
}

/* Tiles through the layers of the job, down to a hosted one or to the input. */
static bool tiles_backward(PassJob *job, HostedFlow *flow, size_t piece, Error *err) {
    bool started = starts(job, flow);
    bool down = flow->out || job->begin > flow->lowest;
    job->gradient.above = flow->slope.started ? flow->slope.values : NULL;
    job->gradient.below = down ? flow->other : NULL;
    if (started && !run_tiles(job, piece, backward_some, err))
        return false;
    flow->slope.started = started;
    turn(flow);
    return true;
}

static bool flow_backward(PassJob *job, HostedFlow *flow, size_t piece, Error *err) {
    const Network *net = job->pass->net;
    float *dx = job->gradient.dx;
    job->gradient.dx = NULL;
    bool ok = true;
    for (size_t end = job->end; ok && end > flow->lowest; end = job->begin) {
        bool whole = is_whole(job->pass, end - 1);
        job->begin = whole ? end - 1 : tiles_begin(job->pass, end);
        job->end = end;
        flow->slope.layer = end - 1;
        ok = whole ? host_backward(job, flow, err) : tiles_backward(job, flow, piece, err);
        if (ok && (flow->out || job->begin > flow->lowest))
            forks_arrive(&flow->forks, net, job->pass->n, job->begin, &flow->slope);
    }
    size_t size = shape_size(net->input);
    if (ok && dx && flow->slope.started)
        layout_to_outer(net->input, job->pass->n, flow->slope.values, dx);
    else if (ok && dx)
        memset(dx, 0, job->pass->n * size * sizeof *dx);
    return ok;
}

/* ---- Passes ---------------------------------------------------------------------------------- */

/* Forward through the layers of the pass. A hosted one's function may call anything: the net is
 * busy for others meanwhile. */
static bool run_forward(const Pass *pass, const float *x, Error *err) {
    Network *net = pass->net;
    PassJob job = { .pass = pass, .end = pass->end, .x = x };
    if (!goes_whole(pass) || pass->n == 0)
        return run_tiles(&job, net->tile, forward_one, err);
    net->busy = true;
    bool ok = hosted_forward(&job, err);
    net->busy = false;
    return ok;
}

/* Floats of a block, by a larger one if need be; NULL if there is no memory. */
static float *block_floats(PassBlock *block, size_t floats) {
    size_t bytes = (floats + 1) * sizeof(float);
    if (block->floats && block->capacity >= bytes)
        return block->floats;
    pool_give(block->floats, block->capacity);
    return block->floats = pool_take(bytes, &block->capacity);
}

void pass_room_clear(PassRoom *room) {
    pool_give(room->arena.floats, room->arena.capacity);
    pool_give(room->slopes.floats, room->slopes.capacity);
    *room = (PassRoom){ 0 };
}

/* Two slopes of all samples, one behind the other, and those that wait. */
static bool hosted_backward(PassJob *job, size_t piece, Error *err) {
    const Pass *pass = job->pass;
    Network *net = pass->net;
    size_t floats = pass->n * net->largest, all = (2 + net->depth) * floats;
    float *slopes = block_floats(&pass->room->slopes, all);
    if (!slopes)
        return error_memory(err, "gradient", all * sizeof *slopes);
    bool out = job->gradient.dx != NULL;
    HostedFlow flow = { .slope = { .values = slopes },
                        .other = slopes + floats,
                        .lowest = network_lowest(net, out),
                        .out = out };
    forks_start(&flow.forks, net, slopes + 2 * floats, floats);
    for (size_t p = 0; job->parts && p < job->parts->count; p++)
        memset(job->parts->vector[p], 0, net->parameters * sizeof *slopes);
    net->busy = true;
    bool ok = flow_backward(job, &flow, piece, err);
    net->busy = false;
    return ok;
}

/* Back through the layers of the pass; job says what is wanted. */
static bool run_backward(PassJob *job, Error *err) {
    const Network *net = job->pass->net;
    size_t piece = job->parts ? job->parts->rows : net->tile;
    job->end = job->pass->end;
    job->gradient.taps = &job->pass->taps;
    return goes_whole(job->pass) && job->pass->n > 0 ? hosted_backward(job, piece, err)
                                                     : run_tiles(job, piece, backward_some, err);
}

static void forget(const Pass *pass) {
    const Network *net = pass->net;
    for (size_t l = 0; pass->kept && l < net->layers; l++)
        if (pass->kept[l])
            net->layer[l]->kind->host->forget(net->layer[l], pass->kept[l]);
    free(pass->kept);
}

void pass_free(Pass *pass) {
    if (!pass)
        return;
    forget(pass);
    free(pass->storage);
    free(pass->own_output);
    free(pass->own_layer);
    pass_room_clear(&pass->own);
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
    pass->arena = block_floats(&pass->room->arena, kept);
    pass->storage = malloc((floats - kept + 1) * sizeof *pass->storage);
    pass->kept = net->hosted ? calloc(net->layers, sizeof *pass->kept) : NULL;
    if (!pass->own_layer || !pass->own_output || !pass->arena || !pass->storage ||
        (net->hosted && !pass->kept))
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
    pass->plan = &net->keep;
    return true;
}

/* Before any pass: do the samples fit, and is everything there? */
static bool is_ready(Network *net, const Batch *batch, Error *err) {
    if (batch->features != net->model.features)
        return error_set(err, ERROR_ARGUMENT, "%s: samples have %zu features, the net takes %zu",
                         batch->where, batch->features, net->model.features);
    return network_ready(net, err);
}

/* A pass that keeps everything, before it has run; `pass` says what it is for. */
static Pass *pass_new(const Pass *like, const Batch *batch, const Taps *taps, Error *err) {
    Pass *pass = malloc(sizeof *pass);
    if (!pass) {
        error_memory(err, "forward", sizeof *pass);
        return NULL;
    }
    *pass = *like;
    pass->n = batch->n;
    if (!pass->room)
        pass->room = &pass->own;
    model_retain(&pass->net->model);
    if (is_ready(pass->net, batch, err) && allocate_pass(pass, taps, err))
        return pass;
    pass_free(pass);
    return NULL;
}

static Pass *forward(const Pass *like, const Batch *batch, const Taps *taps, Error *err) {
    Pass *pass = pass_new(like, batch, taps, err);
    if (!pass || run_forward(pass, batch->x, err))
        return pass;
    pass_free(pass);
    return NULL;
}

Pass *network_forward(Network *net, const Batch *batch, const Taps *taps, Error *err) {
    return forward(&(Pass){ .net = net }, batch, taps, err);
}

/* Floats of activations that a pass through a net with hosted layers keeps at a time: 64 MB. */
static const size_t WHOLE_ROOM = (size_t)1 << 24;
enum { WHOLE_MOST = 1024 };

size_t network_whole_rows(const Network *net) {
    size_t rows = WHOLE_ROOM / net->keep.per_sample;
    return rows < 1 ? 1 : rows < WHOLE_MOST ? rows : WHOLE_MOST;
}

/* Some rows at a time, since all activations of these are there at once, each in a place of its
 * own: where activations of different sizes took turns, a tile would write over another's. */
static bool hosted_outputs(Pass *pass, const Batch *batch, Error *err) {
    Network *net = pass->net;
    size_t most = network_whole_rows(net), rows = batch->n < most ? batch->n : most;
    size_t floats = rows * net->keep.per_sample;
    pass->plan = &net->keep;
    pass->arena = block_floats(&pass->own.arena, floats);
    if (!pass->arena)
        return error_memory(err, batch->where, floats * sizeof *pass->arena);
    bool ok = true;
    model_retain(&net->model);
    for (; ok && pass->row < batch->n; pass->row += pass->n) {
        size_t left = batch->n - pass->row;
        pass->n = left < rows ? left : rows;
        ok = run_forward(pass, batch->x + pass->row * batch->features, err);
    }
    model_release(&net->model);
    pass_room_clear(&pass->own);
    return ok;
}

bool network_outputs(Network *net, const Batch *batch, const Taps *taps, Error *err) {
    Pass pass = {
        .net = net, .n = batch->n, .plan = &net->pass, .end = layers_needed(taps), .taps = *taps
    };
    return is_ready(net, batch, err) &&
           (net->hosted ? hosted_outputs(&pass, batch, err) : run_forward(&pass, batch->x, err));
}

const float *pass_output(const Pass *pass, size_t t) {
    return pass->taps.output[t];
}

static bool backward_weights(PassJob *job, float *dweights, Error *err) {
    size_t n = job->pass->n, count = job->pass->net->parameters;
    GradientParts parts = { 0 };
    if (n > 0 && !gradient_parts_init(&parts, n, count, err))
        return false;
    job->parts = &parts;
    bool ok = n == 0 || run_backward(job, err);
    if (ok)
        memset(dweights, 0, count * sizeof *dweights);
    for (size_t p = 0; ok && p < parts.count; p++)
        for (size_t i = 0; i < count; i++)
            dweights[i] += parts.vector[p][i];
    gradient_parts_clear(&parts);
    return ok;
}

bool pass_backward_weights(Pass *pass, const float *const *gradient, const PassSlopes *slopes,
                           Error *err) {
    if (!network_ready(pass->net, err))
        return false;
    PassJob job = { .pass = pass, .gradient = { .gradient = gradient, .dx = slopes->dx } };
    return slopes->dweights ? backward_weights(&job, slopes->dweights, err)
                            : run_backward(&job, err);
}

bool pass_backward(Pass *pass, const float *const *gradient, float *dx, Error *err) {
    return pass_backward_weights(pass, gradient, &(PassSlopes){ .dx = dx }, err);
}

/* ---- Training -------------------------------------------------------------------------------- */

/* From the logits of the pass to the gradient of the weights. */
static bool pull_loss(const Pass *pass, const TrainingBatch *batch, const GradientParts *parts,
                      Error *err) {
    size_t floats = pass->n * shape_size(pass->net->layer[pass->end - 1]->out);
    float *slopes = malloc((floats + 1) * sizeof *slopes);
    const float *entering = slopes;
    PassJob job = { .pass = pass, .gradient = { .gradient = &entering }, .parts = parts };
    if (!slopes)
        return error_memory(err, "train", floats * sizeof *slopes);
    bool ok = batch->loss(batch->context, pass_output(pass, 0), slopes, err) &&
              network_ready(pass->net, err) && run_backward(&job, err);
    free(slopes);
    return ok;
}

bool network_pass_gradients(Network *net, const TrainingBatch *batch, const GradientParts *parts,
                            Error *err) {
    size_t output = net->layers - 1;
    Batch samples = { batch->x, batch->n, net->model.features, "train" };
    Pass *pass =
        forward(&(Pass){ .net = net, .training = true, .seed = batch->seed, .room = batch->room },
                &samples, &(Taps){ .layer = &output, .count = 1 }, err);
    bool ok = pass && pull_loss(pass, batch, parts, err);
    pass_free(pass);
    return ok;
}
