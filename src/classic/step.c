#include "classic/step.h"

#include "core/array.h"
#include "core/fail.h"
#include "core/fields_json.h"
#include "data/safetensors.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define STEP_ENTRY(name) &step_##name,
const StepKind *const step_table[] = { STEP_TABLE(STEP_ENTRY) NULL };
#undef STEP_ENTRY

const StepKind *step_find(const char *name) {
    for (size_t i = 0; step_table[i]; i++)
        if (strcmp(step_table[i]->name, name) == 0)
            return step_table[i];
    return NULL;
}

Step step_of(const StepKind *kind) {
    return (Step){ .kind = kind, .params = *(const StepParams *)kind->fields.initial };
}

bool step_check(const char *where, const Step *step, Error *err) {
    for (const Field *field = step->kind->fields.field; field->name; field++)
        if (!field_check(field, &step->params, err)) {
            error_prefix(err, "%s: %s", where, step->kind->name);
            return false;
        }
    return true;
}

void learnt_clear(Learnt *learnt) {
    for (size_t i = 0; i < STEP_NUMBERS; i++)
        array_free(learnt->number[i]);
    *learnt = (Learnt){ 0 };
}

bool learnt_copy(const Learnt *from, Learnt *to, Error *err) {
    Learnt copy = { .in = from->in, .out = from->out, .by = from->by };
    for (size_t i = 0; i < STEP_NUMBERS; i++)
        if (from->number[i] && !(copy.number[i] = array_share(from->number[i], err))) {
            learnt_clear(&copy);
            return false;
        }
    *to = copy;
    return true;
}

static bool check_finite(const Samples *samples, Error *err) {
    for (size_t i = 0; i < samples->n * samples->features; i++)
        if (!isfinite(samples->x[i]))
            return error_set(err, ERROR_ARGUMENT,
                             "fit: feature %zu of sample %zu is no finite number",
                             i % samples->features + 1, i / samples->features + 1);
    return true;
}

bool step_learn(const Step *step, const Samples *samples, Learnt *out, Progress *progress,
                Error *err) {
    Learnt learnt = { .in = samples->features, .by = step->params };
    if (!step_check("fit", step, err) || !check_finite(samples, err))
        return false;
    if (!step->kind->learn(samples, &learnt, progress, err)) {
        learnt_clear(&learnt);
        return false;
    }
    *out = learnt;
    return true;
}

/* ---- Files ----------------------------------------------------------------------------------- */

typedef struct NumberName {
    char text[64];
} NumberName;

static const char *number_name(const Step *step, const char *name, size_t i, NumberName *out) {
    snprintf(out->text, sizeof out->text, "%s.%s", name, step->kind->number[i]);
    return out->text;
}

bool step_save(const Step *step, const ModelWriter *to, JsonNode json, const char *name,
               Error *err) {
    const Learnt *learnt = &step->learnt;
    NumberName full;
    json_string(json, "name", step->kind->name);
    fields_write_json(step->kind->fields.field, &step->params, json_object(json, "options"));
    if (learnt->out == 0)
        return true;
    json_number(json, "in", (double)learnt->in);
    json_number(json, "out", (double)learnt->out);
    json_number(json, "norm", learnt->by.norm);
    fields_write_json(step->kind->fields.field, &learnt->by, json_object(json, "learnt_by"));
    bool ok = true;
    for (size_t i = 0; ok && i < STEP_NUMBERS && step->kind->number[i]; i++)
        ok = tensors_add(to->tensors, (TensorName){ to->prefix, number_name(step, name, i, &full) },
                         learnt->number[i], err);
    return ok;
}

static bool read_size(const cJSON *json, const char *name, size_t *out, Error *err) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, name);
    double value = cJSON_IsNumber(item) ? item->valuedouble : -1;
    if (!(value >= 0 && value <= 1e9 && value == floor(value)))
        return error_set(err, ERROR_FILE, "load: a step's \"%s\" is missing or not a size", name);
    *out = (size_t)value;
    return true;
}

static bool has_form(const Step *step, size_t i, const Array *a) {
    size_t rows = step->kind->form[i] == NUMBER_IN ? step->learnt.in : step->learnt.out;
    return a->shape[0] == rows && (a->ndim == 1 || a->shape[1] == step->learnt.in);
}

static bool read_number(const ModelReader *from, Step *step, const char *name, size_t i,
                        Error *err) {
    NumberName full;
    TensorForm form = { DTYPE_F64, step->kind->form[i] == NUMBER_OUT_IN ? 2 : 1 };
    const char *text = number_name(step, name, i, &full);
    const Array *a = tensors_require(from->tensors, (TensorName){ from->prefix, text }, form, err);
    if (!a)
        return false;
    if (!has_form(step, i, a))
        return error_set(err, ERROR_FILE, "load: %s has another size than the step's features",
                         text);
    step->learnt.number[i] = array_contiguous("load", a, DTYPE_F64, err);
    return step->learnt.number[i] && array_check_finite(text, step->learnt.number[i], err);
}

/* A step without numbers has none to say how many features there are. */
static bool check_sizes(const Step *step, Error *err) {
    const Learnt *learnt = &step->learnt;
    bool keeps = step->kind->form[1] != NUMBER_OUT_IN;
    if (learnt->in > 0 && learnt->out > 0 && learnt->by.norm >= UNIT_L1 &&
        learnt->by.norm <= UNIT_MAX && (!keeps || learnt->in == learnt->out))
        return true;
    return error_set(err, ERROR_FILE, "load: the sizes of a step are not possible");
}

/* Files of before do not say it: the options as they are. */
static bool read_learnt_by(const cJSON *json, Step *step, Error *err) {
    const cJSON *options = cJSON_GetObjectItemCaseSensitive(json, "learnt_by");
    step->learnt.by = step->params;
    return !options || fields_read_json(step->kind->fields.field, &step->learnt.by, options, err);
}

bool step_read(const ModelReader *from, const cJSON *json, const char *name, Step *out,
               Error *err) {
    const cJSON *kind = cJSON_GetObjectItemCaseSensitive(json, "name");
    const StepKind *found = cJSON_IsString(kind) ? step_find(kind->valuestring) : NULL;
    const cJSON *options = cJSON_GetObjectItemCaseSensitive(json, "options");
    size_t norm = 0;
    if (!found)
        return error_set(err, ERROR_FILE, "load: a step is missing or not one we know");
    *out = step_of(found);
    if (!fields_read_json(found->fields.field, &out->params, options, err)) {
        error_prefix(err, "load: %s", found->name);
        return false;
    }
    if (!cJSON_HasObjectItem(json, "out"))
        return true;
    bool ok = read_size(json, "in", &out->learnt.in, err) &&
              read_size(json, "out", &out->learnt.out, err) && read_size(json, "norm", &norm, err);
    ok = ok && read_learnt_by(json, out, err);
    out->learnt.by.norm = norm <= UNIT_MAX ? (int)norm : -1;
    ok = ok && check_sizes(out, err);
    for (size_t i = 0; ok && i < STEP_NUMBERS && found->number[i]; i++)
        ok = read_number(from, out, name, i, err);
    return ok;
}
