#include "attack/result.h"

#include "attack/objective.h"
#include "core/array_values.h"
#include "core/fail.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

static const char *const where = "attack result";

const char *stop_name(int stop) {
    static const char *const names[STOP_REASONS] = { "converged", "max_iter", "zero_gradient",
                                                     "interrupted" };
    return stop >= 0 && stop < STOP_REASONS ? names[stop] : "unknown";
}

bool trace_new(Trace *trace, const AttackResult *result, size_t count, bool iterates, Error *err) {
    *trace = (Trace){ 0 };
    bool ok = (trace->loss = array_new1(where, DTYPE_F64, count, err)) &&
              (trace->scores = array_new2(where, DTYPE_F64, count, result->columns, err)) &&
              (trace->distance = array_new1(where, DTYPE_F64, count, err)) &&
              (!iterates ||
               (trace->iterates = array_new2(where, DTYPE_F32, count, result->features, err)));
    if (!ok)
        trace_clear(trace);
    return ok;
}

void trace_clear(Trace *trace) {
    array_free(trace->loss);
    array_free(trace->scores);
    array_free(trace->distance);
    array_free(trace->iterates);
    *trace = (Trace){ 0 };
}

static bool allocate_arrays(AttackResult *result, bool targeted, Error *err) {
    size_t n = result->n, d = result->features, columns = result->columns;
    result->trace = calloc(n + 1, sizeof *result->trace);
    if (!result->trace)
        return error_memory(err, where, (n + 1) * sizeof *result->trace);
    return (result->x0 = array_new2(where, DTYPE_F32, n, d, err)) &&
           (result->x_adv = array_new2(where, DTYPE_F32, n, d, err)) &&
           (result->y = array_new1(where, DTYPE_I32, n, err)) &&
           (result->label = array_new1(where, DTYPE_I32, n, err)) &&
           (result->start_label = array_new1(where, DTYPE_I32, n, err)) &&
           (!targeted || (result->target = array_new1(where, DTYPE_I32, n, err))) &&
           (result->scores = array_new2(where, DTYPE_F64, n, columns, err)) &&
           (result->start_scores = array_new2(where, DTYPE_F64, n, columns, err)) &&
           (result->distance = array_new1(where, DTYPE_F64, n, err)) &&
           (result->score_count = array_new1(where, DTYPE_I32, n, err)) &&
           (result->gradient_count = array_new1(where, DTYPE_I32, n, err)) &&
           (result->stop = array_new1(where, DTYPE_I32, n, err));
}

/* A header without arrays. */
static AttackResult *result_header(const Labels *classes, bool rejects, size_t n, size_t features,
                                   Error *err) {
    AttackResult *result = calloc(1, sizeof *result);
    if (!result) {
        error_memory(err, where, sizeof *result);
        return NULL;
    }
    result->n = n;
    result->features = features;
    result->rejects = rejects;
    result->columns = classes->count + (rejects ? 1 : 0);
    result->sample_ndim = 1;
    result->sample_shape[0] = features;
    if (!labels_copy(where, classes, &result->classes, err)) {
        free(result);
        return NULL;
    }
    return result;
}

AttackResult *result_new(const Labels *classes, bool rejects, const ResultSize *size, Error *err) {
    AttackResult *result = result_header(classes, rejects, size->n, size->features, err);
    if (result && !allocate_arrays(result, size->targeted, err)) {
        result_free(result);
        return NULL;
    }
    return result;
}

void result_free(AttackResult *result) {
    if (!result)
        return;
    for (size_t i = 0; result->trace && i < result->n; i++)
        trace_clear(&result->trace[i]);
    Array *arrays[] = { result->x0,          result->x_adv,          result->y,
                        result->label,       result->start_label,    result->target,
                        result->scores,      result->start_scores,   result->distance,
                        result->score_count, result->gradient_count, result->stop };
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        array_free(arrays[i]);
    labels_clear(&result->classes);
    free(result->trace);
    free(result->attack);
    free(result->model_kind);
    free(result->params);
    free(result);
}

Verdict result_verdict(const AttackResult *result, size_t i) {
    return verdict_of(result->rejects, array_i32(result->label)[i], array_i32(result->y)[i]);
}

Verdict result_start_verdict(const AttackResult *result, size_t i) {
    return verdict_of(result->rejects, array_i32(result->start_label)[i], array_i32(result->y)[i]);
}

bool result_hit(const AttackResult *result, size_t i) {
    return result->target &&
           verdict_hit(result->rejects, array_i32(result->label)[i], array_i32(result->target)[i]);
}

ResultCounts result_counts(const AttackResult *result) {
    ResultCounts counts = { 0 };
    for (size_t i = 0; i < result->n; i++) {
        Verdict now = result_verdict(result, i), before = result_start_verdict(result, i);
        counts.correct += now == VERDICT_CORRECT;
        counts.rejected += now == VERDICT_REJECTED;
        counts.evaded += now == VERDICT_WRONG;
        counts.started_correct += before == VERDICT_CORRECT;
        counts.started_rejected += before == VERDICT_REJECTED;
        counts.hit += result_hit(result, i);
    }
    return counts;
}

/* ---- Parts and other views ---- */

static bool share(Array **to, const Array *from, Error *err) {
    return !from || (*to = array_share(from, err)) != NULL;
}

static bool share_row(Array **to, const Array *from, size_t i, Error *err) {
    return !from || (*to = array_rows(from, i, 1, err)) != NULL;
}

static bool share_trace(Trace *to, const Trace *from, Error *err) {
    return share(&to->loss, from->loss, err) && share(&to->scores, from->scores, err) &&
           share(&to->distance, from->distance, err) && share(&to->iterates, from->iterates, err);
}

static bool copy_header(AttackResult *to, const AttackResult *from, Error *err) {
    to->sample_ndim = from->sample_ndim;
    memcpy(to->sample_shape, from->sample_shape, sizeof to->sample_shape);
    to->norm = from->norm;
    to->attack = strdup(from->attack);
    to->model_kind = strdup(from->model_kind);
    to->params = strdup(from->params);
    return (to->attack && to->model_kind && to->params) || error_memory(err, where, 64);
}

AttackResult *result_pick(const AttackResult *result, size_t i, Error *err) {
    AttackResult *one = result_header(&result->classes, result->rejects, 1, result->features, err);
    if (!one)
        return NULL;
    bool ok = copy_header(one, result, err);
    one->trace = ok ? calloc(1, sizeof *one->trace) : NULL;
    if (ok && !one->trace)
        ok = error_memory(err, where, sizeof *one->trace);
    ok = ok && share_row(&one->x0, result->x0, i, err) &&
         share_row(&one->x_adv, result->x_adv, i, err) && share_row(&one->y, result->y, i, err) &&
         share_row(&one->label, result->label, i, err) &&
         share_row(&one->start_label, result->start_label, i, err) &&
         share_row(&one->target, result->target, i, err) &&
         share_row(&one->scores, result->scores, i, err) &&
         share_row(&one->start_scores, result->start_scores, i, err) &&
         share_row(&one->distance, result->distance, i, err) &&
         share_row(&one->score_count, result->score_count, i, err) &&
         share_row(&one->gradient_count, result->gradient_count, i, err) &&
         share_row(&one->stop, result->stop, i, err) &&
         share_trace(&one->trace[0], &result->trace[i], err);
    if (!ok) {
        result_free(one);
        return NULL;
    }
    return one;
}

/* ---- Another model's judgement ---- */

static Goal goal_of(const AttackResult *result, const Model *model, size_t i) {
    ptrdiff_t target =
        result->target ? labels_find(&model->classes, array_i32(result->target)[i]) : -1;
    return (Goal){ (size_t)labels_find(&model->classes, array_i32(result->y)[i]), target };
}

/* What the attack minimised, by its parameters: before there was a choice, the margin. */
static const Objective *objective_of(const AttackResult *result) {
    cJSON *params = cJSON_Parse(result->params);
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(params, "objective"));
    const Objective *found = name ? objective_find(name) : NULL;
    cJSON_Delete(params);
    return found ? found : &objective_margin;
}

/* A trace of the kept iterates, or of start and answer alone, by this model. */
static bool rescore_trace(const AttackResult *old, size_t i, Model *model, AttackResult *result,
                          Error *err) {
    const Trace *from = &old->trace[i];
    Trace *to = &result->trace[i];
    size_t columns = result->columns, d = result->features;
    size_t last = array_size(from->loss) - 1, count = from->iterates ? last + 1 : last ? 2 : 1;
    if (!trace_new(to, result, count, from->iterates != NULL, err))
        return false;
    double *scores = array_f64(to->scores), *distance = array_f64(to->distance);
    if (from->iterates) {
        memcpy(array_f32(to->iterates), array_f32(from->iterates), count * d * sizeof(float));
        memcpy(distance, array_f64(from->distance), count * sizeof(double));
        if (!model_scores(model, &(Batch){ array_f32(to->iterates), count, d, "rescore" }, scores,
                          err))
            return false;
    } else {
        double *end = scores + (count - 1) * columns;
        memcpy(scores, array_f64(result->start_scores) + i * columns, columns * sizeof(double));
        memcpy(end, array_f64(result->scores) + i * columns, columns * sizeof(double));
        distance[count - 1] = array_f64(old->distance)[i];
    }
    Goal goal = goal_of(result, model, i);
    const Objective *objective = objective_of(result);
    for (size_t t = 0; t < count; t++)
        array_f64(to->loss)[t] = objective->loss(model, scores + t * columns, goal);
    return true;
}

static bool judge(AttackResult *result, Model *model, Error *err) {
    size_t n = result->n, d = result->features, columns = result->columns;
    if (!model_scores(model, &(Batch){ array_f32(result->x0), n, d, "rescore" },
                      array_f64(result->start_scores), err) ||
        !model_scores(model, &(Batch){ array_f32(result->x_adv), n, d, "rescore" },
                      array_f64(result->scores), err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!objective_is_sound(model, array_f64(result->scores) + i * columns) ||
            !objective_is_sound(model, array_f64(result->start_scores) + i * columns))
            return error_set(err, ERROR_ARGUMENT,
                             "rescore: the %s model gave a score that is not finite (sample %zu)",
                             model->kind->name, i + 1);
        array_i32(result->start_label)[i] =
            model_label(model, array_f64(result->start_scores) + i * columns);
        array_i32(result->label)[i] = model_label(model, array_f64(result->scores) + i * columns);
    }
    return true;
}

/* The points and what belongs to them, shared; the judgement's arrays new. */
static AttackResult *same_points(const AttackResult *old, const Model *model, Error *err) {
    AttackResult *result =
        result_header(&model->classes, model->rejects, old->n, old->features, err);
    if (!result)
        return NULL;
    size_t n = old->n;
    bool ok = copy_header(result, old, err);
    result->trace = ok ? calloc(n + 1, sizeof *result->trace) : NULL;
    if (ok && !result->trace)
        ok = error_memory(err, where, (n + 1) * sizeof *result->trace);
    ok = ok && share(&result->x0, old->x0, err) && share(&result->x_adv, old->x_adv, err) &&
         share(&result->y, old->y, err) && share(&result->target, old->target, err) &&
         share(&result->distance, old->distance, err) &&
         share(&result->score_count, old->score_count, err) &&
         share(&result->gradient_count, old->gradient_count, err) &&
         share(&result->stop, old->stop, err) &&
         (result->label = array_new1(where, DTYPE_I32, n, err)) &&
         (result->start_label = array_new1(where, DTYPE_I32, n, err)) &&
         (result->scores = array_new2(where, DTYPE_F64, n, result->columns, err)) &&
         (result->start_scores = array_new2(where, DTYPE_F64, n, result->columns, err));
    if (ok) {
        char *kind = strdup(model->kind->name);
        free(result->model_kind);
        result->model_kind = kind;
        ok = kind || error_memory(err, where, 16);
    }
    if (!ok) {
        result_free(result);
        return NULL;
    }
    return result;
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
    AttackResult *result = same_points(old, model, err);
    bool ok = result && judge(result, model, err);
    for (size_t i = 0; ok && i < old->n; i++)
        ok = rescore_trace(old, i, model, result, err);
    if (!ok) {
        result_free(result);
        return NULL;
    }
    return result;
}
