#include "attack/attack_fields.h"

const char *const attack_norm_words[] = { "l1", "l2", "linf", NULL };
const char *const attack_step_words[] = { "raw", "unit", "sign", "largest", NULL };
const char *const attack_schedule_words[] = { "constant", "cosine", NULL };
const char *const attack_direction_words[] = { "gradient", "log", "smooth", NULL };

const Field attack_radius = { "dmax", FIELD_NUMBER, ATTACK_AT(dmax), .low = 0, .high = INFINITY };

static const Field run_fields[] = {
    { "y", FIELD_OBJECT, .type = "integer|array", .initial = "the dataset's",
      .meaning = "true labels" },
    { "target", FIELD_OBJECT, .type = ATTACK_TARGET_TYPE, .initial = "the attack's",
      .meaning =
          "the label that the samples shall get, or one for each, or \"nearest\" or \"each\"" },
    { "model", FIELD_OBJECT, .type = "model", .initial = "the attack's",
      .meaning = "what is attacked" },
    { "dmax", FIELD_OBJECT, .type = ATTACK_DMAX_TYPE, .initial = "the attack's",
      .meaning = "how far a sample may move, or that of each sample" },
    { "start", FIELD_OBJECT, .type = ATTACK_START_TYPE, .initial = "the attack's",
      .meaning = "row by row, where each sample's first search begins" },
    { "start_from", FIELD_OBJECT, .type = "dataset|array", .initial = "the attack's",
      .meaning = "the points of a double start" },
    { "seed", FIELD_OBJECT, .type = "integer", .initial = "the attack's",
      .meaning = "of the random points" },
    ATTACK_ON_STEP_AS("the attack's"),
    { .name = NULL },
};
const Fields attack_run_fields = { run_fields, NULL };
