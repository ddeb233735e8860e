#include "nn/train.h"

#include "core/error.h"
#include "core/fail.h"
#include "core/fields_json.h"
#include "core/rng.h"
#include "nn/loss.h"
#include "nn/network.h"
#include "nn/network_impl.h"
#include "nn/train_impl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* What does not go together, or without something else. */
static bool check_options(const TrainParams *params, Error *err) {
    const char *wrong = NULL;
    bool outside = params->loss != NULL;
    if (params->adversarial_share < 1 && !params->adversary)
        wrong = "adversarial_share needs an adversary = attack.pgd{ … } for its part of each batch";
    else if (params->trades > 0 && !params->adversary)
        wrong = "trades needs an adversary = attack.pgd{ … }, whose samples are compared with the "
                "clean ones";
    else if (params->trades > 0 && outside)
        wrong = "trades and loss: both say what the loss is, expected one of them";
    else if (params->label_smoothing > 0 && outside)
        wrong = "label_smoothing and loss: smoothing is cross-entropy's, the function has its own";
    else if (params->patience > 0 && !params->validation)
        wrong = "patience needs validation = a dataset, whose loss it waits for";
    else if (params->nesterov && (params->optimizer != OPTIMIZER_SGD || params->momentum == 0))
        wrong = "nesterov needs the optimizer \"sgd\" with a momentum above 0";
    else if (params->shift > 0 && params->augment.shift > 0)
        wrong = "shift is given twice, beside augment and in it";
    if (wrong)
        return error_set(err, ERROR_ARGUMENT, "train: %s", wrong);
    return train_uses(params, "lr_decay", err);
}

static bool check_arguments(const Network *net, const Samples *samples, const TrainParams *params,
                            Error *err) {
    if (net->training)
        return error_set(err, ERROR_ARGUMENT,
                         "train: this net is being trained: a function that its training calls "
                         "cannot train it");
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
    if (augment_needs_image(&params->augment) && net->input.flat)
        return error_set(
            err, ERROR_ARGUMENT,
            "train: augment: shift, crop and flip need images, the net's input is flat");
    return check_options(params, err);
}

bool network_train_divides(const Network *net, const Samples *samples, const TrainParams *params) {
    size_t batch = params->batch < samples->n ? params->batch : samples->n;
    return check_arguments(net, samples, params, NULL) &&
           gradient_parts_of(batch, net->parameters) > 1;
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
    trainer->best = params->patience > 0 ? malloc((net->parameters + 1) * sizeof(float)) : NULL;
    if (!trainer->target || !trainer->order || !trainer->backup ||
        (params->patience > 0 && !trainer->best))
        return error_memory(err, "train", bytes);
    bool has_classes = net->model.classes.count > 0;
    if (!(has_classes ? labels_copy("train", &net->model.classes, &trainer->classes, err)
                      : labels_from("train", samples->y, samples->n, &trainer->classes, err)))
        return false;
    for (size_t i = 0; i < samples->n; i++)
        trainer->order[i] = i;
    memcpy(trainer->backup, net->weights, net->parameters * sizeof(float));
    return find_all_targets(trainer, err) && network_ready(trainer->net, err) &&
           trainer_allocate_batch(trainer, err) &&
           optimizer_init(&trainer->optimizer, net->parameters, err);
}

static void trainer_clear(Trainer *trainer) {
    trainer_clear_batch(trainer);
    free(trainer->target);
    free(trainer->held);
    free(trainer->order);
    free(trainer->backup);
    free(trainer->best);
    labels_clear(&trainer->classes);
    optimizer_clear(&trainer->optimizer);
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
    size_t room = most * (trainer->outputs + (samples->x ? 0 : samples->features)) + 1;
    float *scores = malloc(room * sizeof *scores);
    if (!scores)
        return error_memory(err, "train", room * sizeof *scores);
    Batch all = { samples->x, samples->n,     samples->features,
                  "train",    samples->bytes, scores + most * trainer->outputs };
    bool ok = true;
    size_t at = 0;
    for (; ok && at < samples->n && !progress_interrupt_pending(); at += most) {
        size_t n = samples->n - at < most ? samples->n - at : most;
        Batch batch = batch_rows(&all, at, n);
        ok = network_outputs(net, &batch, &(Taps){ &output, 1, &scores }, err);
        if (ok)
            loss += cross_entropy(
                &(ScoredRows){ scores, n, trainer->outputs, trainer->held + at, 0 }, NULL, &hits);
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
    for (size_t i = 0; samples->x && i < samples->n * samples->features; i++)
        if (!isfinite(samples->x[i]))
            return error_set(err, ERROR_ARGUMENT,
                             "train: sample %zu has a value that is NaN or infinite",
                             i / samples->features + 1);
    return error_set(err, ERROR_ARGUMENT,
                     "train: the loss is no longer finite in epoch %zu; a smaller lr than %g may "
                     "help",
                     epoch, trainer->optimizer.lr);
}

/* One epoch; one that was interrupted is not a row of the history. */
static bool train_epoch(Trainer *trainer, size_t number, struct TrainEpoch *epoch, Error *err) {
    const TrainParams *params = trainer->params;
    size_t total = trainer->samples->n, hits = 0;
    double loss = 0, start = progress_clock();
    trainer->epoch = number;
    trainer->shuffled = trainer->rng;
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
                                  .lr = trainer->optimizer.lr };
    bool ok = trainer->stopped || !trainer->held || validate(trainer, epoch, err);
    epoch->seconds = progress_clock() - start;
    return ok;
}

/* The rate of the epoch after `done` others. */
static double scheduled_rate(const TrainParams *params, size_t done) {
    double lr = params->lr;
    if (params->schedule == TRAIN_COSINE)
        return lr * 0.5 * (1 + cos(acos(-1.0) * (double)done / (double)params->epochs));
    for (size_t e = params->lr_step; params->schedule <= TRAIN_STEP && e <= done;
         e += params->lr_step)
        lr *= params->lr_decay;
    return lr;
}

static bool set_rate(Trainer *trainer, Error *err) {
    const TrainWatch *watch = trainer->params->watch;
    size_t done = trainer->history->epochs;
    double lr = scheduled_rate(trainer->params, done);
    if (watch && watch->rate && !watch->rate(watch->context, done + 1, &lr, err))
        return false;
    trainer->optimizer.lr = lr;
    return true;
}

/* Is the net better than ever? Then its weights are kept; or it has been waited for too long. */
static void look_for_best(Trainer *trainer) {
    TrainHistory *history = trainer->history;
    const Network *net = trainer->net;
    double loss = history->epoch[history->epochs - 1].validation_loss;
    trainer->since++;
    if (history->best == 0 || loss < trainer->best_loss) {
        history->best = history->epochs;
        trainer->best_loss = loss;
        trainer->since = 0;
        memcpy(trainer->best, net->weights, net->parameters * sizeof *trainer->best);
    }
    if (trainer->since >= trainer->params->patience)
        history->ended = TRAIN_PATIENCE;
}

/* After an epoch: is it the last one? The file is written when everybody has been asked. */
static bool end_epoch(Trainer *trainer, Error *err) {
    const TrainWatch *watch = trainer->params->watch;
    TrainHistory *history = trainer->history;
    bool stop = false;
    history->epochs++;
    if (trainer->best)
        look_for_best(trainer);
    if (watch && watch->epoch && !watch->epoch(watch->context, history, &stop, err))
        return false;
    if (stop && history->ended == TRAIN_DONE)
        history->ended = TRAIN_ON_EPOCH;
    return checkpoint_write(trainer, err);
}

/* An interrupt is no failure. */
static bool is_stopped(Trainer *trainer, const Error *err) {
    trainer->stopped = trainer->stopped || err->kind == ERROR_INTERRUPTED;
    return trainer->stopped;
}

static bool train_epochs(Trainer *trainer, Error *err) {
    const TrainParams *params = trainer->params;
    TrainHistory *history = trainer->history;
    double total = (double)trainer->samples->n;
    bool ok = true;
    progress_begin(params->progress, "training", (double)params->epochs * total);
    progress_step(params->progress, (double)history->epochs * total, NULL);
    while (ok && history->epochs < params->epochs && !history->ended && !trainer->stopped) {
        history->at = history->epochs + 1;
        ok = set_rate(trainer, err) &&
             train_epoch(trainer, history->epochs + 1, &history->epoch[history->epochs], err);
        if (ok && !trainer->stopped)
            ok = end_epoch(trainer, err);
        ok = ok || is_stopped(trainer, err);
        /* while it was validated */
        trainer->stopped = trainer->stopped || !progress_step(params->progress, 0, NULL);
    }
    progress_end(params->progress);
    history->interrupted = trainer->stopped;
    return ok;
}

/* With patience the net gets its best weights, unless the user wants it as it is. */
static void take_best(const Trainer *trainer) {
    Network *net = trainer->net;
    if (!trainer->best || trainer->history->best == 0 || trainer->stopped)
        return;
    memcpy(net->weights, trainer->best, net->parameters * sizeof *trainer->best);
    network_weights_changed(net);
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

char *train_augment_text(const TrainParams *params, char text[AUGMENT_TEXT]) {
    size_t used = 0;
    text[0] = '\0';
    for (const Field *field = augment_fields.field; field->name; field++) {
        Value value = field_get(field, &params->augment);
        if (value.number[0] > 0 && used < AUGMENT_TEXT)
            used += (size_t)snprintf(text + used, AUGMENT_TEXT - used, "%s%s %g", used ? ", " : "",
                                     field->name, value.number[0]);
    }
    if (params->change && used < AUGMENT_TEXT)
        snprintf(text + used, AUGMENT_TEXT - used, "%sa function", used ? ", " : "");
    return text;
}

/* NULL without memory. */
static cJSON *make_record(const Trainer *trainer, const TrainHistory *history) {
    const TrainParams *params = trainer->params;
    char text[AUGMENT_TEXT];
    JsonTree tree;
    JsonNode record = json_begin(&tree);
    if (params->source)
        json_string(record, "source", params->source);
    json_number(record, "samples", (double)trainer->samples->n);
    fields_write_json(train_fields.field, params, record);
    if (params->adversary)
        json_string(record, "adversary", params->adversary->text);
    if (params->change || augment_is_any(&params->augment))
        json_string(record, "augment", train_augment_text(params, text));
    if (params->loss)
        json_string(record, "loss_function", "a function");
    if (params->watch && params->watch->rate)
        json_string(record, "lr_function", "a function");
    fields_write_json(net_seed, trainer->net, record);
    json_number(record, "epochs_finished", (double)history->epochs);
    if (history->best > 0)
        json_number(record, "best_epoch", (double)history->best);
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
    if (trainer->lent)
        labels_clear(&net->model.classes);
}

/* A net that is attacked on the way is a model by then, with classes. */
static bool lend_classes(Trainer *trainer, Error *err) {
    Model *model = &trainer->net->model;
    trainer->lent =
        model->classes.count == 0 && (trainer->params->adversary || trainer->params->watch);
    return !trainer->lent || labels_copy("train", &trainer->classes, &model->classes, err);
}

static bool train(Trainer *trainer, Error *err) {
    Network *net = trainer->net;
    if (trainer->params->anew)
        network_draw_weights(net, net->seed);
    bool ok =
        lend_classes(trainer, err) && checkpoint_resume(trainer, err) && train_epochs(trainer, err);
    if (ok)
        take_best(trainer);
    ok = ok && check_weights(net, trainer->params, err) && accept(trainer, trainer->history, err);
    if (!ok)
        restore(trainer);
    return ok;
}

static Optimizer optimizer_of(const TrainParams *params) {
    return (Optimizer){ .kind = params->optimizer,
                        .lr = params->lr,
                        .momentum = params->momentum,
                        .weight_decay = params->weight_decay,
                        .nesterov = params->nesterov,
                        .beta1 = params->beta1,
                        .beta2 = params->beta2,
                        .epsilon = params->epsilon,
                        .clip = params->clip };
}

TrainHistory *network_train(Network *net, const Samples *samples, const TrainParams *params,
                            Error *err) {
    TrainParams own = *params;
    Trainer trainer = {
        .net = net, .samples = samples, .params = &own, .optimizer = optimizer_of(params)
    };
    if (!check_arguments(net, samples, params, err))
        return NULL;
    if (params->any_seed && params->checkpoint)
        checkpoint_seed(params->checkpoint, &own.seed);
    size_t bytes = sizeof(TrainHistory) + params->epochs * sizeof(struct TrainEpoch);
    TrainHistory *history = trainer.history = calloc(1, bytes);
    model_retain(&net->model); /* a function from outside may let go of it */
    net->training = true;
    bool ok = history ? trainer_init(&trainer, err) && train(&trainer, err)
                      : error_memory(err, "train", bytes);
    trainer_clear(&trainer);
    net->training = false;
    model_release(&net->model);
    if (ok)
        return history;
    free(history);
    return NULL;
}

bool network_assist(Network *net, const Samples *samples, const TrainParams *params,
                    size_t *batches, Error *err) {
    Trainer trainer = {
        .net = net, .samples = samples, .params = params, .optimizer = optimizer_of(params)
    };
    if (!check_arguments(net, samples, params, err))
        return false;
    bool ok = trainer_init(&trainer, err);
    if (ok)
        *batches = crew_assist(&trainer);
    trainer_clear(&trainer);
    return ok;
}

const char *const train_ends[] = { NULL, "patience", "on_epoch" };

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
