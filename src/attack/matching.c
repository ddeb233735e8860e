/* matching.c — feature matching (Sabour, Cao, Faghri and Fleet, "Adversarial manipulation of deep
 * representations", ICLR 2016): a sample is moved until what a layer makes of it is near to what it
 * makes of a guide, a sample of another class. The step is that of pgd.c; the direction, which
 * leads to the guides' features, comes with a run as its AttackParts.direction
 * (lua/perigee/matching.lua). Without one it goes along the objective's gradient. */
#include "attack/attack_fields.h"
#include "attack/attacks.h"
#include "attack/gradient_step.h"

static bool matching_resolve(AttackParams *params, Error *err) {
    return gradient_step_resolve(params, "attack.matching", err);
}

static const Field fields[] = {
    ATTACK_MODEL,
    { "guides", FIELD_OBJECT, .type = "dataset",
      .meaning = "samples with their labels, of two classes at least; must be given" },
    { "layers", FIELD_OBJECT, .type = ATTACK_LAYERS_TYPE, .initial = "the last but one",
      .meaning = "the layers of a net whose outputs are matched" },
    ATTACK_NORM,
    ATTACK_DMAX,
    ATTACK_ETA("dmax / 2", "the length of a step, or of the first"),
    ATTACK_STEP_SCHEDULE,
    ATTACK_LARGEST,
    ATTACK_OBJECTIVE,
    ATTACK_MAX_ITER("steps at most"),
    ATTACK_EARLY_STOP,
    ATTACK_RESTARTS,
    ATTACK_START,
    ATTACK_START_FROM,
    ATTACK_SEED,
    ATTACK_COMMON,
    ATTACK_FIELDS_END,
};

const Attack attack_matching = {
    .name = "matching",
    .summary = "towards what a layer makes of samples of other classes",
    .fields = fields,
    .params = { ATTACK_UNSET_BUT(continuous), .norm = NORM_L2, .max_iter = 100, .schedule = -1,
                .largest = 20 },
    .resolve = matching_resolve,
    .step = gradient_step,
    .trials = 1,
    .gradient = true,
    .window = 5,
    .window_after = 10,
};
