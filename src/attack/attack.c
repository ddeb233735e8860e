#include "attack/attack.h"

#include "core/array_values.h"
#include "core/fail.h"
#include "core/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const norm_words[] = { "l1", "l2", "linf", NULL };
static const char *const step_words[] = { "raw", "unit", "sign", "largest", NULL };

#define AT(field) offsetof(AttackParams, field)
/* Steps of exactly 0 would divide by it. */
#define TINY 1e-12

const AttackOption attack_options[] = {
    { "norm", OPTION_WORD, AT(norm), 0, 0, norm_words },
    { "dmax", OPTION_NUMBER, AT(dmax), 0, INFINITY, NULL },
    { "eta", OPTION_NUMBER, AT(eta), TINY, 1e12, NULL },
    { "eta_min", OPTION_NUMBER, AT(eta_min), TINY, 1e12, NULL },
    { "eps", OPTION_NUMBER, AT(eps), 0, INFINITY, NULL },
    { "max_iter", OPTION_INTEGER, AT(max_iter), 1, 1e6, NULL },
    { "step", OPTION_WORD, AT(step), 0, 0, step_words },
    { "restarts", OPTION_INTEGER, AT(restarts), 0, 1e6, NULL },
    { "iterates", OPTION_BOOLEAN, AT(iterates), 0, 1, NULL },
    { NULL, OPTION_NUMBER, 0, 0, 0, NULL },
};

const AttackOption *attack_option(const char *name) {
    for (size_t i = 0; attack_options[i].name; i++)
        if (strcmp(attack_options[i].name, name) == 0)
            return &attack_options[i];
    return NULL;
}

bool attack_uses(const Attack *attack, const char *option) {
    for (size_t i = 0; attack->options[i]; i++)
        if (strcmp(attack->options[i], option) == 0)
            return true;
    return false;
}

double attack_option_get(const AttackOption *option, const AttackParams *params) {
    const char *at = (const char *)params + option->offset;
    switch (option->kind) {
    case OPTION_NUMBER:
        return *(const double *)(const void *)at;
    case OPTION_BOOLEAN:
        return *(const bool *)(const void *)at;
    default:
        return *(const int *)(const void *)at;
    }
}

void attack_option_set(const AttackOption *option, AttackParams *params, double value) {
    char *at = (char *)params + option->offset;
    switch (option->kind) {
    case OPTION_NUMBER:
        *(double *)(void *)at = value;
        return;
    case OPTION_BOOLEAN:
        *(bool *)(void *)at = value != 0;
        return;
    default:
        *(int *)(void *)at = (int)value;
    }
}

bool attack_resolve(const Attack *attack, const AttackParams *params, AttackParams *out,
                    Error *err) {
    AttackParams resolved = *params;
    if (isnan(resolved.dmax))
        return error_set(err, ERROR_ARGUMENT,
                         "attack.%s: dmax is not given: how far may a sample move?", attack->name);
    if (resolved.dmax < 0)
        return error_set(err, ERROR_ARGUMENT, "attack.%s: dmax: expected 0 or more, got %g",
                         attack->name, resolved.dmax);
    if (resolved.restarts > 0 && isinf(resolved.dmax))
        return error_set(err, ERROR_ARGUMENT,
                         "attack.%s: random restarts need a finite dmax to draw points within",
                         attack->name);
    if (attack->finite && isinf(resolved.dmax))
        return error_set(err, ERROR_ARGUMENT, "attack.%s: dmax must be finite", attack->name);
    if (attack->resolve && !attack->resolve(&resolved, err))
        return false;
    *out = resolved;
    return true;
}

/* A bound as JSON: one number, or one for each feature. */
static bool add_bound(cJSON *json, const char *name, double one, const Array *each) {
    if (!each)
        return cJSON_AddNumberToObject(json, name, one) != NULL;
    cJSON *list = cJSON_AddArrayToObject(json, name);
    bool ok = list != NULL;
    for (size_t j = 0; ok && j < array_size(each); j++)
        ok = cJSON_AddItemToArray(list, cJSON_CreateNumber((double)array_f32(each)[j]));
    return ok;
}

static bool add_option(cJSON *json, const AttackOption *option, const AttackParams *params) {
    double value = attack_option_get(option, params);
    switch (option->kind) {
    case OPTION_WORD:
        return value < 0 || cJSON_AddStringToObject(json, option->name, option->words[(int)value]);
    case OPTION_BOOLEAN:
        return cJSON_AddBoolToObject(json, option->name, value != 0) != NULL;
    default:
        return cJSON_AddNumberToObject(json, option->name, value) != NULL;
    }
}

char *attack_params_json(const Attack *attack, const AttackParams *params) {
    cJSON *json = cJSON_CreateObject();
    bool ok = json && cJSON_AddStringToObject(json, "attack", attack->name);
    for (size_t i = 0; ok && attack->options[i]; i++) {
        const AttackOption *option = attack_option(attack->options[i]);
        ok = !option || add_option(json, option, params);
    }
    ok = ok && add_bound(json, "lower", params->lower, params->lower_each) &&
         add_bound(json, "upper", params->upper, params->upper_each);
    /* As text: a JSON number is a double and would round it. */
    char seed[24];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)params->seed);
    ok = ok && cJSON_AddStringToObject(json, "seed", seed);
    char *text = ok ? json_text(json) : NULL;
    cJSON_Delete(json);
    return text;
}
