#include "nn/train.h"

#include "core/fail.h"
#include "core/fields_json.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "nn/gradient_parts.h"
#include "nn/layout.h"
#include "nn/loss.h"
#include "nn/network.h"
#include "nn/network_impl.h"
#include "nn/sgd.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is added up over one piece of a batch, beside its gradient. */
typedef struct PieceSums {
    double loss;
    size_t hits;
} PieceSums;

typedef struct Trainer {
    Network *net;
    const Samples *samples;
    const TrainParams *params;
    size_t outputs;
    int32_t *target;     /* the column of each sample's label */
    int32_t *held;       /* the same of the validation samples, or NULL */
    size_t *order;       /* of this epoch */
    GradientParts parts; /* of a batch: its pieces' gradients, … */
    PieceSums *sums;     /* … and their other sums */
    float *tiles;        /* for each worker a tile's scores and their slopes */
    Sgd sgd;
    Rng rng;
    float *backup;  /* the weights before */
    Labels classes; /* the net's, or of the samples where it has none yet */
    bool stopped;   /* by an interrupt */
    /* the present batch: */
    double started;
    atomic_bool given_up;
    size_t first, count;
    uint64_t seed;
} Trainer;

/* ---- A batch --------------------------------------------------------------------------------- */

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

/* The tile's samples, in the layers' order, into `input`; its labels' columns into target. */
static void gather_tile(const Trainer *trainer, const Tile *tile, float *moved, float *input,
                        int32_t *target) {
    Shape shape = trainer->net->input;
    size_t size = shape_size(shape), shift = trainer->params->shift;
    for (size_t i = 0; i < tile->n; i++) {
        size_t sample = trainer->order[trainer->first + tile->first + i];
        const float *row = trainer->samples->x + sample * size;
        target[i] = trainer->target[sample];
        if (shift > 0) {
            Rng rng;
            rng_seed_part(&rng, trainer->seed, tile->first + i);
            ptrdiff_t dy = (ptrdiff_t)rng_below(&rng, 2 * shift + 1) - (ptrdiff_t)shift;
            ptrdiff_t dx = (ptrdiff_t)rng_below(&rng, 2 * shift + 1) - (ptrdiff_t)shift;
            shift_image(shape, row, dy, dx, moved);
            row = moved;
        }
        layout_to_inner(shape, 1, row, input + i * size);
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
    gather_tile(trainer, &run->tile, space->gradient[0], tile_activation(net, run, 0), target);
    tile_forward(net, run, &taps);
    sums->loss += cross_entropy(&(ScoredRows){ scores, run->tile.n, trainer->outputs, target },
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

/* One step of SGD; the batch's summed loss and hits are added to *loss and *hits. A large batch
 * may be given up after an interrupt: there is no step, and training has stopped. */
static bool train_batch(Trainer *trainer, double *loss, size_t *hits, Error *err) {
    const GradientParts *parts = &trainer->parts;
    size_t pieces = parallel_pieces(trainer->count, parts->rows);
    if (!network_ready(trainer->net, err))
        return false;
    trainer->seed = rng_fork(&trainer->rng);
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

/* ---- Setting up ------------------------------------------------------------------------------ */

/* Columns of the samples' labels. */
static bool find_targets(const Network *net, const Labels *classes, const Samples *samples,
                         int32_t *target, Error *err) {
    size_t outputs = shape_size(net->layer[net->layers - 1]->out);
    if (classes->count != outputs)
        return error_set(
            err, ERROR_ARGUMENT, "train: the samples have %zu classes, the net %zu outputs%s",
            classes->count, outputs,
            classes->count < outputs ? "; nn.new{ classes = … } says what they are" : "");
    for (size_t i = 0; i < samples->n; i++) {
        ptrdiff_t column = labels_find(classes, samples->y[i]);
        if (column < 0)
            return error_set(err, ERROR_ARGUMENT, "train: label %d is not among the net's classes",
                             (int)samples->y[i]);
        target[i] = (int32_t)column;
    }
    return true;
}

/* Of the validation samples too: after an epoch would be late to refuse a label. */
static bool find_all_targets(Trainer *trainer, Error *err) {
    const Samples *held = trainer->params->validation;
    size_t count = held ? held->n : 0;
    if (!find_targets(trainer->net, &trainer->classes, trainer->samples, trainer->target, err))
        return false;
    if (count == 0)
        return true;
    trainer->held = malloc(count * sizeof *trainer->held);
    if (!trainer->held)
        return error_memory(err, "train", count * sizeof *trainer->held);
    if (find_targets(trainer->net, &trainer->classes, held, trainer->held, err))
        return true;
    error_prefix(err, "validation");
    return false;
}

static bool check_arguments(const Network *net, const Samples *samples, const TrainParams *params,
                            Error *err) {
    if (samples->n == 0)
        return error_set(err, ERROR_ARGUMENT, "train: the dataset is empty");
    if (samples->features != net->model.features)
        return error_set(err, ERROR_ARGUMENT, "train: samples have %zu features, the net takes %zu",
                         samples->features, net->model.features);
    if (params->validation && params->validation->features != samples->features)
        return error_set(err, ERROR_ARGUMENT,
                         "train: validation samples have %zu features, the net takes %zu",
                         params->validation->features, samples->features);
    if (params->shift > 0 && net->input.flat)
        return error_set(err, ERROR_ARGUMENT, "train: shift needs images, the net's input is flat");
    return true;
}

/* After network_ready, which sees to the workspaces. */
static bool allocate_sums(Trainer *trainer, Error *err) {
    const Network *net = trainer->net;
    size_t total = trainer->samples->n, batch = trainer->params->batch;
    size_t tiles = 2 * (size_t)net->workspaces * net->tile * trainer->outputs;
    if (!gradient_parts_init(&trainer->parts, batch < total ? batch : total, net->parameters, err))
        return false;
    trainer->sums = malloc(trainer->parts.count * sizeof *trainer->sums);
    trainer->tiles = malloc(tiles * sizeof *trainer->tiles);
    return (trainer->sums && trainer->tiles) ||
           error_memory(err, "train", tiles * sizeof *trainer->tiles);
}

static bool trainer_init(Trainer *trainer, Error *err) {
    const Network *net = trainer->net;
    const Samples *samples = trainer->samples;
    const TrainParams *params = trainer->params;
    trainer->outputs = shape_size(net->layer[net->layers - 1]->out);
    rng_seed(&trainer->rng, params->seed);
    size_t bytes =
        samples->n * (sizeof(int32_t) + sizeof(size_t)) + net->parameters * sizeof(float);
    trainer->target = malloc(samples->n * sizeof(int32_t));
    trainer->order = malloc(samples->n * sizeof(size_t));
    trainer->backup = malloc((net->parameters + 1) * sizeof(float));
    if (!trainer->target || !trainer->order || !trainer->backup)
        return error_memory(err, "train", bytes);
    bool has_classes = net->model.classes.count > 0;
    if (!(has_classes ? labels_copy("train", &net->model.classes, &trainer->classes, err)
                      : labels_from("train", samples->y, samples->n, &trainer->classes, err)))
        return false;
    for (size_t i = 0; i < samples->n; i++)
        trainer->order[i] = i;
    memcpy(trainer->backup, net->weights, net->parameters * sizeof(float));
    return find_all_targets(trainer, err) && network_ready(trainer->net, err) &&
           allocate_sums(trainer, err) && sgd_init(&trainer->sgd, net->parameters, err);
}

static void trainer_clear(Trainer *trainer) {
    gradient_parts_clear(&trainer->parts);
    free(trainer->sums);
    free(trainer->tiles);
    free(trainer->target);
    free(trainer->held);
    free(trainer->order);
    free(trainer->backup);
    labels_clear(&trainer->classes);
    sgd_clear(&trainer->sgd);
}

/* ---- Epochs ---------------------------------------------------------------------------------- */

/* Validation samples are scored some at a time, so that their outputs take little memory and an
 * interrupt is seen: it leaves the epoch without validation figures. */
enum { VALIDATION_BATCH = 2000 };

static bool validate(Trainer *trainer, struct TrainEpoch *epoch, Error *err) {
    const Samples *samples = trainer->params->validation;
    Network *net = trainer->net;
    size_t output = net->layers - 1, hits = 0;
    size_t most = samples->n < VALIDATION_BATCH ? samples->n : VALIDATION_BATCH;
    double loss = 0;
    float *scores = malloc((most * trainer->outputs + 1) * sizeof *scores);
    if (!scores)
        return error_memory(err, "train", most * trainer->outputs * sizeof *scores);
    bool ok = true;
    size_t at = 0;
    for (; ok && at < samples->n && !progress_interrupt_pending(); at += most) {
        size_t n = samples->n - at < most ? samples->n - at : most;
        Batch batch = { samples->x + at * samples->features, n, samples->features, "train" };
        ok = network_outputs(net, &batch, &(Taps){ &output, 1, &scores }, err);
        if (ok)
            loss += cross_entropy(&(ScoredRows){ scores, n, trainer->outputs, trainer->held + at },
                                  NULL, &hits);
    }
    free(scores);
    if (!ok || at < samples->n)
        return ok;
    epoch->validation_loss = loss / (double)samples->n;
    epoch->validation_accuracy = (double)hits / (double)samples->n;
    return true;
}

/* The loss is not finite: a sample's fault, or that of too long steps. */
static bool blame_loss(const Trainer *trainer, size_t epoch, Error *err) {
    const Samples *samples = trainer->samples;
    for (size_t i = 0; i < samples->n * samples->features; i++)
        if (!isfinite(samples->x[i]))
            return error_set(err, ERROR_ARGUMENT,
                             "train: sample %zu has a value that is NaN or infinite",
                             i / samples->features + 1);
    return error_set(err, ERROR_ARGUMENT,
                     "train: the loss is no longer finite in epoch %zu; a smaller lr than %g may "
                     "help",
                     epoch, trainer->sgd.lr);
}

/* One epoch; one that was interrupted is not a row of the history. */
static bool train_epoch(Trainer *trainer, size_t number, struct TrainEpoch *epoch, Error *err) {
    const TrainParams *params = trainer->params;
    size_t total = trainer->samples->n, hits = 0;
    double loss = 0, start = progress_clock();
    if (params->shuffle)
        rng_permutation(&trainer->rng, total, trainer->order);
    for (size_t at = 0; at < total && !trainer->stopped; at += params->batch) {
        char detail[96];
        trainer->first = at;
        trainer->count = total - at < params->batch ? total - at : params->batch;
        if (!train_batch(trainer, &loss, &hits, err))
            return false;
        if (trainer->stopped)
            break;
        if (!isfinite(loss))
            return blame_loss(trainer, number, err);
        double seen = (double)(at + trainer->count);
        snprintf(detail, sizeof detail, "epoch %zu/%zu  loss %.4f  acc %.2f %%", number,
                 params->epochs, loss / seen, 100.0 * (double)hits / seen);
        trainer->stopped = !progress_step(params->progress, (double)trainer->count, detail);
    }
    *epoch = (struct TrainEpoch){ .loss = loss / (double)total,
                                  .accuracy = (double)hits / (double)total,
                                  .validation_loss = NAN,
                                  .validation_accuracy = NAN,
                                  .lr = trainer->sgd.lr };
    bool ok = trainer->stopped || !trainer->held || validate(trainer, epoch, err);
    epoch->seconds = progress_clock() - start;
    return ok;
}

static bool train_epochs(Trainer *trainer, TrainHistory *history, Error *err) {
    const TrainParams *params = trainer->params;
    bool ok = true;
    progress_begin(params->progress, "training",
                   (double)params->epochs * (double)trainer->samples->n);
    for (size_t e = 0; e < params->epochs && ok && !trainer->stopped; e++) {
        if (e > 0 && e % params->lr_step == 0)
            trainer->sgd.lr *= params->lr_decay;
        ok = train_epoch(trainer, e + 1, &history->epoch[e], err);
        history->epochs += ok && !trainer->stopped;
        /* while it was validated */
        trainer->stopped = trainer->stopped || !progress_step(params->progress, 0, NULL);
    }
    progress_end(params->progress);
    history->interrupted = trainer->stopped;
    return ok;
}

/* The last step's weights have not been seen by any loss. */
static bool check_weights(const Network *net, const TrainParams *params, Error *err) {
    for (size_t i = 0; i < net->parameters; i++)
        if (!isfinite(net->weights[i]))
            return error_set(err, ERROR_ARGUMENT,
                             "train: the weights are no longer finite; a smaller lr than %g may "
                             "help",
                             params->lr);
    return true;
}

/* ---- The record ------------------------------------------------------------------------------ */

static const Field net_seed[] = {
    { "net_seed", FIELD_SEED, offsetof(Network, seed), .meaning = "of the first weights" },
    { .name = NULL },
};

/* NULL without memory. */
static cJSON *make_record(const Trainer *trainer, const TrainHistory *history) {
    const TrainParams *params = trainer->params;
    JsonTree tree;
    JsonNode record = json_begin(&tree);
    if (params->source)
        json_string(record, "source", params->source);
    json_number(record, "samples", (double)trainer->samples->n);
    fields_write_json(train_fields.field, params, record);
    fields_write_json(net_seed, trainer->net, record);
    json_number(record, "epochs_finished", (double)history->epochs);
    if (history->epochs > 0) {
        const struct TrainEpoch *last = &history->epoch[history->epochs - 1];
        json_number(record, "loss", last->loss);
        json_number(record, "accuracy", last->accuracy);
    }
    return json_end(&tree);
}

static bool accept(Trainer *trainer, const TrainHistory *history, Error *err) {
    Network *net = trainer->net;
    cJSON *record = make_record(trainer, history);
    if (!record)
        return error_memory(err, "train", 1024);
    labels_clear(&net->model.classes);
    net->model.classes = trainer->classes;
    trainer->classes = (Labels){ 0 };
    cJSON_Delete(net->record);
    net->record = record;
    return true;
}

static void restore(const Trainer *trainer) {
    Network *net = trainer->net;
    memcpy(net->weights, trainer->backup, net->parameters * sizeof(float));
    network_weights_changed(net);
}

static bool train(Trainer *trainer, TrainHistory *history, Error *err) {
    Network *net = trainer->net;
    if (trainer->params->anew)
        network_draw_weights(net, net->seed);
    bool ok = train_epochs(trainer, history, err) && check_weights(net, trainer->params, err) &&
              accept(trainer, history, err);
    if (!ok)
        restore(trainer);
    return ok;
}

TrainHistory *network_train(Network *net, const Samples *samples, const TrainParams *params,
                            Error *err) {
    Trainer trainer = { .net = net, .samples = samples, .params = params };
    trainer.sgd = (Sgd){ .lr = params->lr,
                         .momentum = params->momentum,
                         .weight_decay = params->weight_decay };
    if (!check_arguments(net, samples, params, err))
        return NULL;
    size_t bytes = sizeof(TrainHistory) + params->epochs * sizeof(struct TrainEpoch);
    TrainHistory *history = calloc(1, bytes);
    bool ok = history ? trainer_init(&trainer, err) && train(&trainer, history, err)
                      : error_memory(err, "train", bytes);
    trainer_clear(&trainer);
    if (ok)
        return history;
    free(history);
    return NULL;
}

#define COLUMN(name, validation)                                                                   \
    { #name, offsetof(struct TrainEpoch, name), validation }
const TrainColumn train_columns[] = {
    COLUMN(loss, false),    COLUMN(accuracy, false),       COLUMN(lr, false),
    COLUMN(seconds, false), COLUMN(validation_loss, true), COLUMN(validation_accuracy, true),
    { .name = NULL },
};
#undef COLUMN

double train_number(const TrainHistory *history, const TrainColumn *column, size_t epoch) {
    return *(const double *)((const char *)&history->epoch[epoch] + column->offset);
}

const cJSON *network_record(const Network *net) {
    return net->record;
}

TrainParams *network_fit_params(Network *net) {
    return &net->params;
}
