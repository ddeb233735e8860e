/* train_batch.c — one batch of a training: its samples, its loss, its gradient, its step.
 *
 * Mostly a worker carries a tile of the samples through the net and back, gathered, shifted and
 * put into the layers' order on the way. Where something has to see or change all of the batch
 * first, an adversary for one, or where samples are stored as bytes, its rows are made before
 * (MadeBatch), by the same seed the same. And
 * where the loss needs the logits of all of it, or layers do, the batch goes through as a whole
 * (network_pass_gradients). With TRADES that is twice as many rows: the samples, and behind them
 * what the adversary makes of them. A batch that goes by tiles may be divided among processes
 * (train_crew.c).
 */
#include "core/bytes.h"
#include "core/error.h"
#include "core/fail.h"
#include "core/parallel.h"
#include "nn/layout.h"
#include "nn/loss.h"
#include "nn/network.h"
#include "nn/network_impl.h"
#include "nn/train.h"
#include "nn/train_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Samples --------------------------------------------------------------------------------- */

/* The batch's i-th sample: where it is, or where it is stored as bytes in `room`. */
static const float *stored_row(const Trainer *trainer, size_t i, float *room) {
    const Samples *samples = trainer->samples;
    size_t features = samples->features, at = trainer->order[trainer->first + i] * features;
    if (samples->x)
        return samples->x + at;
    bytes_to_floats(samples->bytes + at, features, room);
    return room;
}

/* A row as the batch's i-th sample is, moved by a random shift: into `moved`, or where it is if it
 * stays. The generator then is the one that the sample's further changes draw from. */
static const float *shifted_row(const Trainer *trainer, size_t i, const float *row, Rng *rng,
                                float *moved) {
    size_t shift = trainer->params->shift + trainer->params->augment.shift;
    rng_seed_part(rng, trainer->seed, i);
    if (shift == 0)
        return row;
    augment_shift((Picture){ trainer->net->input, moved, rng }, row, shift);
    return moved;
}

static void make_some(void *context, size_t first, size_t last, int worker) {
    const Trainer *trainer = context;
    size_t features = trainer->samples->features;
    float *room = trainer->made.room + (size_t)worker * features;
    for (size_t i = trainer->from + first; i < trainer->from + last; i++) {
        Rng rng;
        float *made = trainer->made.x + i * features;
        const float *row = shifted_row(trainer, i, stored_row(trainer, i, room), &rng, made);
        if (row != made)
            memcpy(made, row, features * sizeof *made);
        augment_image((Picture){ trainer->net->input, made, &rng }, &trainer->params->augment,
                      room);
        trainer->made.y[i] = trainer->samples->y[trainer->order[trainer->first + i]];
    }
}

/* The first of the batch's samples, as many as the share says, moved by the adversary; the others
 * as they are. */
static bool attack_batch(const Trainer *trainer, uint64_t seed, Error *err) {
    const TrainParams *params = trainer->params;
    const MadeBatch *made = &trainer->made;
    size_t features = trainer->samples->features;
    float *attacked = made->x + trainer->count * features;
    size_t n = (size_t)ceil(params->adversarial_share * (double)trainer->count - 1e-9);
    TrainAttack attack = { { made->x, made->y, n, features }, seed, attacked };
    memcpy(attacked + n * features, made->x + n * features,
           (trainer->count - n) * features * sizeof *made->x);
    if (n > 0 && !params->adversary->perturb(params->adversary->context, &attack, err))
        return false;
    return !progress_interrupt_pending() || /* not all of it was attacked */
           error_set(err, ERROR_INTERRUPTED, "train: interrupted");
}

/* Those that are done here. */
static void make_rows(Trainer *trainer) {
    enum { PIECE = 32 };
    if (trainer->made.x)
        parallel_for(trainer->until - trainer->from, PIECE, make_some, trainer);
}

/* The rows of the batch, where it is made before its pass. */
static bool make_batch(Trainer *trainer, Error *err) {
    const TrainParams *params = trainer->params;
    const MadeBatch *made = &trainer->made;
    if (!made->x)
        return true;
    make_rows(trainer);
    TrainChange change = { trainer->count, trainer->samples->features, 0, made->x };
    if (params->change) {
        change.seed = rng_fork(&trainer->rng) >> 11;
        if (!params->change->change(params->change->context, &change, err))
            return false;
    }
    return !params->adversary || attack_batch(trainer, rng_fork(&trainer->rng) >> 11, err);
}

/* The made rows that are learned: what the adversary left. */
static const float *made_rows(const Trainer *trainer) {
    const MadeBatch *made = &trainer->made;
    bool moved = made->x && trainer->params->adversary;
    return moved ? made->x + trainer->count * trainer->samples->features : made->x;
}

/* ---- By tiles -------------------------------------------------------------------------------- */

/* Where a tile's samples go, in the layers' order, and their labels' columns; `moved` has room for
 * one of them. */
typedef struct Gathered {
    float *input, *moved;
    int32_t *target;
} Gathered;

static void gather_tile(const Trainer *trainer, const Tile *tile, Gathered to) {
    Shape shape = trainer->net->input;
    size_t size = shape_size(shape);
    const float *rows = made_rows(trainer);
    for (size_t i = 0; i < tile->n; i++) {
        size_t at = tile->first + i;
        Rng rng;
        const float *row =
            rows ? rows + at * size
                 : shifted_row(trainer, at, stored_row(trainer, at, NULL), &rng, to.moved);
        to.target[i] = trainer->target[trainer->order[trainer->first + at]];
        layout_to_inner(shape, 1, row, to.input + i * size);
    }
}

/* Forward, loss and backward of one tile: its activations never leave the cache. */
static void train_tile(const Trainer *trainer, const TileRun *run, int worker, size_t piece) {
    const Network *net = trainer->net;
    const Workspace *space = &net->workspace[worker];
    const size_t output = net->layers - 1, room = net->tile * trainer->outputs;
    float *scores = trainer->tiles + 2 * room * (size_t)worker, *slopes = scores + room;
    const float *entering = slopes;
    PieceSums *sums = &trainer->sums[piece];
    int32_t target[NETWORK_TILE_MOST];
    Taps taps = { &output, 1, &scores };
    gather_tile(trainer, &run->tile,
                (Gathered){ tile_activation(net, run, 0), space->gradient[0], target });
    tile_forward(net, run, &taps);
    sums->loss += cross_entropy(&(ScoredRows){ scores, run->tile.n, trainer->outputs, target,
                                               trainer->params->label_smoothing },
                                &(ScoreSlope){ slopes, 1.0 / (double)trainer->count }, &sums->hits);
    tile_backward(net, run, space,
                  &(TileGradients){ .taps = &taps,
                                    .gradient = &entering,
                                    .dweights = trainer->parts.vector[piece] });
}

static void train_piece(void *context, size_t first, size_t last, int worker) {
    Trainer *trainer = context;
    const Network *net = trainer->net;
    const Workspace *space = &net->workspace[worker];
    first += trainer->from;
    last += trainer->from;
    size_t piece = first / trainer->parts.rows;
    trainer->sums[piece] = (PieceSums){ 0 };
    for (size_t at = first; at < last; at += net->tile) {
        if (progress_gives_up(trainer->started)) {
            atomic_store(&trainer->given_up, true);
            return;
        }
        TileRun run = { .tile = { .n = last - at < net->tile ? last - at : net->tile,
                                  .first = at,
                                  .training = true,
                                  .seed = trainer->seed,
                                  .scratch = space->scratch },
                        .plan = &net->keep,
                        .arena = space->arena,
                        .capacity = net->tile,
                        .end = net->layers,
                        .first = at == first };
        train_tile(trainer, &run, worker, piece);
    }
}

static void run_pieces(Trainer *trainer) {
    parallel_for(trainer->until - trainer->from, trainer->parts.rows, train_piece, trainer);
}

void trainer_do_pieces(Trainer *trainer) {
    make_rows(trainer);
    run_pieces(trainer);
}

/* The sums and the gradient of the batch. */
static bool run_tiles(Trainer *trainer, PieceSums *sums, Error *err) {
    size_t pieces = parallel_pieces(trainer->count, trainer->parts.rows);
    trainer->started = progress_clock();
    run_pieces(trainer);
    crew_end(trainer);
    if (atomic_load(&trainer->given_up))
        return error_set(err, ERROR_INTERRUPTED, "train: interrupted");
    for (size_t p = 0; p < pieces; p++) {
        sums->loss += trainer->sums[p].loss;
        sums->hits += trainer->sums[p].hits;
    }
    return true;
}

/* ---- As a whole ------------------------------------------------------------------------------ */

/* A batch on its way through the net. */
typedef struct Whole {
    const Trainer *trainer;
    PieceSums *sums;
} Whole;

/* By the function from outside, whose loss is a mean. */
static bool outside_loss(const Whole *whole, const ScoredRows *scored, float *slopes, Error *err) {
    const Trainer *trainer = whole->trainer;
    const TrainLoss *loss = trainer->params->loss;
    double mean;
    TrainLogits logits = { scored->scores,  trainer->made.y, scored->rows,
                           scored->columns, &mean,           slopes };
    if (!loss->value(loss->context, &logits, err))
        return false;
    cross_entropy(scored, NULL, &whole->sums->hits);
    whole->sums->loss += mean * (double)scored->rows;
    return true;
}

static bool logits_loss(void *context, const float *scores, float *slopes, Error *err) {
    const Whole *whole = context;
    const Trainer *trainer = whole->trainer;
    size_t n = trainer->count, room = n * trainer->outputs;
    double trades = trainer->params->trades;
    const ScoredRows scored = { scores, n, trainer->outputs, trainer->made.target,
                                trainer->params->label_smoothing };
    ScoreSlope slope = { slopes, 1.0 / (double)n };
    if (trainer->params->loss)
        return outside_loss(whole, &scored, slopes, err);
    whole->sums->loss += cross_entropy(&scored, &slope, &whole->sums->hits);
    slope.scale *= trades;
    if (trades > 0)
        whole->sums->loss += trades * add_divergence(&scored, scores + room, &slope, slopes + room);
    return true;
}

static bool run_whole(Trainer *trainer, PieceSums *sums, Error *err) {
    bool both = trainer->params->trades > 0;
    TrainingBatch batch = { .x = both ? trainer->made.x : made_rows(trainer),
                            .n = trainer->count * (both ? 2 : 1),
                            .seed = trainer->seed,
                            .loss = logits_loss,
                            .room = &trainer->room,
                            .context = &(Whole){ trainer, sums } };
    for (size_t i = 0; i < trainer->count; i++)
        trainer->made.target[i] = trainer->target[trainer->order[trainer->first + i]];
    return network_pass_gradients(trainer->net, &batch, &trainer->parts, err);
}

/* ---- A batch --------------------------------------------------------------------------------- */

/* Does something want the logits of the whole batch, or more than the tiles' own shifts? */
static bool goes_whole(const Trainer *trainer) {
    const TrainParams *params = trainer->params;
    const Network *net = trainer->net;
    return net->hosted || net->whole_batch || params->trades > 0 || params->loss;
}

static bool is_made(const Trainer *trainer) {
    const TrainParams *params = trainer->params;
    return goes_whole(trainer) || params->adversary || params->change ||
           augment_is_any(&params->augment) || !trainer->samples->x;
}

const char *network_train_keeps(const Network *net, const TrainParams *params) {
    return params->adversary  ? "an adversary attacks whole batches"
           : params->change   ? "augment is a function"
           : params->loss     ? "the loss is a function"
           : net->hosted      ? "the net has layers that are written in Lua"
           : net->whole_batch ? "the net has layers that take a batch as a whole"
                              : NULL;
}

/* What is kept of a batch that is made before its pass. */
static bool allocate_made(Trainer *trainer, size_t batch, Error *err) {
    MadeBatch *made = &trainer->made;
    size_t features = trainer->samples->features, workers = (size_t)trainer->net->workspaces;
    size_t numbers = batch * features * (trainer->params->adversary ? 2 : 1) + 1;
    if (!is_made(trainer))
        return true;
    made->x = malloc(numbers * sizeof *made->x);
    made->room = malloc(workers * features * sizeof *made->room);
    made->y = malloc(batch * sizeof *made->y);
    made->target = malloc(batch * sizeof *made->target);
    return (made->x && made->room && made->y && made->target) ||
           error_memory(err, "train", numbers * sizeof *made->x);
}

bool trainer_allocate_batch(Trainer *trainer, Error *err) {
    const Network *net = trainer->net;
    size_t total = trainer->samples->n, batch = trainer->params->batch;
    size_t tiles = 2 * (size_t)net->workspaces * net->tile * trainer->outputs;
    size_t rows = trainer->params->trades > 0 ? 2 : 1;
    batch = batch < total ? batch : total;
    if (!gradient_parts_init(&trainer->parts, rows * batch, net->parameters, err))
        return false;
    trainer->sums = malloc(trainer->parts.count * sizeof *trainer->sums);
    trainer->tiles = malloc(tiles * sizeof *trainer->tiles);
    if (net->buffers)
        trainer->buffers = malloc((net->parameters + 1) * sizeof *trainer->buffers);
    if (!trainer->sums || !trainer->tiles || (net->buffers && !trainer->buffers))
        return error_memory(err, "train", tiles * sizeof *trainer->tiles);
    return allocate_made(trainer, batch, err) && crew_allocate(trainer, err);
}

void trainer_clear_batch(Trainer *trainer) {
    MadeBatch *made = &trainer->made;
    gradient_parts_clear(&trainer->parts);
    pass_room_clear(&trainer->room);
    crew_clear(trainer);
    free(trainer->sums);
    free(trainer->tiles);
    free(trainer->buffers);
    free(made->x);
    free(made->room);
    free(made->y);
    free(made->target);
}

/* Has an interrupt made it fail? Then there is no step, and training has stopped. */
static bool is_cut_short(Trainer *trainer, const Error *err) {
    trainer->stopped =
        err->kind == ERROR_INTERRUPTED && !progress_step(trainer->params->progress, 0, NULL);
    return trainer->stopped;
}

/* Buffers are no weights: decay would pull at them. */
static void step(Trainer *trainer, size_t pieces) {
    Network *net = trainer->net;
    if (net->buffers)
        network_copy_buffers(net, net->weights, trainer->buffers);
    optimizer_step(&trainer->optimizer, (const float *const *)trainer->parts.vector, pieces,
                   net->weights);
    if (net->buffers)
        network_copy_buffers(net, trainer->buffers, net->weights);
}

bool train_batch(Trainer *trainer, double *loss, size_t *hits, Error *err) {
    Network *net = trainer->net;
    const GradientParts *parts = &trainer->parts;
    size_t rows = trainer->count * (trainer->params->trades > 0 ? 2 : 1);
    PieceSums sums = { *loss, *hits };
    double start = progress_clock();
    if (!network_ready(net, err))
        return false;
    trainer->seed = rng_fork(&trainer->rng);
    crew_begin(trainer); /* from there on nothing fails that has not failed before */
    if (!make_batch(trainer, err) || !network_ready(net, err) ||
        !(goes_whole(trainer) ? run_whole : run_tiles)(trainer, &sums, err)) {
        network_weights_changed(net); /* its buffers may have */
        return is_cut_short(trainer, err);
    }
    *loss = sums.loss;
    *hits = sums.hits;
    step(trainer, trainer->crew.at_work ? 1 : parallel_pieces(rows, parts->rows));
    network_weights_changed(net);
    crew_measure(trainer, progress_clock() - start);
    return true;
}
