#include "nn/train_params.h"

#include "core/fail.h"
#include "nn/optimizer.h"

#include <stddef.h>
#include <string.h>

static const char *const schedules[] = { "step", "constant", "cosine", NULL };
static const char *const optimizers[] = { "sgd", "adam", "adamw", NULL };

#define AT(field) offsetof(TrainParams, field)
static const Field fields[] = {
    { "epochs", FIELD_SIZE, AT(epochs), .low = 0, .high = 1e6,
      .meaning = "times through the samples" },
    { "batch", FIELD_SIZE, AT(batch), .low = 1, .high = 1e6, .meaning = "samples a step" },
    { "lr", FIELD_NUMBER, AT(lr), .type = "\"cosine\"|\"step\"|function", .low = 0, .high = 1e6,
      .meaning = "the rate: how far a step goes; a schedule of the net's own, or a function of the "
                 "epoch" },
    { "schedule", FIELD_WORD, AT(schedule), .words = schedules, .initial = "step, by lr_decay",
      .meaning =
          "how the rate goes: by lr_decay and lr_step, not at all, or by half a cosine to 0" },
    { "lr_decay", FIELD_NUMBER, AT(lr_decay), .low = 0, .high = 1e6,
      .meaning = "the rate is multiplied by this (0.1 where a call says \"step\" without it) …" },
    { "lr_step", FIELD_SIZE, AT(lr_step), .low = 1, .high = 1e6,
      .meaning = "… after this many epochs, each time" },
    { "optimizer", FIELD_WORD, AT(optimizer), .words = optimizers,
      .meaning = "how a gradient becomes a step" },
    { "momentum", FIELD_NUMBER, AT(momentum), .low = 0, .high = 1,
      .meaning = "the share of the last step that SGD keeps" },
    { "nesterov", FIELD_BOOLEAN, AT(nesterov), .meaning = "SGD looks ahead by its momentum" },
    { "beta1", FIELD_NUMBER, AT(beta1), .low = 0, .high = 1, .open = FIELD_BELOW_HIGH,
      .meaning = "what Adam keeps of its mean gradient" },
    { "beta2", FIELD_NUMBER, AT(beta2), .low = 0, .high = 1, .open = FIELD_BELOW_HIGH,
      .meaning = "what Adam keeps of its mean square" },
    { "epsilon", FIELD_NUMBER, AT(epsilon), .low = 0, .high = 1e6,
      .meaning = "added to the root that Adam divides by" },
    { "weight_decay", FIELD_NUMBER, AT(weight_decay), .low = 0, .high = 1e6,
      .meaning = "times the weights is added to their gradient; with AdamW it goes off them" },
    { "clip", FIELD_NUMBER, AT(clip), .low = 0, .high = 1e30,
      .meaning = "the largest l2 norm of a gradient; 0: any" },
    { "label_smoothing", FIELD_NUMBER, AT(label_smoothing), .low = 0, .high = 1,
      .open = FIELD_BELOW_HIGH,
      .meaning = "the share of a sample's target that goes to all classes alike" },
    { "patience", FIELD_SIZE, AT(patience), .low = 0, .high = 1e6,
      .meaning =
          "ends after so many epochs without a lower validation loss, and takes the weights of "
          "the best; 0: never" },
    { "shift", FIELD_SIZE, AT(shift), .low = 0, .high = 1e6,
      .meaning = "move every image by up to this many pixels, at random, every time: short for "
                 "augment = { shift = … }" },
    { "adversarial_share", FIELD_NUMBER, AT(adversarial_share), .low = 0, .high = 1,
      .meaning = "of a batch that the adversary attacks; the rest is learned as it is" },
    { "trades", FIELD_NUMBER, AT(trades), .low = 0, .high = 1e6,
      .meaning = "how much the divergence of attacked samples from clean ones counts (TRADES)" },
    { "shuffle", FIELD_BOOLEAN, AT(shuffle), .meaning = "a new order every epoch" },
    { "seed", FIELD_SEED, AT(seed), .initial = "the session's",
      .meaning = "of the order, of dropout, of what is changed at random" },
    { "validation", FIELD_OBJECT, .type = "dataset", .meaning = "scored after every epoch" },
    { "adversary", FIELD_OBJECT, .type = "attack",
      .meaning = "attacks every batch against the present weights before it is learned" },
    { "augment", FIELD_OBJECT, .type = "string|table|function",
      .meaning = "changes images at random before they are learned" },
    { "loss", FIELD_OBJECT, .type = "function|string",
      .meaning = "of a batch's logits and labels, in the place of cross-entropy" },
    { "on_epoch", FIELD_OBJECT, .type = "function",
      .meaning = "called after every epoch; \"stop\" ends the training" },
    { "checkpoint", FIELD_OBJECT, .type = "string",
      .meaning =
          "a file that is written after every epoch; a call that finds it goes on from there" },
    { .name = NULL },
};
#undef AT

static const TrainParams initial = { .epochs = 10,
                                     .batch = 128,
                                     .lr = 0.02,
                                     .momentum = 0.9,
                                     .schedule = TRAIN_UNSAID,
                                     .lr_decay = 1,
                                     .lr_step = 1,
                                     .beta1 = 0.9,
                                     .beta2 = 0.999,
                                     .epsilon = 1e-8,
                                     .adversarial_share = 1,
                                     .shuffle = true };

const Fields train_fields = { fields, &initial };

TrainParams train_defaults(void) {
    return initial;
}

/* ---- What is used ---------------------------------------------------------------------------- */

static bool by_function(const TrainParams *params) {
    return params->watch && params->watch->rate;
}

static bool by_number(const TrainParams *params) {
    return !by_function(params);
}

static bool by_steps(const TrainParams *params) {
    return by_number(params) && params->schedule <= TRAIN_STEP;
}

static bool by_sgd(const TrainParams *params) {
    return params->optimizer == OPTIMIZER_SGD;
}

static bool by_adam(const TrainParams *params) {
    return !by_sgd(params);
}

static const char sgd[] = "the optimizer \"sgd\"";
static const char adam[] = "the optimizers \"adam\" and \"adamw\"";
static const char step[] = "the schedule \"step\"";

/* Options that only some trainings use. */
static const struct Use {
    const char *option, *whose;
    bool (*used)(const TrainParams *params);
} uses[] = {
    { "momentum", sgd, by_sgd },
    { "beta1", adam, by_adam },
    { "beta2", adam, by_adam },
    { "epsilon", adam, by_adam },
    { "lr_decay", step, by_steps },
    { "lr_step", step, by_steps },
    { "schedule", "a number as lr", by_number },
};

static bool at_default(const TrainParams *params, const char *name) {
    const Field *field = fields_find(fields, name);
    Value value = field_get(field, params), usual = field_get(field, &initial);
    if (value.kind == VALUE_NUMBER)
        return value.number[0] == usual.number[0];
    return value.kind == VALUE_NOTHING;
}

bool train_uses(const TrainParams *params, const char *name, Error *err) {
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        const struct Use *use = &uses[i];
        bool rate = use->used == by_steps || use->used == by_number;
        if (strcmp(name, use->option) != 0 || use->used(params) || at_default(params, name))
            continue;
        if (rate && by_function(params))
            return error_set(err, ERROR_ARGUMENT, "train: %s belongs to %s, here lr is a function",
                             name, use->whose);
        return error_set(err, ERROR_ARGUMENT, "train: %s belongs to %s, here it is \"%s\"", name,
                         use->whose,
                         rate ? schedules[params->schedule] : optimizers[params->optimizer]);
    }
    return true;
}
