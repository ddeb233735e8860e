/* attack_run_prepare.c — before the first descent: the task is checked, the samples are scored, and
 * their labels become goals in columns. */
#include "attack/attack_run_inside.h"
#include "attack/attacked.h"
#include "attack/mean_model.h"
#include "core/array.h"
#include "core/fail.h"
#include "core/hash.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool set_constraint(Run *run, Error *err) {
    Batch samples = { run->task->x, run->task->n, run->task->features, run->problem.where };
    return attack_constraint(&run->params, &samples, &run->problem.constraint, err) &&
           constraint_check(&run->problem.constraint, &samples, err);
}

/* Are all of them classes of the model? */
static bool known_labels(const Run *run, const char *what, const int32_t *label, Error *err) {
    const Model *model = run->problem.model;
    for (size_t i = 0; i < run->task->n; i++)
        if (labels_find(&model->classes, label[i]) < 0)
            return error_set(err, ERROR_ARGUMENT,
                             "%s: sample %zu: %s %d is not a class of the %s model",
                             run->problem.where, i + 1, what, (int)label[i], model->kind->name);
    return true;
}

/* Goals, in columns; y where it was not given is the model's best class. */
static bool set_goals(Run *run, Error *err) {
    const AttackTask *task = run->task;
    const Model *model = run->problem.model;
    const Labels *classes = &model->classes;
    int32_t *y = array_i32(run->result->y), *target = NULL;
    const double *start_scores = array_f64(run->result->start_scores);
    Batch samples = { .n = task->n, .where = run->problem.where };
    if (!task->y && !model_check_rows(model, start_scores, &samples, err))
        return false;
    for (size_t i = 0; i < task->n; i++) {
        const double *scores = start_scores + i * run->problem.columns;
        y[i] = task->y ? task->y[i] : classes->label[model_best_class(model, scores)];
    }
    if (task->target) {
        target = array_i32(run->result->target);
        memcpy(target, task->target, task->n * sizeof *target);
    }
    if (!known_labels(run, "label", y, err) ||
        (target && !known_labels(run, "target", target, err)))
        return false;
    bool nearest = !target && task->rule == TARGET_NEAREST;
    for (size_t i = 0; i < task->n; i++) {
        Goal *goal = &run->goal[i];
        *goal = (Goal){ .truth = (size_t)labels_find(classes, y[i]),
                        .target = target ? labels_find(classes, target[i]) : -1,
                        .any = nearest };
        if (nearest)
            goal->target = (ptrdiff_t)scores_best_but(start_scores + i * run->problem.columns,
                                                      classes->count, goal->truth);
    }
    bool each = task->rule == TARGET_EACH || run->problem.attack->each_class;
    run->per = each && !target ? classes->count - 1 : 1;
    return true;
}

/* What is each sample's own, as if it were attacked alone. */
static bool set_extents(Run *run, const AttackParams *params, Error *err) {
    for (size_t i = 0; i < run->task->n; i++) {
        AttackParams one = run->params;
        if (params->dmax_each) {
            one = *params;
            one.dmax = array_f64(params->dmax_each)[i];
            one.dmax_each = NULL;
            if (!attack_resolve(run->problem.attack, &one, &one, err))
                return false;
            array_f64(run->result->dmax)[i] = one.dmax;
        }
        run->extent[i] = (Extent){ one.dmax, one.eta };
    }
    return true;
}

static bool allocate_run(Run *run, Error *err) {
    const AttackTask *task = run->task;
    size_t n = task->n + 1;
    run->goal = calloc(n, sizeof *run->goal);
    run->extent = calloc(n, sizeof *run->extent);
    run->sample = calloc(n, sizeof *run->sample);
    run->stream = calloc(n, sizeof *run->stream);
    run->best = calloc(n, sizeof *run->best);
    run->unpaid = calloc(n, sizeof *run->unpaid);
    bool each = !PROBLEM_PART(&run->problem, on_step);
    run->session = each ? calloc(n / ATTACK_GROUP + 1, sizeof *run->session) : NULL;
    if ((each && !run->session) || !run->goal || !run->extent || !run->sample || !run->stream ||
        !run->best || !run->unpaid)
        return error_memory(err, run->problem.where, n * sizeof(Goal));
    ResultSize size = { .n = task->n,
                        .features = task->features,
                        .targeted = task->target != NULL,
                        .own_dmax = run->params.dmax_each != NULL,
                        .searched = true };
    run->result = result_new(&run->attacked->classes, run->attacked->rejects, &size, err);
    return run->result != NULL;
}

/* What each sample may spend. */
static bool set_budgets(Run *run, Error *err) {
    const Array *most = run->params.max_queries;
    size_t n = run->task->n, count = most ? array_size(most) : 0;
    if (!most)
        return true;
    if (count != 1 && count != n)
        return error_set(
            err, ERROR_ARGUMENT,
            "%s: max_queries: expected one number, or one for each of %zu samples, got "
            "%zu",
            run->problem.where, n, count);
    for (size_t i = 0; i < count; i++)
        if (array_i32(most)[i] < run->params.samples)
            return error_set(err, ERROR_ARGUMENT,
                             "%s: max_queries: %d do not pay for one answer, a mean of samples = "
                             "%d of them",
                             run->problem.where, (int)array_i32(most)[i], run->params.samples);
    if (!(run->left = malloc((n + 1) * sizeof *run->left)))
        return error_memory(err, run->problem.where, n * sizeof *run->left);
    for (size_t i = 0; i < n; i++)
        run->left[i] = (size_t)array_i32(most)[count == 1 ? 0 : i];
    return true;
}

static bool set_model(Run *run, Error *err) {
    run->problem.model = run->attacked = attacked_new(run->task->model, err);
    if (!run->attacked || run->params.samples == 1)
        return run->attacked != NULL;
    run->problem.model = run->mean = mean_model_new(run->attacked, run->params.samples, err);
    return run->mean != NULL;
}

/* What the result says about itself. */
static bool describe(Run *run, Error *err) {
    const AttackTask *task = run->task;
    AttackResult *result = run->result;
    if (task->sample_ndim > 0) {
        result->sample_ndim = task->sample_ndim;
        memcpy(result->sample_shape, task->sample_shape, sizeof result->sample_shape);
    }
    result->norm = run->params.norm;
    result->attack = strdup(run->problem.attack->name);
    result->model_kind = strdup(task->model->kind->name);
    run->params.rule = task->rule;
    result->params = attack_params_json(run->problem.attack, &run->params);
    return (result->attack && result->model_kind && result->params) ||
           error_memory(err, run->problem.where, 64);
}

static bool check_begin(const Run *run, Error *err) {
    const AttackTask *task = run->task;
    if (task->begin && !attack_uses(run->problem.attack, "start"))
        return error_set(err, ERROR_ARGUMENT,
                         "%s: start: this attack sets out from the samples themselves",
                         run->problem.where);
    for (size_t j = 0; task->begin && j < task->n * task->features; j++)
        if (!isfinite(task->begin[j]))
            return error_set(err, ERROR_ARGUMENT,
                             "%s: start: sample %zu: feature %zu is not a finite number",
                             run->problem.where, j / task->features + 1, j % task->features + 1);
    return true;
}

/* An attack of gradients would take one that is not there for a flat one; of labels alone losses
 * jump, and nothing leads anywhere. */
static bool check_answers(const Run *run, Error *err) {
    const Attack *attack = run->problem.attack;
    const Model *model = run->task->model;
    ModelAnswers answers = model_answers(model);
    bool follows = attack->gradient && !PROBLEM_PART(&run->problem, direction);
    if (answers == MODEL_LABELS && (follows || attack->compares))
        return error_set(err, ERROR_ARGUMENT,
                         "%s: this %s model answers labels alone; attack.hopskipjump needs no more",
                         run->problem.where, model->kind->name);
    if (answers == MODEL_SCORES && follows)
        return error_set(err, ERROR_ARGUMENT,
                         "%s: this %s model has no gradient; attack.square needs its scores alone, "
                         "attack.hopskipjump its labels",
                         run->problem.where, model->kind->name);
    return true;
}

/* Columns of one model's classes are columns of the other's. */
static bool check_surrogate(const Run *run, Error *err) {
    const char *where = run->problem.where;
    const Model *model = run->task->model, *other = run->params.surrogate;
    if (!attack_uses(run->problem.attack, "surrogate"))
        return true;
    if (!other)
        return error_set(err, ERROR_ARGUMENT,
                         "%s: surrogate: expected the model whose gradients are followed, got "
                         "nothing",
                         where);
    if (!model_is_fitted(other))
        return model_not_fitted(other, where, err);
    if (!labels_equal(&model->classes, &other->classes))
        return error_set(err, ERROR_ARGUMENT,
                         "%s: surrogate: this %s has other classes than the attacked %s", where,
                         other->kind->name, model->kind->name);
    return model_answers(other) == MODEL_GRADIENTS ||
           error_set(err, ERROR_ARGUMENT, "%s: surrogate: this %s model has no gradient", where,
                     other->kind->name);
}

static bool check_task(const Run *run, Error *err) {
    const Model *model = run->task->model;
    if (!model_is_fitted(model))
        return model_not_fitted(model, run->problem.where, err);
    if (run->task->features == 0)
        return error_set(err, ERROR_ARGUMENT, "%s: samples have no features", run->problem.where);
    size_t choices = run->task->target ? model_columns(model) : model->classes.count;
    if (choices < 2)
        return error_set(err, ERROR_ARGUMENT, "%s: the %s model has one class: nothing to evade to",
                         run->problem.where, model->kind->name);
    return check_answers(run, err) && check_surrogate(run, err) && check_begin(run, err);
}

static void set_shape(Run *run) {
    const AttackTask *task = run->task;
    Sizes *shape = &run->problem.shape;
    *shape = model_input_shape(task->model);
    if (shape->ndim > 0 && sizes_product(shape) == task->features)
        return;
    *shape = (Sizes){ .ndim = task->sample_ndim };
    memcpy(shape->size, task->sample_shape, sizeof shape->size);
    if (shape->ndim == 0 || sizes_product(shape) != task->features)
        *shape = (Sizes){ 1, { task->features } };
}

/* As they would be scored in the part of the set that is theirs. */
static bool score_samples(const Run *run, Error *err) {
    const AttackTask *task = run->task;
    const SessionState start = session_save();
    bool ok = true;
    for (size_t first = 0; ok && first < task->n; first += ATTACK_GROUP) {
        size_t left = task->n - first, group = first / ATTACK_GROUP;
        const SessionState begins = session_part(&start, group);
        Points points = { task->x + first * task->features,
                          left < ATTACK_GROUP ? left : ATTACK_GROUP,
                          array_f64(run->result->start_scores) + first * run->problem.columns };
        if (run->session)
            session_restore(&begins);
        ok = problem_score(&run->problem, &points, err);
        if (run->session)
            run->session[group] = session_save();
    }
    return ok;
}

/* The samples as they are now are the run's: what on_step writes into them counts no more. */
static void take_samples(Run *run) {
    const AttackTask *task = run->task;
    size_t bytes = task->n * task->features * sizeof(float);
    memcpy(array_f32(run->result->x0), task->x, bytes);
    memcpy(array_f32(run->result->x_adv), task->x, bytes);
    run->own = *task;
    run->own.x = array_f32(run->result->x0);
    run->task = &run->own;
}

bool run_prepare(Run *run, const AttackParams *params, Error *err) {
    Problem *problem = &run->problem;
    if (!check_task(run, err) || !set_model(run, err) || !set_constraint(run, err) ||
        !set_budgets(run, err) || !allocate_run(run, err) || !set_extents(run, params, err) ||
        !describe(run, err))
        return false;
    set_shape(run);
    take_samples(run);
    const AttackTask *task = run->task;
    if (!score_samples(run, err) || !set_goals(run, err))
        return false;
    for (size_t i = 0; i < task->n; i++) {
        run->sample[i] = i;
        /* By its pixels, so that a sample gets the same numbers alone and in any batch. */
        const float *x = task->x + i * task->features;
        run->stream[i] = run->params.seed ^ hash_bytes(x, task->features * sizeof *x);
        array_i32(run->result->start_label)[i] = verdict_label(
            problem->model, array_f64(run->result->start_scores) + i * problem->columns);
    }
    return true;
}
