/* attack_fields.h — the options of attacks, one entry each: an attack's table lists those it takes.
 *
 * They are fields of AttackParams; what only the bindings hold (a model, arrays) is an object. */
#ifndef PERIGEE_ATTACK_ATTACK_FIELDS_H
#define PERIGEE_ATTACK_ATTACK_FIELDS_H

#include "attack/attack.h"
#include "attack/objective.h"

#include <math.h>

/* The parameters before anything is chosen, by the objective's name: samples are in [0, 1]. */
#define ATTACK_UNSET ATTACK_UNSET_BUT(margin)
#define ATTACK_UNSET_BUT(name)                                                                     \
    .dmax = NAN, .eta = NAN, .eta_min = NAN, .eps = NAN, .step = -1, .lower = 0, .upper = 1,       \
    .samples = 1, .objective = OBJECTIVE_AT_##name

extern const char *const attack_norm_words[];      /* in the order of Norm */
extern const char *const attack_step_words[];      /* in the order of StepRule */
extern const char *const attack_schedule_words[];  /* in the order of StepSchedule */
extern const char *const attack_direction_words[]; /* in the order of Direction */

extern const Field attack_radius; /* dmax where it is one number */

/* Those of a run, all objects: what the attack has of the same name stands back. */
extern const Fields attack_run_fields;

#define ATTACK_AT(field) offsetof(AttackParams, field)
/* Steps of exactly 0 would divide by it. */
#define ATTACK_STEP_RANGE .low = 1e-12, .high = 1e12

#define ATTACK_MODEL                                                                               \
    {                                                                                              \
        "model", FIELD_OBJECT,                                                                     \
            .type = "model",                                                                       \
            .meaning = "what is attacked: a net, an svm, an nr, a dnr, or a model written in Lua"  \
    }
#define ATTACK_NORM ATTACK_NORM_FROM(NORM_L1, attack_norm_words)
/* Of an attack that is made for some norms only: from this one on, up to the last of the words. */
#define ATTACK_NORM_FROM(first, norm_words)                                                        \
    {                                                                                              \
        "norm", FIELD_WORD, ATTACK_AT(norm), .low = (first), .words = (norm_words),                \
                                             .meaning = "the norm of the ball and of distances"    \
    }
/* An object, for it may be an array; what a number may be is attack_radius. */
#define ATTACK_DMAX_TYPE "number|number[]|array"
#define ATTACK_DMAX_AS(default_words, meaning_words)                                               \
    {                                                                                              \
        "dmax", FIELD_OBJECT, .type = ATTACK_DMAX_TYPE, .initial = (default_words),                \
                              .meaning = (meaning_words)                                           \
    }
#define ATTACK_DMAX                                                                                \
    ATTACK_DMAX_AS("none", "how far a sample may move, in the norm, or that of each sample; must " \
                           "be given")
#define ATTACK_ETA(default_words, meaning_words)                                                   \
    {                                                                                              \
        "eta", FIELD_NUMBER, ATTACK_AT(eta), ATTACK_STEP_RANGE, .initial = (default_words),        \
                                                                .meaning = (meaning_words)         \
    }
#define ATTACK_ETA_MIN                                                                             \
    {                                                                                              \
        "eta_min", FIELD_NUMBER, ATTACK_AT(eta_min), ATTACK_STEP_RANGE,                            \
            .initial = "eta", .meaning = "where the line search starts: a multiple of eta"         \
    }
/* A share by which a ball shrinks and grows. */
#define ATTACK_SHARE .low = 0, .high = 1, .open = FIELD_BELOW_HIGH
#define ATTACK_ALPHA(meaning_words)                                                                \
    { "alpha", FIELD_NUMBER, ATTACK_AT(alpha), ATTACK_STEP_RANGE, .meaning = (meaning_words) }
#define ATTACK_ALPHA_FINAL                                                                         \
    {                                                                                              \
        "alpha_final", FIELD_NUMBER, ATTACK_AT(alpha_final), ATTACK_STEP_RANGE,                    \
            .meaning = "what steps fall to, by a cosine"                                           \
    }
#define ATTACK_STEP                                                                                \
    {                                                                                              \
        "step", FIELD_WORD, ATTACK_AT(step), .words = attack_step_words, .initial = "the norm's",  \
                                             .meaning = "how the gradient becomes a step"          \
    }
#define ATTACK_EPS                                                                                 \
    {                                                                                              \
        "eps", FIELD_NUMBER, ATTACK_AT(eps),                                                       \
            .low = 0, .high = INFINITY, .initial = "none",                                         \
            .meaning = "stop when the loss, or the mean of its last window, changes by less"       \
    }
#define ATTACK_EARLY_STOP                                                                          \
    {                                                                                              \
        "early_stop", FIELD_BOOLEAN, ATTACK_AT(early_stop),                                        \
            .meaning = "stop a sample as soon as it evades (hits its target)"                      \
    }
#define ATTACK_STEP_SCHEDULE                                                                       \
    {                                                                                              \
        "step_schedule", FIELD_WORD, ATTACK_AT(schedule),                                          \
            .words = attack_schedule_words, .initial = "cosine without eta",                       \
            .meaning = "constant steps, or a cosine from eta to 0.004 eta"                         \
    }
#define ATTACK_MAX_ITER(meaning_words)                                                             \
    {                                                                                              \
        "max_iter", FIELD_INTEGER, ATTACK_AT(max_iter), .low = 1, .high = 1e6,                     \
                                                        .meaning = (meaning_words)                 \
    }
#define ATTACK_START_FROM                                                                          \
    {                                                                                              \
        "start_from", FIELD_OBJECT,                                                                \
            .type = "dataset|array",                                                               \
            .meaning =                                                                             \
                "double start: the point here with the least loss is tried as a second start"      \
    }
#define ATTACK_START                                                                               \
    {                                                                                              \
        "start", FIELD_OBJECT, .type = ATTACK_START_TYPE, .initial = "the samples",                \
                               .meaning = "row by row, where each sample's first search begins"    \
    }
#define ATTACK_RESTARTS                                                                            \
    {                                                                                              \
        "restarts", FIELD_INTEGER, ATTACK_AT(restarts),                                            \
            .low = 0, .high = 1e6,                                                                 \
            .meaning = "further runs from random points of the ball; the best counts"              \
    }
#define ATTACK_ITERATES                                                                            \
    {                                                                                              \
        "iterates", FIELD_BOOLEAN, ATTACK_AT(iterates),                                            \
            .meaning = "keep the pixels of every iterate in the result"                            \
    }
#define ATTACK_OBJECTIVE                                                                           \
    {                                                                                              \
        "objective", FIELD_WORD, ATTACK_AT(objective),                                             \
            .words = objective_words, .type = "function",                                          \
            .meaning =                                                                             \
                "what is minimised: the difference of two scores, without a jump where samples "   \
                "begin to be rejected, the cross-entropy, the ratio of differences, or the "       \
                "losses that function(scores, y, info) gives: see objectives"                      \
    }
#define ATTACK_LARGEST                                                                             \
    {                                                                                              \
        "largest", FIELD_INTEGER, ATTACK_AT(largest),                                              \
            .low = 1, .high = 4096,                                                                \
            .meaning =                                                                             \
                "how many components a step along the largest has, all of one size; no more "      \
                "than a twentieth of the features"                                                 \
    }
#define ATTACK_DIRECTION                                                                           \
    {                                                                                              \
        "direction", FIELD_WORD, ATTACK_AT(direction),                                             \
            .words = attack_direction_words, .type = "function",                                   \
            .meaning = "along what a sample moves: the gradient of the objective, the logarithm "  \
                       "of the kernels' sums, the gradient of wider kernels, or what "             \
                       "function(x, w, t, info) gives: see objectives"                             \
    }
#define ATTACK_SMOOTHING                                                                           \
    {                                                                                              \
        "smoothing", FIELD_OBJECT,                                                                 \
            .type = "number[]", .initial = "{ 30, 10, 3, 1 } for smooth, 1 for log",               \
            .meaning = "what the direction takes the kernels' gamma divided by, in equal parts "   \
                       "of the run; verdicts are the true model's"                                 \
    }
#define ATTACK_STAGES                                                                              \
    {                                                                                              \
        "stages", FIELD_OBJECT,                                                                    \
            .type = "table[]", .initial = "three",                                                 \
            .meaning = "what is done one after the other: a list of { classes =, steps =, eta =, " \
                       "eta_end =, momentum =, smoothing =, layer_smoothing =, "                   \
                       "layer_smoothing_later = }"                                                 \
    }
#define ATTACK_MAX_QUERIES                                                                         \
    {                                                                                              \
        "max_queries", FIELD_OBJECT,                                                               \
            .type = "integer|array", .low = 1, .high = INT32_MAX,                                  \
            .meaning = "scores and gradients that a sample may take at most, or one number for "   \
                       "each: see queries"                                                         \
    }
#define ATTACK_SAMPLES                                                                             \
    {                                                                                              \
        "samples", FIELD_INTEGER, ATTACK_AT(samples),                                              \
            .low = 1, .high = 1e6,                                                                 \
            .meaning = "for a model whose answers change from call to call: the calls whose mean " \
                       "is an answer, verdicts too: see queries"                                   \
    }
#define ATTACK_SEED                                                                                \
    {                                                                                              \
        "seed", FIELD_OBJECT, .type = "integer", .initial = "the session's",                       \
                              .meaning = "of the random points"                                    \
    }

#define ATTACK_LOWER                                                                               \
    {                                                                                              \
        "lower", FIELD_OBJECT, .type = "number|array", .initial = "0",                             \
                               .meaning = "the least value of every feature, or one for each"      \
    }
#define ATTACK_UPPER                                                                               \
    {                                                                                              \
        "upper", FIELD_OBJECT, .type = "number|array", .initial = "1",                             \
                               .meaning = "the greatest value of every feature, or one for each"   \
    }

#define ATTACK_FUNCTION_TYPE "function"
#define ATTACK_LAYERS_TYPE "string|string[]"
#define ATTACK_ON_STEP_AS(default_words)                                                           \
    {                                                                                              \
        "on_step", FIELD_OBJECT, .type = ATTACK_FUNCTION_TYPE, .initial = (default_words),         \
                                 .meaning = "function(state), called after every iteration; "      \
                                            "\"stop\" for an answer ends the run: see objectives"  \
    }

#define ATTACK_START_TYPE "dataset|array|result"
#define ATTACK_TARGET_TYPE "integer|array|\"nearest\"|\"each\""

/* What every attack takes. */
#define ATTACK_COMMON                                                                              \
    { "target", FIELD_OBJECT, .type = ATTACK_TARGET_TYPE,                                          \
      .meaning =                                                                                   \
          "the label that the samples shall get, or one for each; \"nearest\" and \"each\" "       \
          "go towards the class of the best other score, or towards every other class in "         \
          "turn, and any wrong one is a success" },                                                \
        ATTACK_LOWER, ATTACK_UPPER, ATTACK_ITERATES, ATTACK_MAX_QUERIES, ATTACK_SAMPLES,           \
        ATTACK_ON_STEP_AS("none")

#define ATTACK_FIELDS_END                                                                          \
    { .name = NULL }

#endif
