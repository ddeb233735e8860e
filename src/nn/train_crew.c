/* train_crew.c — batches that are divided among processes (TrainCrew). The first has the training:
 * where it orders a batch it sends its weights with it, all do the pieces that are theirs, each
 * adds up a share of the weights' gradient over all pieces in their order, and the first gets the
 * shares. So the sum's bits are those of one process, and the others need to know nothing of
 * optimizers, schedules and epochs.
 *
 * As the bits do not depend on who does what, the first also looks now and then what is quicker: a
 * small net's batch is done before the others know of it. */
#include "core/denormals.h"
#include "core/fail.h"
#include "core/parallel.h"
#include "core/simd.h"
#include "nn/network.h"
#include "nn/network_impl.h"
#include "nn/train.h"
#include "nn/train_impl.h"

#include <math.h>
#include <stdlib.h>

typedef struct Order {
    size_t first, count, epoch;
    uint64_t seed;
    Rng shuffled;
} Order;

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

bool crew_allocate(Trainer *trainer, Error *err) {
    CrewPart *part = &trainer->crew;
    if (!trainer->params->crew)
        return true;
    size_t places = (size_t)trainer->params->crew->count + 1;
    part->piece = calloc(places, sizeof *part->piece);
    part->column = calloc(places, sizeof *part->column);
    return (part->piece && part->column) || error_memory(err, "train", 2 * places * sizeof(size_t));
}

void crew_clear(Trainer *trainer) {
    free(trainer->crew.piece);
    free(trainer->crew.column);
}

/* Divide the batch, and get its weights. */
static void divide(Trainer *trainer) {
    const TrainCrew *crew = trainer->params->crew;
    CrewPart *part = &trainer->crew;
    size_t rows = trainer->parts.rows, pieces = parallel_pieces(trainer->count, rows);
    size_t own = (size_t)crew->own, count = (size_t)crew->count;
    for (size_t r = 0; r <= count; r++) {
        part->piece[r] = pieces * r / count;
        part->column[r] = trainer->net->parameters * r / count;
    }
    trainer->from = part->piece[own] * rows;
    trainer->until = least(part->piece[own + 1] * rows, trainer->count);
    part->at_work = true;
    crew->broadcast(trainer->net->weights, trainer->net->parameters * sizeof(float));
}

/* ---- The first -------------------------------------------------------------------------------
 */

/* Of so many batches the first ones are tried together. From then on it is as is quicker, while it
 * stays so. */
enum { LOOK_AGAIN = 1024, TRIED = 2 };

static bool pays(const CrewPart *part) {
    return part->batches % LOOK_AGAIN < TRIED || part->together < part->alone;
}

/* What the batch would have taken alone: all pieces as long as ours, as many at a time as there are
 * threads. Where none is ours there is nothing to reckon by. */
static double alone_by_own(const Trainer *trainer, double seconds) {
    const CrewPart *part = &trainer->crew;
    size_t threads = (size_t)parallel_threads(), all = part->piece[trainer->params->crew->count];
    double turns = (double)parallel_pieces(all, threads),
           own = (double)parallel_pieces(part->piece[1], threads);
    return own > 0 ? seconds - part->shared + part->own * turns / own : INFINITY;
}

void crew_begin(Trainer *trainer) {
    const TrainCrew *crew = trainer->params->crew;
    CrewPart *part = &trainer->crew;
    trainer->from = 0;
    trainer->until = trainer->count;
    part->at_work = false;
    if (!crew || parallel_pieces(trainer->count, trainer->parts.rows) < 2 || !pays(part))
        return;
    const Order order = { trainer->first, trainer->count, trainer->epoch, trainer->seed,
                          trainer->shuffled };
    part->ordered = progress_clock();
    crew->order(&order, sizeof order);
    divide(trainer);
    part->begun = progress_clock();
}

void crew_measure(Trainer *trainer, double seconds) {
    CrewPart *part = &trainer->crew;
    if (trainer->count < least(trainer->params->batch, trainer->samples->n))
        return; /* it would not compare */
    size_t number = part->batches++ % LOOK_AGAIN;
    if (number == 0)
        part->alone = part->together = INFINITY;
    double *time = part->at_work ? &part->together : &part->alone;
    if (number < TRIED)
        *time = fmin(*time, seconds);
    else /* where processors are not free, who waits for others waits long */
        *time += (seconds - *time) / 8;
    if (number < TRIED && part->at_work)
        part->alone = fmin(part->alone, alone_by_own(trainer, seconds));
}

/* ---- All of them ----------------------------------------------------------------------------- */

enum { BLOCK = 1024, PIECE = 8 * BLOCK };

SIMD_CLONES
static void add_block(const Trainer *trainer, size_t first, size_t count) {
    float *const *vector = trainer->parts.vector;
    size_t pieces = trainer->crew.piece[trainer->params->crew->count];
    float *sum = vector[0] + first;
    for (size_t i = 0; i < count; i++)
        sum[i] += 0.0f; /* as the optimizer adds to 0: none is -0 */
    for (size_t p = 1; p < pieces; p++)
        for (size_t i = 0; i < count; i++)
            sum[i] += vector[p][first + i];
}

static void add_some(void *context, size_t first, size_t last, int worker) {
    const Trainer *trainer = context;
    size_t at = trainer->crew.column[trainer->params->crew->own];
    DenormalMode caller = denormals_flush();
    (void)worker;
    for (; first < last; first += BLOCK)
        add_block(trainer, at + first, least(last - first, BLOCK));
    denormals_restore(caller);
}

void crew_end(Trainer *trainer) {
    const TrainCrew *crew = trainer->params->crew;
    CrewPart *part = &trainer->crew;
    float *const *vector = trainer->parts.vector;
    if (!part->at_work) /* else there are two pieces at least */
        return;
    part->own = progress_clock() - part->begun;
    crew->gather(trainer->sums, part->piece, sizeof *trainer->sums);
    crew->turn(vector[0], (size_t)(vector[1] - vector[0]), part->piece, part->column);
    parallel_for(part->column[crew->own + 1] - part->column[crew->own], PIECE, add_some, trainer);
    crew->gather(vector[0], part->column, sizeof(float));
    part->shared = progress_clock() - part->ordered;
}

/* ---- The others ------------------------------------------------------------------------------
 */

size_t crew_assist(Trainer *trainer) {
    const TrainCrew *crew = trainer->params->crew;
    Network *net = trainer->net;
    size_t batches = 0;
    Order order;
    trainer->started = INFINITY; /* only the first may give up a batch */
    crew->ready();
    for (; crew->await(&order, sizeof order); batches++) {
        trainer->first = order.first;
        trainer->count = order.count;
        trainer->seed = order.seed;
        if (order.epoch != trainer->epoch && trainer->params->shuffle)
            rng_permutation(&order.shuffled, trainer->samples->n, trainer->order);
        trainer->epoch = order.epoch;
        divide(trainer);
        network_weights_changed(net);
        network_ready(net, NULL); /* only to prepare the weights: there is a workspace */
        trainer_do_pieces(trainer);
        crew_end(trainer);
    }
    return batches;
}
