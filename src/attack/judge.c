#include "attack/judge.h"

#include "attack/attack_fields.h"
#include "attack/mean_model.h"
#include "attack/problem.h"
#include "core/array_values.h"
#include "core/fail.h"
#include "core/printable.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Options ---- */

static const Judge initial = { .params = { .norm = NORM_L2,
                                           .dmax = INFINITY,
                                           .lower = 0,
                                           .upper = 1,
                                           .samples = 1,
                                           .objective = OBJECTIVE_AT_margin },
                               .name = "judge",
                               .check = true };

static const Field fields[] = {
    { "x0", FIELD_OBJECT, .type = "dataset|array", .required = true,
      .meaning = "the samples as they were" },
    { "x_adv", FIELD_OBJECT, .type = "dataset|array", .required = true,
      .meaning = "what they have become, row by row" },
    { "y", FIELD_OBJECT, .type = "integer|array", .initial = "the dataset's",
      .meaning = "true labels" },
    ATTACK_MODEL,
    ATTACK_NORM,
    ATTACK_DMAX_AS("infinite", "how far a sample may have moved, in the norm, or that of each"),
    ATTACK_OBJECTIVE,
    { "target", FIELD_OBJECT, .type = "integer|array", .initial = "none",
      .meaning = "the label that the samples should get, or one for each" },
    ATTACK_LOWER,
    ATTACK_UPPER,
    ATTACK_SAMPLES,
    { "name", FIELD_STRING, offsetof(Judge, name),
      .meaning = "what found the points, for texts and tables" },
    { "check", FIELD_BOOLEAN, offsetof(Judge, check),
      .meaning = "points farther away than dmax, or outside the bounds, are an error" },
    ATTACK_FIELDS_END,
};
const Fields judge_fields = { fields, &initial };

/* ---- The task ---- */

/* What the functions below work on. */
typedef struct Judging {
    const Judge *judge;
    const AttackTask *task;
    const float *x_adv;
    Constraint constraint;
    AttackResult *result;
    Goal *goal; /* of each sample, and its number: for the losses */
    size_t *sample;
} Judging;

static bool known_labels(const Judging *judging, const char *what, const int32_t *label,
                         Error *err) {
    const Model *model = judging->task->model;
    for (size_t i = 0; label && i < judging->task->n; i++)
        if (labels_find(&model->classes, label[i]) < 0)
            return error_set(err, ERROR_ARGUMENT,
                             "%s: sample %zu: %s %d is not a class of the %s model",
                             judging->judge->where, i + 1, what, (int)label[i], model->kind->name);
    return true;
}

static bool check_task(const Judging *judging, Error *err) {
    const AttackTask *task = judging->task;
    const char *where = judging->judge->where;
    if (!model_is_fitted(task->model))
        return model_not_fitted(task->model, where, err);
    if (task->features == 0)
        return error_set(err, ERROR_ARGUMENT, "%s: samples have no features", where);
    if (task->model->classes.count < 2)
        return error_set(err, ERROR_ARGUMENT, "%s: the %s model has one class: nothing to evade to",
                         where, task->model->kind->name);
    return known_labels(judging, "label", task->y, err) &&
           known_labels(judging, "target", task->target, err);
}

/* ---- Where the points are ---- */

/* The feature that is farthest outside its bounds; NaN is farther than any number. */
static bool check_box(const Judging *judging, size_t i, Error *err) {
    const Constraint *box = &judging->constraint;
    const float *x = judging->x_adv + i * box->features;
    double most = CONSTRAINT_TOLERANCE;
    size_t at = box->features;
    for (size_t j = 0; j < box->features; j++) {
        double value = (double)x[j];
        double over = fmax(constraint_lower(box, j) - value, value - constraint_upper(box, j));
        if (!isfinite(value))
            return error_set(err, ERROR_ARGUMENT,
                             "%s: x_adv: sample %zu: feature %zu is not a finite number",
                             judging->judge->where, i + 1, j + 1);
        if (over > most) {
            most = over;
            at = j;
        }
    }
    return at == box->features ||
           error_set(err, ERROR_ARGUMENT,
                     "%s: x_adv: sample %zu: feature %zu is %g, by %.3g outside the bounds %g … "
                     "%g; check = false keeps such points",
                     judging->judge->where, i + 1, at + 1, (double)x[at], most,
                     constraint_lower(box, at), constraint_upper(box, at));
}

static bool check_ball(const Judging *judging, size_t i, Error *err) {
    const AttackResult *result = judging->result;
    const AttackParams *params = &judging->judge->params;
    double dmax = params->dmax_each ? array_f64(params->dmax_each)[i] : params->dmax;
    double distance = array_f64(result->distance)[i], over = distance - dmax;
    return !(over > CONSTRAINT_TOLERANCE * fmax(1, dmax)) ||
           error_set(err, ERROR_ARGUMENT,
                     "%s: x_adv: sample %zu: its %s distance is %g, by %.3g more than dmax %g; "
                     "check = false keeps such points",
                     judging->judge->where, i + 1, attack_norm_words[params->norm], distance, over,
                     dmax);
}

static bool check_points(const Judging *judging, Error *err) {
    const AttackTask *task = judging->task;
    if (!judging->judge->check)
        return true;
    Batch samples = { task->x, task->n, task->features, judging->judge->where };
    bool ok = constraint_check(&judging->constraint, &samples, err);
    for (size_t i = 0; ok && i < task->n; i++)
        ok = check_box(judging, i, err) && check_ball(judging, i, err);
    return ok;
}

/* ---- The result ---- */

/* The parameters as JSON, as an attack of that name would have them. */
static char *params_json(const Judge *judge) {
    Judge told = *judge;
    const Attack attack = { .name = judge->name, .fields = fields };
    told.name = NULL; /* said as the attack's */
    return attack_params_json(&attack, &told.params);
}

static bool describe(const Judging *judging, Error *err) {
    const AttackTask *task = judging->task;
    AttackResult *result = judging->result;
    char name[256];
    if (task->sample_ndim > 0) {
        result->sample_ndim = task->sample_ndim;
        memcpy(result->sample_shape, task->sample_shape, sizeof result->sample_shape);
    }
    result->norm = judging->judge->params.norm;
    result->attack = strdup(printable(judging->judge->name, name, sizeof name));
    result->model_kind = strdup(task->model->kind->name);
    result->params = params_json(judging->judge);
    return (result->attack && result->model_kind && result->params) ||
           error_memory(err, judging->judge->where, 64);
}

/* Points, distances, and what is known without the model. */
static void place(const Judging *judging) {
    const AttackTask *task = judging->task;
    AttackResult *result = judging->result;
    size_t d = task->features, bytes = task->n * d * sizeof(float);
    memcpy(array_f32(result->x0), task->x, bytes);
    memcpy(array_f32(result->x_adv), judging->x_adv, bytes);
    if (task->target)
        memcpy(array_i32(result->target), task->target, task->n * sizeof(int32_t));
    if (result->dmax)
        memcpy(array_f64(result->dmax), array_f64(judging->judge->params.dmax_each),
               task->n * sizeof(double));
    for (size_t i = 0; i < task->n; i++) {
        array_f64(result->distance)[i] = norm_distance((Norm)judging->judge->params.norm,
                                                       judging->x_adv + i * d, task->x + i * d, d);
        array_i32(result->stop)[i] = STOP_GIVEN;
        array_i32(result->score_count)[i] =
            judging->judge->params.samples * (judging->x_adv == task->x ? 1 : 2);
    }
}

static bool score_by(Model *model, const Judging *judging, Error *err) {
    const AttackTask *task = judging->task;
    AttackResult *result = judging->result;
    Batch start = { task->x, task->n, task->features, judging->judge->where };
    Batch end = { judging->x_adv, task->n, task->features, judging->judge->where };
    double *scores = array_f64(result->scores), *start_scores = array_f64(result->start_scores);
    if (!model_scores_in_pieces(model, &start, start_scores, err))
        return false;
    if (end.x != start.x)
        return model_scores_in_pieces(model, &end, scores, err);
    memcpy(scores, start_scores, array_bytes(result->scores));
    return true;
}

static bool score(const Judging *judging, Error *err) {
    Model *model = judging->task->model;
    int samples = judging->judge->params.samples;
    Model *mean = samples > 1 ? mean_model_new(model, samples, err) : model_retain(model);
    bool ok = mean && score_by(mean, judging, err);
    model_release(mean);
    return ok;
}

static bool set_labels(const Judging *judging, Error *err) {
    const AttackTask *task = judging->task;
    AttackResult *result = judging->result;
    const double *start = array_f64(result->start_scores), *end = array_f64(result->scores);
    Batch samples = { .n = task->n, .where = judging->judge->where };
    if (!task->y && !model_check_rows(task->model, start, &samples, err))
        return false;
    for (size_t i = 0; i < task->n; i++) {
        const double *row = start + i * result->columns;
        size_t best = model_best_class(task->model, row);
        array_i32(result->y)[i] = task->y ? task->y[i] : result->classes.label[best];
        array_i32(result->start_label)[i] = verdict_label(task->model, row);
        array_i32(result->label)[i] = verdict_label(task->model, end + i * result->columns);
    }
    return true;
}

/* Losses of all starts, or of all answers. */
static bool lose(const Judging *judging, const Array *scores, double *loss, Error *err) {
    AttackResult *result = judging->result;
    const AttackParams *params = &judging->judge->params;
    Problem problem = { .objective = objective_table[params->objective],
                        .params = params,
                        .model = judging->task->model,
                        .columns = result->columns };
    LossRequest request = { .n = result->n,
                            .scores = array_f64(scores),
                            .goal = judging->goal,
                            .sample = judging->sample,
                            .loss = loss };
    return problem_losses(&problem, &request, err);
}

/* Start and answer, with these losses. */
static bool trace(const Judging *judging, size_t i, const double loss[2], Error *err) {
    AttackResult *result = judging->result;
    size_t columns = result->columns;
    const Array *const scores[] = { result->start_scores, result->scores };
    Trace *to = &result->trace[i];
    if (!trace_new(to, &(TraceSize){ .count = 2, .columns = columns }, err))
        return false;
    for (size_t t = 0; t < 2; t++) {
        double *row = array_f64(to->scores) + t * columns;
        memcpy(row, array_f64(scores[t]) + i * columns, columns * sizeof *row);
        array_f64(to->loss)[t] = loss[t];
    }
    array_f64(to->distance)[1] = array_f64(result->distance)[i];
    return true;
}

static bool traces(Judging *judging, Error *err) {
    AttackResult *result = judging->result;
    size_t n = result->n;
    double *loss = malloc((2 * n + 1) * sizeof *loss);
    judging->goal = malloc((n + 1) * sizeof *judging->goal);
    judging->sample = malloc((n + 1) * sizeof *judging->sample);
    bool ok = (loss && judging->goal && judging->sample) ||
              error_memory(err, judging->judge->where, 2 * n * sizeof *loss);
    for (size_t i = 0; ok && i < n; i++) {
        judging->goal[i] = result_goal(result, i);
        judging->sample[i] = i;
    }
    ok = ok && lose(judging, result->start_scores, loss, err) &&
         lose(judging, result->scores, loss + n, err);
    for (size_t i = 0; ok && i < n; i++)
        ok = trace(judging, i, (const double[2]){ loss[i], loss[n + i] }, err);
    free(loss);
    free(judging->goal);
    free(judging->sample);
    return ok;
}

AttackResult *attack_judge(const Judge *judge, const AttackTask *task, const float *x_adv,
                           Error *err) {
    Judging judging = { .judge = judge, .task = task, .x_adv = x_adv };
    Batch samples = { task->x, task->n, task->features, judge->where };
    if (!check_task(&judging, err) ||
        !attack_constraint(&judge->params, &samples, &judging.constraint, err))
        return NULL;
    ResultSize size = { .n = task->n,
                        .features = task->features,
                        .targeted = task->target != NULL,
                        .own_dmax = judge->params.dmax_each != NULL };
    judging.result = result_new(&task->model->classes, task->model->rejects, &size, err);
    if (!judging.result)
        return NULL;
    place(&judging);
    bool ok = check_points(&judging, err) && describe(&judging, err) && score(&judging, err) &&
              set_labels(&judging, err) && traces(&judging, err);
    if (ok)
        return judging.result;
    result_free(judging.result);
    return NULL;
}
