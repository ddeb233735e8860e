#include "attack/attack.h"

#include "attack/parts.h"
#include "core/array.h"
#include "core/array_values.h"
#include "core/error.h"
#include "core/fail.h"
#include "core/fields_json.h"
#include "core/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool attack_uses(const Attack *attack, const char *option) {
    return fields_find(attack->fields, option) != NULL;
}

bool attack_takes_norm(const Attack *attack, int norm) {
    const Field *field = fields_find(attack->fields, "norm");
    int words = 0;
    while (field && field->words[words])
        words++;
    return !field || (norm >= (int)field->low && norm < words);
}

static bool check_norm(const Attack *attack, int norm, Error *err) {
    char words[FIELD_TEXT];
    return attack_takes_norm(attack, norm) ||
           error_set(err, ERROR_ARGUMENT,
                     "attack.%s: norm: expected %s: the attack is made for no other", attack->name,
                     field_expected(fields_find(attack->fields, "norm"), words));
}

/* For one dmax. */
static bool resolve_one(const Attack *attack, const AttackParams *params, AttackParams *out,
                        Error *err) {
    AttackParams resolved = *params;
    if (!check_norm(attack, params->norm, err))
        return false;
    if (isnan(resolved.dmax) && attack->minimal)
        resolved.dmax = INFINITY;
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

bool attack_resolve(const Attack *attack, const AttackParams *params, AttackParams *out,
                    Error *err) {
    const Array *each = params->dmax_each;
    if (!each)
        return resolve_one(attack, params, out, err);
    AttackParams all = *params;
    for (size_t i = 0; i < array_size(each); i++) {
        AttackParams one = *params;
        one.dmax = array_f64(each)[i];
        if (!resolve_one(attack, &one, &one, err))
            return false;
        if (i > 0 && one.eta != all.eta)
            one.eta = NAN;
        all = one;
    }
    *out = all;
    out->dmax = NAN;
    return true;
}

/* Bounds of each feature must be one float32 for each. */
static bool bounds_fit(const Array *bounds, const char *name, const Batch *samples, Error *err) {
    size_t d = samples->features;
    if (!bounds ||
        (bounds->dtype == DTYPE_F32 && array_is_contiguous(bounds) && array_size(bounds) == d))
        return true;
    return error_set(err, ERROR_ARGUMENT, "%s: %s: expected one number or %zu, got %zu",
                     samples->where, name, d, array_size(bounds));
}

/* Radii of samples must be one float64 for each. */
static bool radii_fit(const Array *radii, const Batch *samples, Error *err) {
    if (radii && !(radii->dtype == DTYPE_F64 && array_is_contiguous(radii) &&
                   array_size(radii) == samples->n))
        return error_set(err, ERROR_ARGUMENT,
                         "%s: dmax: expected one number, or one for each of %zu samples, got %zu",
                         samples->where, samples->n, array_size(radii));
    for (size_t i = 0; radii && i < samples->n; i++)
        if (!(array_f64(radii)[i] >= 0))
            return error_set(err, ERROR_ARGUMENT, "%s: dmax: expected numbers of 0 or more, got %g",
                             samples->where, array_f64(radii)[i]);
    return true;
}

bool attack_constraint(const AttackParams *params, const Batch *samples, Constraint *out,
                       Error *err) {
    if (!bounds_fit(params->lower_each, "lower", samples, err) ||
        !bounds_fit(params->upper_each, "upper", samples, err) ||
        !radii_fit(params->dmax_each, samples, err))
        return false;
    *out = (Constraint){
        .norm = (Norm)params->norm,
        .dmax = params->dmax_each ? NAN : params->dmax,
        .features = samples->features,
        .low = params->lower,
        .high = params->upper,
        .lower = params->lower_each ? array_f32(params->lower_each) : NULL,
        .upper = params->upper_each ? array_f32(params->upper_each) : NULL,
    };
    return true;
}

static int dmax_text(const AttackParams *params, char *end, size_t room) {
    if (params->dmax_each)
        return snprintf(end, room, ", dmax " DMAX_PER_SAMPLE);
    return isnan(params->dmax) ? 0 : snprintf(end, room, ", dmax %g", params->dmax);
}

/* ", eta 0.1" at the end of the text, or nothing for an option that says nothing. */
static int field_text(const Field *field, const AttackParams *params, char *end, size_t room) {
    if (strcmp(field->name, "dmax") == 0)
        return dmax_text(params, end, room);
    Value value = field_get(field, params);
    switch (value.kind) {
    case VALUE_WORD:
        if (strcmp(field->name, "norm") == 0)
            return snprintf(end, room, " %s", value.word);
        if (strcmp(field->name, "step") == 0)
            return snprintf(end, room, ", %s steps", value.word);
        if (strcmp(field->name, "step_schedule") == 0 && params->schedule == SCHEDULE_COSINE)
            return snprintf(end, room, ", cosine schedule");
        return strcmp(value.word, field->words[0]) == 0
                   ? 0 /* the first is the usual one */
                   : snprintf(end, room, ", %s %s", field->name, value.word);
    case VALUE_BOOLEAN:
        return value.truth ? snprintf(end, room, ", %s", field->name) : 0;
    case VALUE_NUMBER:
        if (value.number[0] == 0 && strcmp(field->name, "restarts") == 0)
            return 0;
        if (value.number[0] == 1 && strcmp(field->name, "samples") == 0)
            return 0;
        if (strcmp(field->name, "largest") == 0 && params->norm != NORM_L1)
            return 0;
        return snprintf(end, room, ", %s %g", field->name, value.number[0]);
    default:
        return 0;
    }
}

/* ", stages all x 8, 3 x 12, 1 x 40": of each its classes and its steps. */
static size_t stages_text(const AttackParams *params, char *end, size_t room) {
    size_t used = 0;
    for (int s = 0; s < params->stages; s++) {
        const HalvingStage *stage = &params->stage[s];
        char classes[24] = "all";
        if (stage->classes > 0)
            snprintf(classes, sizeof classes, "%d", stage->classes);
        used += (size_t)snprintf(end + used, room - used, "%s %s x %d", s == 0 ? ", stages" : ",",
                                 classes, stage->steps);
    }
    return used;
}

/* ", max_queries 100" at the end of the text, or nothing. */
static int queries_text(const AttackParams *params, char *end, size_t room) {
    const Array *most = params->max_queries;
    if (!most)
        return 0;
    if (array_size(most) == 1)
        return snprintf(end, room, ", max_queries %d", (int)array_i32(most)[0]);
    return snprintf(end, room, ", max_queries of each sample");
}

const char *attack_text(const Attack *attack, const AttackParams *params, char text[ATTACK_TEXT]) {
    AttackParams resolved;
    Error err;
    if (attack_resolve(attack, params, &resolved, &err))
        params = &resolved;
    size_t used = (size_t)snprintf(text, ATTACK_TEXT, "attack.%s:", attack->name);
    for (const Field *field = attack->fields; field->name; field++) {
        size_t room = ATTACK_TEXT - 128 - used; /* for what follows; a user's attack may say more */
        size_t length = (size_t)field_text(field, params, text + used, room);
        used += length < room ? length : room - 1;
    }
    used += stages_text(params, text + used, ATTACK_TEXT - used);
    used += (size_t)queries_text(params, text + used, ATTACK_TEXT - used);
    if (params->lower_each || params->upper_each)
        snprintf(text + used, ATTACK_TEXT - used, ", bounds of each feature");
    else
        snprintf(text + used, ATTACK_TEXT - used, ", bounds %g … %g", params->lower, params->upper);
    return text;
}

/* A bound as JSON: one number, or one for each feature. */
static void add_bound(JsonNode to, const char *name, double one, const Array *each) {
    if (!each) {
        json_number(to, name, one);
        return;
    }
    JsonNode list = json_list(to, name);
    for (size_t j = 0; j < array_size(each); j++)
        json_number(list, NULL, (double)array_f32(each)[j]);
}

/* Functions are not kept: the JSON says that there were some. */
static void add_parts(JsonNode to, const AttackParts *parts) {
    if (parts->losses)
        json_string(to, "objective", "function");
    if (parts->direction)
        json_string(to, "direction", "function");
    if (parts->on_step)
        json_string(to, "on_step", "function");
}

/* Is it a part from outside? */
static bool is_part(const Field *field, const AttackParts *parts) {
    return parts && ((parts->losses && strcmp(field->name, "objective") == 0) ||
                     (parts->direction && strcmp(field->name, "direction") == 0));
}

static void add_field(JsonNode to, const Field *field, const AttackParams *params) {
    Value value = field_get(field, params);
    if (is_part(field, params->parts))
        return;
    if (strcmp(field->name, "dmax") == 0)
        value = params->dmax_each ? value_word(DMAX_PER_SAMPLE) : value_number(params->dmax);
    switch (value.kind) {
    case VALUE_WORD:
        json_string(to, field->name, value.word);
        break;
    case VALUE_BOOLEAN:
        json_bool(to, field->name, value.truth);
        break;
    case VALUE_NUMBER:
        json_number(to, field->name, value.number[0]);
        break;
    default: /* an object, or left open */
        break;
    }
}

static void add_stages(JsonNode to, const AttackParams *params) {
    JsonNode list = json_list(to, "stages");
    for (int s = 0; s < params->stages; s++)
        fields_write_json(halving_stage_fields.field, &params->stage[s], json_object(list, NULL));
}

char *attack_params_json(const Attack *attack, const AttackParams *params) {
    JsonTree tree;
    JsonNode json = json_begin(&tree);
    json_string(json, "attack", attack->name);
    for (const Field *field = attack->fields; field->name; field++)
        add_field(json, field, params);
    if (params->parts)
        add_parts(json, params->parts);
    add_bound(json, "lower", params->lower, params->lower_each);
    add_bound(json, "upper", params->upper, params->upper_each);
    if (params->stages > 0)
        add_stages(json, params);
    if (params->smoothing)
        add_bound(json, "smoothing", 0, params->smoothing);
    if (params->max_queries && array_size(params->max_queries) == 1)
        json_number(json, "max_queries", array_i32(params->max_queries)[0]);
    if (params->rule != TARGET_ANY)
        json_string(json, "target", params->rule == TARGET_EACH ? "each" : "nearest");
    /* As text: a JSON number is a double and would round it. */
    char seed[24];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)params->seed);
    json_string(json, "seed", seed);
    return json_end_text(&tree);
}
