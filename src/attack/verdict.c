#include "attack/verdict.h"

const char *verdict_name(Verdict verdict) {
    static const char *const names[VERDICTS] = { "correct", "rejected", "wrong", "evaded",
                                                 "failed" };
    return names[verdict];
}

Verdict verdict_of(bool rejects, int32_t label, int32_t y) {
    if (rejects && label == LABEL_REJECTED)
        return VERDICT_REJECTED;
    if (label == LABEL_NONE)
        return VERDICT_FAILED;
    return label == y ? VERDICT_CORRECT : VERDICT_WRONG;
}

Verdict verdict_after(Verdict start, Verdict now) {
    if (start == VERDICT_FAILED)
        return VERDICT_FAILED;
    return now == VERDICT_WRONG && start != VERDICT_WRONG ? VERDICT_EVADED : now;
}

bool verdict_hit(bool rejects, int32_t label, int32_t target) {
    return !(rejects && label == LABEL_REJECTED) && label == target;
}

int32_t verdict_label(const Model *model, const double *scores) {
    return objective_is_sound(model, scores) ? model_label(model, scores) : LABEL_NONE;
}

/* By the scores, not the label: a model that cannot reject may have a class labelled −1. */
bool verdict_rejected(const Model *model, const double *scores) {
    return model->rejects &&
           !(scores[model_best_class(model, scores)] > scores[model->classes.count]);
}

bool verdict_success(const Model *model, const double *scores, Goal goal) {
    int32_t label = verdict_label(model, scores);
    const int32_t *labels = model->classes.label;
    if (goal.target >= 0 && !goal.any)
        return verdict_hit(model->rejects, label, labels[goal.target]);
    return verdict_of(model->rejects, label, labels[goal.truth]) == VERDICT_WRONG;
}

bool worth_more(Worth a, Worth b) {
    if (a.reached != b.reached)
        return a.reached;
    if (a.reached && a.distance != b.distance)
        return a.distance < b.distance;
    return a.loss < b.loss;
}
