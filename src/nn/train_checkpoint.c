/* train_checkpoint.c — a training in a file, so that it can be cut off at any time and resumed with
 * the same bits: a safetensors file with
 *
 *     weights, moment, square, best   as they are in memory (moment and square: the optimizer's)
 *     history                         epochs × the numbers of a TrainEpoch, float64
 *     numbers                         steps of the optimizer, best_loss, best, since, ended
 *
 * and in its texts the generator's state, the seed, and what the training is of: the net, the
 * samples by their bits, the options. It is written after every epoch; what an epoch in between had
 * done is done again. */
#include "core/array.h"
#include "core/bytes.h"
#include "core/error.h"
#include "core/fail.h"
#include "core/fields_json.h"
#include "core/file.h"
#include "core/hash.h"
#include "data/safetensors.h"
#include "nn/network.h"
#include "nn/network_impl.h"
#include "nn/optimizer.h"
#include "nn/train.h"
#include "nn/train_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EPOCH_NUMBERS = sizeof(struct TrainEpoch) / sizeof(double), NUMBERS = 5 };

/* ---- What it is of --------------------------------------------------------------------------- */

/* The same however they are stored. */
static uint64_t rows_hash(const Samples *samples) {
    size_t total = samples->n * samples->features;
    return samples->x ? hash_bytes(samples->x, total * sizeof *samples->x)
                      : bytes_hash(hash_bytes("", 0), samples->bytes, total);
}

static void samples_text(const Samples *samples, char text[40]) {
    uint64_t hash = 0;
    if (samples) {
        hash = rows_hash(samples);
        hash = hash_more(hash, samples->y, samples->n * sizeof *samples->y);
    }
    snprintf(text, 40, "%zu %016" PRIx64, samples ? samples->n : 0, hash);
}

static void code_string(JsonNode root, const char *name, const char *code, const char *otherwise) {
    json_string(root, name, code ? code : otherwise);
}

/* What must be the same for a training to go on; NULL without memory. That is not the number of
 * epochs, unless their rates follow from it. */
static char *identity(const Trainer *trainer) {
    const TrainParams *params = trainer->params;
    const TrainCode none = { 0 }, *code = params->code ? params->code : &none;
    TrainParams options = *params;
    char data[40], augment[AUGMENT_TEXT];
    JsonTree tree;
    JsonNode root = json_begin(&tree);
    cJSON *net = network_describe(trainer->net);
    cJSON_DeleteItemFromObject(net, "classes"); /* it may not have them yet */
    json_item(root, "net", net);
    samples_text(trainer->samples, data);
    json_string(root, "samples", data);
    samples_text(params->validation, data);
    json_string(root, "validation", data);
    code_string(root, "adversary", code->adversary,
                params->adversary ? params->adversary->text : "none");
    code_string(root, "augment", code->augment, train_augment_text(params, augment));
    code_string(root, "loss", code->loss, params->loss ? "a function" : "cross-entropy");
    bool rate = params->watch && params->watch->rate;
    code_string(root, "rate", code->rate, rate ? "a function" : "a schedule");
    if (code->layers)
        json_string(root, "code of layers", code->layers);
    options.epochs = 0;
    fields_write_json(train_fields.field, &options, json_object(root, "options"));
    if (!rate && params->schedule == TRAIN_COSINE)
        json_number(root, "epochs", (double)params->epochs);
    return json_end_text(&tree);
}

/* Which part of two identities differs; NULL: none does. */
static const char *difference(const cJSON *here, const cJSON *there) {
    const cJSON *item;
    cJSON_ArrayForEach(item, here) {
        const cJSON *other = cJSON_GetObjectItemCaseSensitive(there, item->string);
        if (cJSON_Compare(item, other, true))
            continue;
        const char *inner = strcmp(item->string, "options") == 0 ? difference(item, other) : NULL;
        return inner ? inner : strcmp(item->string, "rate") == 0 ? "lr" : item->string;
    }
    return NULL;
}

/* Both parsed; they came as texts. */
static bool check_identity(const Trainer *trainer, const char *there, Error *err) {
    const char *path = trainer->params->checkpoint;
    char *here = identity(trainer);
    cJSON *own = here ? json_parse("train", here, JSON_DESCRIPTION, err) : NULL;
    cJSON *other = there ? json_parse(path, there, JSON_DESCRIPTION, err) : NULL;
    const char *name = own && other ? difference(own, other) : NULL;
    bool ok = own && other && !name;
    if (!here)
        error_memory(err, "train", 0);
    else if (!there)
        error_set(err, ERROR_FILE, "train: checkpoint: %s is none of a training", path);
    else if (name)
        error_set(err, ERROR_ARGUMENT,
                  "train: checkpoint: %s is of another training: not the same %s%s; give what it "
                  "began with, or another file",
                  path, name,
                  strcmp(name, "epochs") == 0 ? ", which a cosine's rates follow from" : "");
    cJSON_Delete(own);
    cJSON_Delete(other);
    cJSON_free(here);
    return ok;
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* Numbers under a name; values of NULL are not there with these options. */
typedef struct Part {
    const char *name;
    DType dtype;
    void *values;
    size_t count;
} Part;

/* What has a number for every weight. */
enum { VECTORS = 4 };
static void vectors_of(const Trainer *trainer, Part part[VECTORS]) {
    const Optimizer *optimizer = &trainer->optimizer;
    size_t count = trainer->net->parameters;
    part[0] = (Part){ "weights", DTYPE_F32, trainer->net->weights, count };
    part[1] = (Part){ "moment", DTYPE_F32, optimizer->moment, count };
    part[2] = (Part){ "square", DTYPE_F32, optimizer->square, count };
    part[3] = (Part){ "best", DTYPE_F32, trainer->best, count };
}

static bool add(Tensors *tensors, const Part *part, Error *err) {
    const TensorValues values = { part->dtype, part->values, 1, &part->count };
    return !part->values ||
           tensors_add_values(tensors, (TensorName){ NULL, part->name }, &values, err);
}

static bool add_numbers(const Trainer *trainer, Tensors *tensors, Error *err) {
    TrainHistory *history = trainer->history;
    double numbers[NUMBERS] = { trainer->optimizer.steps, trainer->best_loss, (double)history->best,
                                (double)trainer->since, history->ended };
    const Part rows = { "history", DTYPE_F64, history->epoch, history->epochs * EPOCH_NUMBERS };
    const Part single = { "numbers", DTYPE_F64, numbers, NUMBERS };
    return add(tensors, &rows, err) && add(tensors, &single, err);
}

static bool add_texts(const Trainer *trainer, Tensors *tensors, Error *err) {
    char *text = identity(trainer), state[80], seed[24];
    const uint64_t *s = trainer->rng.state;
    snprintf(state, sizeof state, "%016" PRIx64 " %016" PRIx64 " %016" PRIx64 " %016" PRIx64, s[0],
             s[1], s[2], s[3]);
    snprintf(seed, sizeof seed, "%" PRIu64, trainer->params->seed);
    bool ok = text ? tensors_set_text(tensors, "perigee.training", text, err) &&
                         tensors_set_text(tensors, "perigee.generator", state, err) &&
                         tensors_set_text(tensors, "perigee.seed", seed, err)
                   : error_memory(err, "train", 0);
    cJSON_free(text);
    return ok;
}

bool checkpoint_write(const Trainer *trainer, Error *err) {
    Part vector[VECTORS];
    Tensors tensors;
    bool ok = true;
    if (!trainer->params->checkpoint)
        return true;
    tensors_init(&tensors);
    vectors_of(trainer, vector);
    for (int i = 0; ok && i < VECTORS; i++)
        ok = add(&tensors, &vector[i], err);
    ok = ok && add_numbers(trainer, &tensors, err) && add_texts(trainer, &tensors, err) &&
         tensors_save(&tensors, trainer->params->checkpoint, err);
    tensors_clear(&tensors);
    if (!ok)
        error_prefix(err, "train: checkpoint");
    return ok;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static bool take(const Tensors *tensors, const Part *part, Error *err) {
    if (!part->values)
        return true;
    const Array *a = tensors_require(tensors, (TensorName){ NULL, part->name },
                                     (TensorForm){ part->dtype, 1 }, err);
    if (!a)
        return false;
    if (array_size(a) != part->count)
        return error_set(err, ERROR_FILE, "%s has %zu numbers, expected %zu", part->name,
                         array_size(a), part->count);
    memcpy(part->values, a->data, array_bytes(a));
    return true;
}

static bool take_history(const Trainer *trainer, const Tensors *tensors, Error *err) {
    TrainHistory *history = trainer->history;
    const Array *rows = tensors_require(tensors, (TensorName){ NULL, "history" },
                                        (TensorForm){ DTYPE_F64, 1 }, err);
    if (!rows)
        return false;
    size_t count = array_size(rows), epochs = count / EPOCH_NUMBERS;
    if (count % EPOCH_NUMBERS != 0)
        return error_set(err, ERROR_FILE, "history has %zu numbers: not those of epochs", count);
    if (epochs > trainer->params->epochs)
        return error_set(err, ERROR_ARGUMENT,
                         "it has %zu epochs already, expected epochs of %zu or more, got %zu",
                         epochs, epochs, trainer->params->epochs);
    memcpy(history->epoch, rows->data, array_bytes(rows));
    history->epochs = epochs;
    return true;
}

static bool take_numbers(Trainer *trainer, const Tensors *tensors, Error *err) {
    TrainHistory *history = trainer->history;
    double numbers[NUMBERS];
    if (!take(tensors, &(Part){ "numbers", DTYPE_F64, numbers, NUMBERS }, err))
        return false;
    double epochs = (double)history->epochs;
    for (int i = 0; i < NUMBERS; i++)
        if (i != 1 && !(numbers[i] >= 0 && numbers[i] <= (i == 0 ? 1e15 : i == 4 ? 2 : epochs)))
            return error_set(err, ERROR_FILE, "number %d is out of range", i + 1);
    trainer->optimizer.steps = numbers[0];
    trainer->best_loss = numbers[1];
    history->best = (size_t)numbers[2];
    trainer->since = (size_t)numbers[3];
    history->ended = (int)numbers[4];
    if (history->ended == TRAIN_ON_EPOCH && history->epochs < trainer->params->epochs)
        history->ended = TRAIN_DONE; /* that stop was for the time being */
    return true;
}

static bool take_generator(Trainer *trainer, const Tensors *tensors, Error *err) {
    const char *text = tensors_text(tensors, "perigee.generator");
    uint64_t *s = trainer->rng.state;
    // NOLINTNEXTLINE(cert-err34-c): 64 bits of any kind are a state
    if (text && sscanf(text, "%" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64, &s[0], &s[1], &s[2],
                       &s[3]) == 4)
        return true;
    return error_set(err, ERROR_FILE, "the generator's state is missing");
}

static bool take_all(Trainer *trainer, const Tensors *tensors, Error *err) {
    Part vector[VECTORS];
    bool ok = true;
    vectors_of(trainer, vector);
    for (int i = 0; ok && i < VECTORS; i++)
        ok = take(tensors, &vector[i], err);
    ok = ok && take_history(trainer, tensors, err) && take_numbers(trainer, tensors, err) &&
         take_generator(trainer, tensors, err);
    network_weights_changed(trainer->net);
    if (!ok)
        error_prefix(err, "train: checkpoint: %s", trainer->params->checkpoint);
    return ok;
}

/* Could it be written there? To find out after an epoch would be late. */
static bool try_writing(const char *path, Error *err) {
    FileWriter writer;
    if (file_writer_open(&writer, path, err)) {
        file_writer_abandon(&writer);
        return true;
    }
    error_prefix(err, "train: checkpoint");
    return false;
}

bool checkpoint_resume(Trainer *trainer, Error *err) {
    const char *path = trainer->params->checkpoint;
    Tensors tensors;
    if (!path)
        return true;
    if (!try_writing(path, err))
        return false;
    if (!file_is_readable(path))
        return true;
    tensors_init(&tensors);
    bool ok = tensors_load(&tensors, path, err);
    if (!ok)
        error_prefix(err, "train: checkpoint");
    ok = ok && check_identity(trainer, tensors_text(&tensors, "perigee.training"), err) &&
         take_all(trainer, &tensors, err);
    tensors_clear(&tensors);
    return ok;
}

void checkpoint_seed(const char *path, uint64_t *seed) {
    Tensors tensors;
    Error err;
    tensors_init(&tensors);
    if (file_is_readable(path) && tensors_open(&tensors, path, &err)) {
        const char *text = tensors_text(&tensors, "perigee.seed");
        uint64_t kept;
        // NOLINTNEXTLINE(cert-err34-c): 64 bits of any kind are a seed
        if (text && sscanf(text, "%" SCNu64, &kept) == 1)
            *seed = kept;
    }
    tensors_clear(&tensors);
}
