#include "attack/result.h"

#include "attack/objective.h"
#include "core/array.h"
#include "core/fail.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const where = "attack result";

const char *stop_name(int stop) {
    static const char *const names[STOP_REASONS] = { "converged",   "max_iter", "zero_gradient",
                                                     "interrupted", "still",    "reached",
                                                     "not_finite",  "given",    "outrun",
                                                     "max_queries", "on_step",  "ended" };
    return stop >= 0 && stop < STOP_REASONS ? names[stop] : "unknown";
}

#define ARRAY(field, dtype, width, rescored, optional)                                             \
    { #field, offsetof(AttackResult, field), dtype, width, rescored, optional }
const ResultArray result_arrays[RESULT_ARRAYS] = {
    ARRAY(x0, DTYPE_F32, WIDTH_FEATURES, RESCORED_KEPT, false),
    ARRAY(x_adv, DTYPE_F32, WIDTH_FEATURES, RESCORED_KEPT, false),
    ARRAY(y, DTYPE_I32, WIDTH_ONE, RESCORED_KEPT, false),
    ARRAY(label, DTYPE_I32, WIDTH_ONE, RESCORED_ANEW, false),
    ARRAY(start_label, DTYPE_I32, WIDTH_ONE, RESCORED_ANEW, false),
    ARRAY(target, DTYPE_I32, WIDTH_ONE, RESCORED_KEPT, true),
    ARRAY(scores, DTYPE_F64, WIDTH_COLUMNS, RESCORED_ANEW, false),
    ARRAY(start_scores, DTYPE_F64, WIDTH_COLUMNS, RESCORED_ANEW, false),
    ARRAY(distance, DTYPE_F64, WIDTH_ONE, RESCORED_KEPT, false),
    ARRAY(dmax, DTYPE_F64, WIDTH_ONE, RESCORED_KEPT, true),
    ARRAY(score_count, DTYPE_I32, WIDTH_ONE, RESCORED_KEPT, false),
    ARRAY(gradient_count, DTYPE_I32, WIDTH_ONE, RESCORED_KEPT, false),
    ARRAY(stop, DTYPE_I32, WIDTH_ONE, RESCORED_KEPT, false),
    ARRAY(gradient_start, DTYPE_F64, WIDTH_ONE, RESCORED_DROPPED, true),
    ARRAY(gradient_end, DTYPE_F64, WIDTH_ONE, RESCORED_DROPPED, true),
    ARRAY(kernel_end, DTYPE_F64, WIDTH_ONE, RESCORED_DROPPED, true),
    ARRAY(source, DTYPE_I32, WIDTH_ONE, RESCORED_KEPT, true),
};
#undef ARRAY

Array **result_array(const AttackResult *result, const ResultArray *which) {
    return (Array **)(void *)((char *)result + which->offset);
}

bool trace_new(Trace *trace, const TraceSize *size, Error *err) {
    size_t count = size->count;
    *trace = (Trace){ 0 };
    bool ok = (trace->loss = array_new1(where, DTYPE_F64, count, err)) &&
              (trace->scores = array_new2(where, DTYPE_F64, count, size->columns, err)) &&
              (trace->distance = array_new1(where, DTYPE_F64, count, err)) &&
              (!size->gradient_norm ||
               (trace->gradient_norm = array_new1(where, DTYPE_F64, count, err))) &&
              (!size->largest_kernel ||
               (trace->largest_kernel = array_new1(where, DTYPE_F64, count, err))) &&
              (!size->iterates ||
               (trace->iterates = array_new2(where, DTYPE_F32, count, size->features, err)));
    if (!ok)
        trace_clear(trace);
    return ok;
}

void trace_clear(Trace *trace) {
    array_free(trace->loss);
    array_free(trace->scores);
    array_free(trace->distance);
    array_free(trace->gradient_norm);
    array_free(trace->largest_kernel);
    array_free(trace->iterates);
    *trace = (Trace){ 0 };
}

AttackResult *result_header(const Labels *classes, bool rejects, const ResultSize *size,
                            Error *err) {
    AttackResult *result = calloc(1, sizeof *result);
    Trace *trace = calloc(size->n + 1, sizeof *trace);
    if (!result || !trace || !labels_copy(where, classes, &result->classes, err)) {
        if (!result || !trace)
            error_memory(err, where, (size->n + 1) * sizeof *trace);
        free(result);
        free(trace);
        return NULL;
    }
    result->n = size->n;
    result->features = size->features;
    result->rejects = rejects;
    result->columns = classes->count + (rejects ? 1 : 0);
    result->sample_ndim = 1;
    result->sample_shape[0] = size->features;
    result->trace = trace;
    return result;
}

Sizes result_sizes(const AttackResult *result, const ResultArray *which) {
    if (which->width == WIDTH_ONE)
        return (Sizes){ 1, { result->n } };
    return (Sizes){
        2, { result->n, which->width == WIDTH_FEATURES ? result->features : result->columns }
    };
}

static Array *new_array(const AttackResult *result, const ResultArray *which, Error *err) {
    Sizes sizes = result_sizes(result, which);
    return array_new(where, which->dtype, &sizes, err);
}

static bool is_wanted(const AttackResult *result, Array *const *array, const ResultSize *size) {
    if (array == &result->gradient_start || array == &result->gradient_end ||
        array == &result->kernel_end)
        return size->searched;
    return (array != &result->target || size->targeted) &&
           (array != &result->dmax || size->own_dmax) &&
           (array != &result->source || size->sourced);
}

AttackResult *result_new(const Labels *classes, bool rejects, const ResultSize *size, Error *err) {
    AttackResult *result = result_header(classes, rejects, size, err);
    for (size_t k = 0; result && k < RESULT_ARRAYS; k++) {
        Array **array = result_array(result, &result_arrays[k]);
        if (!is_wanted(result, array, size))
            continue;
        if (!(*array = new_array(result, &result_arrays[k], err))) {
            result_free(result);
            return NULL;
        }
    }
    for (size_t i = 0; result && size->searched && i < size->n; i++)
        array_f64(result->gradient_start)[i] = array_f64(result->gradient_end)[i] =
            array_f64(result->kernel_end)[i] = NAN;
    return result;
}

void result_free(AttackResult *result) {
    if (!result)
        return;
    for (size_t i = 0; i < result->n; i++)
        trace_clear(&result->trace[i]);
    for (size_t k = 0; k < RESULT_ARRAYS; k++)
        array_free(*result_array(result, &result_arrays[k]));
    labels_clear(&result->classes);
    free(result->trace);
    free(result->attack);
    free(result->model_kind);
    free(result->params);
    free(result);
}

void result_drop_unknown_kernels(AttackResult *result) {
    for (size_t i = 0; result->kernel_end && i < result->n; i++)
        if (!isnan(array_f64(result->kernel_end)[i]))
            return;
    array_free(result->kernel_end);
    result->kernel_end = NULL;
    for (size_t i = 0; i < result->n; i++) {
        array_free(result->trace[i].largest_kernel);
        result->trace[i].largest_kernel = NULL;
    }
}

size_t result_bytes(const AttackResult *result) {
    size_t bytes = 0;
    for (size_t k = 0; k < RESULT_ARRAYS; k++) {
        const Array *array = *result_array(result, &result_arrays[k]);
        bytes += array ? array_bytes(array) : 0;
    }
    for (size_t i = 0; i < result->n; i++) {
        const Trace *trace = &result->trace[i];
        bytes += array_bytes(trace->scores) + 2 * array_bytes(trace->loss);
        bytes += trace->gradient_norm ? array_bytes(trace->gradient_norm) : 0;
        bytes += trace->largest_kernel ? array_bytes(trace->largest_kernel) : 0;
        bytes += trace->iterates ? array_bytes(trace->iterates) : 0;
    }
    return bytes;
}

Verdict result_start_verdict(const AttackResult *result, size_t i) {
    return verdict_of(result->rejects, array_i32(result->start_label)[i], array_i32(result->y)[i]);
}

Verdict result_verdict(const AttackResult *result, size_t i) {
    Verdict now = verdict_of(result->rejects, array_i32(result->label)[i], array_i32(result->y)[i]);
    if (array_i32(result->stop)[i] == STOP_NOT_FINITE && now != VERDICT_WRONG)
        return VERDICT_FAILED;
    return verdict_after(result_start_verdict(result, i), now);
}

bool result_hit(const AttackResult *result, size_t i) {
    return result->target &&
           verdict_hit(result->rejects, array_i32(result->label)[i], array_i32(result->target)[i]);
}

Goal result_goal(const AttackResult *result, size_t i) {
    const Labels *classes = &result->classes;
    ptrdiff_t target = result->target ? labels_find(classes, array_i32(result->target)[i]) : -1;
    return (Goal){ (size_t)labels_find(classes, array_i32(result->y)[i]), target, false };
}

/* Of what the gradient was at the start. */
static const double vanished = 1e-2;

bool result_flat(const AttackResult *result, size_t i) {
    Verdict now = result_verdict(result, i);
    if (!result->gradient_start || !result->gradient_end || result_hit(result, i) ||
        (now != VERDICT_CORRECT && now != VERDICT_REJECTED))
        return false;
    return array_f64(result->gradient_end)[i] <= vanished * array_f64(result->gradient_start)[i];
}

ResultCounts result_counts(const AttackResult *result) {
    ResultCounts counts = { 0 };
    for (size_t i = 0; i < result->n; i++) {
        Verdict now = result_verdict(result, i), before = result_start_verdict(result, i);
        counts.verdict[now]++;
        counts.hit += result_hit(result, i);
        counts.started_correct += before == VERDICT_CORRECT;
        counts.flat += result_flat(result, i);
        counts.flat_rejected += result_flat(result, i) && now == VERDICT_REJECTED;
        counts.robust +=
            before == VERDICT_CORRECT && (now == VERDICT_CORRECT || now == VERDICT_REJECTED);
    }
    return counts;
}

/* ---- Parts and other views ---- */

static bool share(Array **to, const Array *from, Error *err) {
    return !from || (*to = array_share(from, err)) != NULL;
}

bool trace_share(Trace *to, const Trace *from, Error *err) {
    return share(&to->loss, from->loss, err) && share(&to->scores, from->scores, err) &&
           share(&to->distance, from->distance, err) &&
           share(&to->gradient_norm, from->gradient_norm, err) &&
           share(&to->largest_kernel, from->largest_kernel, err) &&
           share(&to->iterates, from->iterates, err);
}

bool result_copy_words(AttackResult *to, const AttackResult *from, Error *err) {
    to->sample_ndim = from->sample_ndim;
    memcpy(to->sample_shape, from->sample_shape, sizeof to->sample_shape);
    to->norm = from->norm;
    to->attack = strdup(from->attack);
    to->model_kind = strdup(from->model_kind);
    to->params = strdup(from->params);
    return (to->attack && to->model_kind && to->params) || error_memory(err, where, 64);
}

/* ---- Another model's judgement ---- */

/* The points of `old` as `model` sees them. */
typedef struct Rescore {
    const AttackResult *old;
    Model *model;
    const Objective *objective;
    AttackResult *result;
} Rescore;

/* What the attack minimised, by its parameters: before there was a choice, the margin. NULL where
 * they cannot be read. */
static const Objective *objective_of(const AttackResult *result, Error *err) {
    cJSON *params = cJSON_Parse(result->params);
    if (!params) {
        error_memory(err, "rescore", strlen(result->params));
        return NULL;
    }
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(params, "objective"));
    const Objective *found = name ? objective_find(name) : NULL;
    cJSON_Delete(params);
    return found ? found : &objective_margin;
}

static bool score(const Rescore *rescore, const Array *points, Array *scores, Error *err) {
    size_t d = rescore->old->features;
    Batch batch = { array_f32(points), array_size(points) / d, d, "rescore" };
    return model_scores(rescore->model, &batch, array_f64(scores), err);
}

/* Scores and distances of start and answer alone. */
static void rescore_ends(const Rescore *rescore, size_t i, Trace *to) {
    const AttackResult *result = rescore->result;
    size_t columns = result->columns, last = array_size(to->loss) - 1;
    double *scores = array_f64(to->scores);
    memcpy(scores, array_f64(result->start_scores) + i * columns, columns * sizeof *scores);
    memcpy(scores + last * columns, array_f64(result->scores) + i * columns,
           columns * sizeof *scores);
    array_f64(to->distance)[last] = array_f64(result->distance)[i];
}

/* A trace of the kept iterates, or of start and answer alone, by this model. */
static bool rescore_trace(const Rescore *rescore, size_t i, Error *err) {
    const Trace *from = &rescore->old->trace[i];
    Trace *to = &rescore->result->trace[i];
    TraceSize size = { .count = array_size(from->loss),
                       .features = rescore->result->features,
                       .columns = rescore->result->columns,
                       .iterates = from->iterates != NULL };
    if (!size.iterates && size.count > 2)
        size.count = 2;
    if (!trace_new(to, &size, err))
        return false;
    if (!from->iterates) {
        rescore_ends(rescore, i, to);
    } else {
        memcpy(array_f32(to->iterates), array_f32(from->iterates), array_bytes(to->iterates));
        memcpy(array_f64(to->distance), array_f64(from->distance), array_bytes(to->distance));
        if (!score(rescore, to->iterates, to->scores, err))
            return false;
    }
    for (size_t t = 0; t < size.count; t++)
        array_f64(to->loss)[t] =
            rescore->objective->loss(rescore->model, array_f64(to->scores) + t * size.columns,
                                     result_goal(rescore->result, i));
    return true;
}

static bool judge(const Rescore *rescore, Error *err) {
    AttackResult *result = rescore->result;
    const Model *model = rescore->model;
    size_t columns = result->columns;
    if (!score(rescore, result->x0, result->start_scores, err) ||
        !score(rescore, result->x_adv, result->scores, err))
        return false;
    for (size_t i = 0; i < result->n; i++) {
        const double *start = array_f64(result->start_scores) + i * columns;
        const double *scores = array_f64(result->scores) + i * columns;
        if (!objective_is_sound(model, scores) || !objective_is_sound(model, start))
            return error_set(err, ERROR_ARGUMENT,
                             "rescore: the %s model gave a score that is not finite (sample %zu)",
                             model->kind->name, i + 1);
        array_i32(result->start_label)[i] = model_label(model, start);
        array_i32(result->label)[i] = model_label(model, scores);
    }
    return true;
}

/* The points and what belongs to them, shared; the judgement's arrays new. */
static AttackResult *same_points(const AttackResult *old, const Model *model, Error *err) {
    ResultSize size = { .n = old->n, .features = old->features };
    AttackResult *result = result_header(&model->classes, model->rejects, &size, err);
    bool ok = result && result_copy_words(result, old, err);
    for (size_t k = 0; ok && k < RESULT_ARRAYS; k++) {
        const ResultArray *which = &result_arrays[k];
        Array **to = result_array(result, which);
        if (which->rescored == RESCORED_DROPPED)
            continue;
        ok = which->rescored == RESCORED_ANEW ? (*to = new_array(result, which, err)) != NULL
                                              : share(to, *result_array(old, which), err);
    }
    if (ok) {
        free(result->model_kind);
        result->model_kind = strdup(model->kind->name);
        ok = result->model_kind || error_memory(err, where, 16);
    }
    if (ok)
        return result;
    result_free(result);
    return NULL;
}

AttackResult *result_rescore(const AttackResult *old, Model *model, Error *err) {
    if (!model_is_fitted(model)) {
        model_not_fitted(model, "rescore", err);
        return NULL;
    }
    if (!labels_equal(&old->classes, &model->classes)) {
        error_set(err, ERROR_ARGUMENT,
                  "rescore: the %s model has %zu classes that are not the %zu of the attack",
                  model->kind->name, model->classes.count, old->classes.count);
        return NULL;
    }
    Rescore rescore = { .old = old, .model = model, .objective = objective_of(old, err) };
    rescore.result = rescore.objective ? same_points(old, model, err) : NULL;
    bool ok = rescore.result && judge(&rescore, err);
    for (size_t i = 0; ok && i < old->n; i++)
        ok = rescore_trace(&rescore, i, err);
    if (ok)
        return rescore.result;
    result_free(rescore.result);
    return NULL;
}
