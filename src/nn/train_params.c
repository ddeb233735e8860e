#include "nn/train_params.h"

#include <stddef.h>

#define AT(field) offsetof(TrainParams, field)
static const Field fields[] = {
    { "epochs", FIELD_SIZE, AT(epochs), .low = 0, .high = 1e6,
      .meaning = "times through the samples" },
    { "batch", FIELD_SIZE, AT(batch), .low = 1, .high = 1e6, .meaning = "samples a step" },
    { "lr", FIELD_NUMBER, AT(lr), .low = 0, .high = 1e6,
      .meaning = "the rate: how far a step goes" },
    { "momentum", FIELD_NUMBER, AT(momentum), .low = 0, .high = 1,
      .meaning = "the share of the last step that is kept" },
    { "weight_decay", FIELD_NUMBER, AT(weight_decay), .low = 0, .high = 1e6,
      .meaning = "times the weights is added to their gradient" },
    { "lr_decay", FIELD_NUMBER, AT(lr_decay), .low = 0, .high = 1e6,
      .meaning = "the rate is multiplied by this …" },
    { "lr_step", FIELD_SIZE, AT(lr_step), .low = 1, .high = 1e6,
      .meaning = "… after this many epochs, each time" },
    { "shift", FIELD_SIZE, AT(shift), .low = 0, .high = 1e6,
      .meaning = "move every image by up to this many pixels, at random, every time" },
    { "adversary", FIELD_OBJECT, .type = "attack",
      .meaning = "attacks every batch against the present weights before it is learned" },
    { "adversarial_share", FIELD_NUMBER, AT(adversarial_share), .low = 0, .high = 1,
      .meaning = "of a batch that the adversary attacks; the rest is learned as it is" },
    { "trades", FIELD_NUMBER, AT(trades), .low = 0, .high = 1e6,
      .meaning = "how much the divergence of attacked samples from clean ones counts (TRADES)" },
    { "shuffle", FIELD_BOOLEAN, AT(shuffle), .meaning = "a new order every epoch" },
    { "seed", FIELD_SEED, AT(seed), .initial = "the session's",
      .meaning = "of the order, of dropout, of the shifts" },
    { "validation", FIELD_OBJECT, .type = "dataset", .meaning = "scored after every epoch" },
    { .name = NULL },
};
#undef AT

static const TrainParams initial = { .epochs = 10,
                                     .batch = 128,
                                     .lr = 0.02,
                                     .momentum = 0.9,
                                     .lr_decay = 1,
                                     .lr_step = 1,
                                     .adversarial_share = 1,
                                     .shuffle = true };

const Fields train_fields = { fields, &initial };

TrainParams train_defaults(void) {
    return initial;
}
