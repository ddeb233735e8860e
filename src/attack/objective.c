#include "attack/objective.h"

#include <math.h>
#include <string.h>

#define OBJECTIVE_ENTRY(name) &objective_##name,
const Objective *const objective_table[] = { OBJECTIVE_TABLE(OBJECTIVE_ENTRY) NULL };
#undef OBJECTIVE_ENTRY

#define OBJECTIVE_WORD(name) #name,
const char *const objective_words[] = { OBJECTIVE_TABLE(OBJECTIVE_WORD) NULL };
#undef OBJECTIVE_WORD

const Objective *objective_find(const char *name) {
    for (size_t i = 0; objective_table[i]; i++)
        if (strcmp(objective_words[i], name) == 0)
            return objective_table[i];
    return NULL;
}

bool objective_is_sound(const Model *model, const double *scores) {
    for (size_t c = 0; c < model->classes.count; c++)
        if (!isfinite(scores[c]))
            return false;
    return !model->rejects || scores[model->classes.count] < INFINITY;
}

void objective_margin_weights(const Model *model, Margin margin, double *w) {
    memset(w, 0, model_columns(model) * sizeof *w);
    w[margin.k] += 1;
    w[margin.c] -= 1;
    if (model->rejects)
        w[model->classes.count] = 0;
}

Margin objective_target_margin(const Model *model, const double *scores, Goal goal) {
    size_t target = (size_t)goal.target;
    return (Margin){ scores_best_but(scores, model_columns(model), target), target };
}
