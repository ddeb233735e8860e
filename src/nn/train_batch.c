/* train_batch.c — one batch of a training: its samples, its loss, its gradient, its step.
 *
 * Mostly a worker carries a tile of the samples through the net and back, gathered, shifted and
 * put into the layers' order on the way. Where something has to see the whole batch first (an
 * adversary that attacks it), its rows are made before (MadeBatch), by the same seed the same.
 *
 * With TRADES a tile goes through the net twice, as it is and as it was attacked: the divergence's
 * slope at each needs the other's scores, so the attacked one's are found by a pass of their own.
 */
#include "core/error.h"
#include "core/fail.h"
#include "core/parallel.h"
#include "nn/layout.h"
#include "nn/loss.h"
#include "nn/network.h"
#include "nn/network_impl.h"
#include "nn/train_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Samples --------------------------------------------------------------------------------- */

/* A channel-first image moved by (dy, dx) pixels, zeros behind it. */
static void shift_image(Shape shape, const float *from, ptrdiff_t dy, ptrdiff_t dx, float *to) {
    ptrdiff_t height = (ptrdiff_t)shape.height, width = (ptrdiff_t)shape.width;
    for (size_t c = 0; c < shape.channels; c++, from += height * width)
        for (ptrdiff_t y = 0; y < height; y++)
            for (ptrdiff_t x = 0; x < width; x++) {
                ptrdiff_t sy = y - dy, sx = x - dx;
                bool inside = sy >= 0 && sy < height && sx >= 0 && sx < width;
                *to++ = inside ? from[sy * width + sx] : 0;
            }
}

/* The batch's i-th sample, moved by a random shift: into `moved`, or where it is if it stays. */
static const float *shifted_row(const Trainer *trainer, size_t i, float *moved) {
    Shape shape = trainer->net->input;
    size_t shift = trainer->params->shift;
    const float *row =
        trainer->samples->x + trainer->order[trainer->first + i] * trainer->samples->features;
    if (shift == 0)
        return row;
    Rng rng;
    rng_seed_part(&rng, trainer->seed, i);
    ptrdiff_t dy = (ptrdiff_t)rng_below(&rng, 2 * shift + 1) - (ptrdiff_t)shift;
    ptrdiff_t dx = (ptrdiff_t)rng_below(&rng, 2 * shift + 1) - (ptrdiff_t)shift;
    shift_image(shape, row, dy, dx, moved);
    return moved;
}

static void make_some(void *context, size_t first, size_t last, int worker) {
    const Trainer *trainer = context;
    size_t features = trainer->samples->features;
    (void)worker;
    for (size_t i = first; i < last; i++) {
        float *made = trainer->made.x + i * features;
        const float *row = shifted_row(trainer, i, made);
        if (row != made)
            memcpy(made, row, features * sizeof *made);
        trainer->made.y[i] = trainer->samples->y[trainer->order[trainer->first + i]];
    }
}

/* The first of the batch's samples, as many as the share says, moved by the adversary; the others
 * as they are. */
static bool attack_batch(const Trainer *trainer, uint64_t seed, Error *err) {
    const TrainParams *params = trainer->params;
    const MadeBatch *made = &trainer->made;
    size_t features = trainer->samples->features;
    size_t n = (size_t)ceil(params->adversarial_share * (double)trainer->count - 1e-9);
    TrainAttack attack = { { made->x, made->y, n, features }, seed, made->attacked };
    memcpy(made->attacked + n * features, made->x + n * features,
           (trainer->count - n) * features * sizeof *made->x);
    if (n > 0 && !params->adversary->perturb(params->adversary->context, &attack, err))
        return false;
    return !progress_interrupt_pending() || /* not all of it was attacked */
           error_set(err, ERROR_INTERRUPTED, "train: interrupted");
}

/* The rows of the batch, where it is made before its pass. */
static bool make_batch(Trainer *trainer, Error *err) {
    enum { PIECE = 32 };
    if (!trainer->made.x)
        return true;
    parallel_for(trainer->count, PIECE, make_some, trainer);
    return !trainer->params->adversary || attack_batch(trainer, rng_fork(&trainer->rng) >> 11, err);
}

/* The tile's samples, in the layers' order, into `input`: from `rows`, the whole batch's, or NULL.
 */
static void gather_tile(const Trainer *trainer, const TileRun *run, const float *rows,
                        float *moved) {
    Shape shape = trainer->net->input;
    size_t size = shape_size(shape), first = run->tile.first;
    float *input = tile_activation(trainer->net, run, 0);
    for (size_t i = 0; i < run->tile.n; i++) {
        const float *row =
            rows ? rows + (first + i) * size : shifted_row(trainer, first + i, moved);
        layout_to_inner(shape, 1, row, input + i * size);
    }
}

/* ---- A tile ---------------------------------------------------------------------------------- */

/* One tile in the hands of a worker. */
typedef struct TileWork {
    const TileRun *run;
    const Workspace *space;
    size_t output; /* the net's last layer */
    int32_t target[NETWORK_TILE_MOST];
} TileWork;

/* Its samples forward; the last layer's output into scores. */
static void forward_tile(const Trainer *trainer, const TileWork *work, const float *rows,
                         float *scores) {
    gather_tile(trainer, work->run, rows, work->space->gradient[0]);
    tile_forward(trainer->net, work->run, &(Taps){ &work->output, 1, &scores });
}

static void backward_tile(const Trainer *trainer, const TileWork *work, const float *slopes,
                          float *dweights) {
    tile_backward(trainer->net, work->run, work->space,
                  &(TileGradients){ .taps = &(Taps){ .layer = &work->output, .count = 1 },
                                    .gradient = &slopes,
                                    .dweights = dweights });
}

/* The scores' loss and back. */
static void entropy_tile(const Trainer *trainer, const TileWork *work, int worker, size_t piece) {
    const MadeBatch *made = &trainer->made;
    const size_t room = trainer->net->tile * trainer->outputs;
    float *scores = trainer->tiles + 2 * room * (size_t)worker, *slopes = scores + room;
    PieceSums *sums = &trainer->sums[piece];
    forward_tile(trainer, work, made->attacked ? made->attacked : made->x, scores);
    sums->loss +=
        cross_entropy(&(ScoredRows){ scores, work->run->tile.n, trainer->outputs, work->target },
                      &(ScoreSlope){ slopes, 1.0 / (double)trainer->count }, &sums->hits);
    backward_tile(trainer, work, slopes, trainer->parts.vector[piece]);
}

/* The attacked samples' scores; the samples', with both losses, and back; the attacked ones again
 * and back. */
static void trades_tile(const Trainer *trainer, const TileWork *work, int worker, size_t piece) {
    const MadeBatch *made = &trainer->made;
    const size_t room = trainer->net->tile * trainer->outputs, at = 2 * room * (size_t)worker;
    float *clean = trainer->tiles + at, *attacked = made->scores + at;
    float *dweights = trainer->parts.vector[piece];
    PieceSums *sums = &trainer->sums[piece];
    const ScoredRows scored = { clean, work->run->tile.n, trainer->outputs, work->target };
    ScoreSlope slope = { clean + room, 1.0 / (double)trainer->count };
    forward_tile(trainer, work, made->attacked, attacked);
    forward_tile(trainer, work, made->x, clean);
    sums->loss += cross_entropy(&scored, &slope, &sums->hits);
    slope.scale *= trainer->params->trades;
    sums->loss +=
        trainer->params->trades * add_divergence(&scored, attacked, &slope, attacked + room);
    backward_tile(trainer, work, clean + room, dweights);
    TileRun again = *work->run;
    TileWork second = *work;
    again.first = false;
    second.run = &again;
    forward_tile(trainer, &second, made->attacked, attacked);
    backward_tile(trainer, &second, attacked + room, dweights);
}

/* Forward, loss and backward of one tile: its activations never leave the cache. */
static void train_tile(const Trainer *trainer, const TileRun *run, int worker, size_t piece) {
    TileWork work = { .run = run,
                      .space = &trainer->net->workspace[worker],
                      .output = trainer->net->layers - 1 };
    for (size_t i = 0; i < run->tile.n; i++)
        work.target[i] = trainer->target[trainer->order[trainer->first + run->tile.first + i]];
    (trainer->params->trades > 0 ? trades_tile : entropy_tile)(trainer, &work, worker, piece);
}

static void train_piece(void *context, size_t first, size_t last, int worker) {
    Trainer *trainer = context;
    const Network *net = trainer->net;
    const Workspace *space = &net->workspace[worker];
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

/* ---- A batch --------------------------------------------------------------------------------- */

/* What is kept of a batch that is made before its pass. */
static bool allocate_made(Trainer *trainer, size_t batch, Error *err) {
    const TrainParams *params = trainer->params;
    MadeBatch *made = &trainer->made;
    size_t numbers = batch * trainer->samples->features + 1;
    size_t scores = 2 * (size_t)trainer->net->workspaces * trainer->net->tile * trainer->outputs;
    if (!params->adversary)
        return true;
    made->x = malloc(numbers * sizeof *made->x);
    made->y = malloc(batch * sizeof *made->y);
    made->attacked = malloc(numbers * sizeof *made->attacked);
    made->scores = malloc(scores * sizeof *made->scores);
    return (made->x && made->y && made->attacked && made->scores) ||
           error_memory(err, "train", 2 * numbers * sizeof *made->x);
}

bool trainer_allocate_batch(Trainer *trainer, Error *err) {
    const Network *net = trainer->net;
    size_t total = trainer->samples->n, batch = trainer->params->batch;
    size_t tiles = 2 * (size_t)net->workspaces * net->tile * trainer->outputs;
    batch = batch < total ? batch : total;
    if (!gradient_parts_init(&trainer->parts, batch, net->parameters, err))
        return false;
    trainer->sums = malloc(trainer->parts.count * sizeof *trainer->sums);
    trainer->tiles = malloc(tiles * sizeof *trainer->tiles);
    if (!trainer->sums || !trainer->tiles)
        return error_memory(err, "train", tiles * sizeof *trainer->tiles);
    return allocate_made(trainer, batch, err);
}

void trainer_clear_batch(Trainer *trainer) {
    MadeBatch *made = &trainer->made;
    gradient_parts_clear(&trainer->parts);
    free(trainer->sums);
    free(trainer->tiles);
    free(made->x);
    free(made->y);
    free(made->attacked);
    free(made->scores);
}

/* Has an interrupt made it fail? Then there is no step, and training has stopped. */
static bool is_cut_short(Trainer *trainer, const Error *err) {
    trainer->stopped =
        err->kind == ERROR_INTERRUPTED && !progress_step(trainer->params->progress, 0, NULL);
    return trainer->stopped;
}

bool train_batch(Trainer *trainer, double *loss, size_t *hits, Error *err) {
    const GradientParts *parts = &trainer->parts;
    size_t pieces = parallel_pieces(trainer->count, parts->rows);
    if (!network_ready(trainer->net, err))
        return false;
    trainer->seed = rng_fork(&trainer->rng);
    if (!make_batch(trainer, err))
        return is_cut_short(trainer, err);
    trainer->started = progress_clock();
    parallel_for(trainer->count, parts->rows, train_piece, trainer);
    if (atomic_load(&trainer->given_up)) {
        trainer->stopped = !progress_step(trainer->params->progress, 0, NULL);
        return true;
    }
    for (size_t p = 0; p < pieces; p++) {
        *loss += trainer->sums[p].loss;
        *hits += trainer->sums[p].hits;
    }
    sgd_step(&trainer->sgd, (const float *const *)parts->vector, pieces, trainer->net->weights);
    network_weights_changed(trainer->net);
    return true;
}
