/* transfer.c — projected gradient descent on another model (Papernot, McDaniel and Goodfellow,
 * "Transferability in machine learning", 2016; oblivious where the other is what a defence is built
 * on): the surrogate's loss gives the gradients, and the attacked model judges every point of the
 * way, so that the answer is the best one by its own loss. Only its scores are asked for. */
#include "attack/attack_fields.h"
#include "attack/attacks.h"
#include "attack/descent.h"
#include "attack/gradient_step.h"
#include "attack/unit_step.h"
#include "core/fail.h"

#include <string.h>

/* The weights of the surrogate's loss at the place `a` of the active list. */
static void weigh(const void *context, size_t a, const double *scores, double *w) {
    const Descent *descent = context;
    const Problem *problem = descent->problem;
    const Model *surrogate = problem->params->surrogate;
    if (objective_is_sound(surrogate, scores))
        problem->objective->weights(surrogate, scores, descent->goal[descent->active[a]], w);
    else
        memset(w, 0, model_columns(surrogate) * sizeof *w);
}

static bool take_gradients(Descent *descent, Error *err) {
    const Problem *problem = descent->problem;
    const Model *surrogate = problem->params->surrogate;
    size_t d = problem->features;
    if (!labels_equal(&surrogate->classes, &problem->model->classes))
        return error_set(err, ERROR_ARGUMENT,
                         "%s: the surrogate, a %s, was fitted to other classes during the attack",
                         problem->where, surrogate->kind->name);
    for (size_t a = 0; a < descent->active_count; a++)
        memcpy(descent->trial + a * d, descent->x + descent->active[a] * d, d * sizeof(float));
    Batch batch = { descent->trial, descent->active_count, d, problem->where };
    GradientRequest request = { .weigh = weigh, .context = descent, .gradient = descent->gradient };
    return model_gradient_in_pieces(problem->params->surrogate, &batch, &request, err);
}

static bool transfer_step(Descent *descent, Error *err) {
    return take_gradients(descent, err) && gradient_step(descent, err);
}

static bool transfer_resolve(AttackParams *params, Error *err) {
    return gradient_step_resolve(params, "attack.transfer", err);
}

static const Field fields[] = {
    ATTACK_MODEL,
    { "surrogate", FIELD_OBJECT, .type = "model",
      .meaning = "whose gradients are followed; must be given, with the attacked model's classes" },
    ATTACK_NORM,
    ATTACK_DMAX,
    ATTACK_ETA("dmax / 2", "the length of a step, or of the first"),
    ATTACK_STEP_SCHEDULE,
    ATTACK_LARGEST,
    { "objective", FIELD_WORD, ATTACK_AT(objective), .words = objective_words,
      .meaning = "what is minimised on the surrogate, and judges points on the model" },
    ATTACK_MAX_ITER("steps at most"),
    ATTACK_EARLY_STOP,
    ATTACK_RESTARTS,
    ATTACK_START,
    ATTACK_START_FROM,
    ATTACK_SEED,
    ATTACK_COMMON,
    ATTACK_FIELDS_END,
};

const Attack attack_transfer = {
    .name = "transfer",
    .summary = "another model's gradients, points judged by the attacked one",
    .fields = fields,
    .params = { ATTACK_UNSET_BUT(continuous), .norm = NORM_L2, .max_iter = 50, .schedule = -1,
                .largest = 20 },
    .resolve = transfer_resolve,
    .step = transfer_step,
    .trials = 1,
};
