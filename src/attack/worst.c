#include "attack/worst.h"

#include "attack/attack_fields.h"
#include "attack/objective.h"
#include "core/array.h"
#include "core/array_values.h"
#include "core/fail.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Are they of the same samples? ---- */

/* Numbers of results as users count them: where the first is the start, the others are 1, 2, … */
static size_t number(const Worst *worst, size_t p) {
    return worst->from_start ? p : p + 1;
}

static bool differs(const Worst *worst, size_t p, const char *what, Error *err) {
    return error_set(err, ERROR_ARGUMENT, "%s: result %zu %s", worst->where, number(worst, p),
                     what);
}

/* The sample of the whole that is the part's i-th. */
static size_t place_of(const WorstPart *part, size_t i) {
    return part->position ? (size_t)part->position[i] - 1 : i;
}

static bool same_kind(const Worst *worst, size_t p, Error *err) {
    const AttackResult *first = worst->part[0].result, *other = worst->part[p].result;
    if (strcmp(first->model_kind, other->model_kind) != 0)
        return error_set(err, ERROR_ARGUMENT, "%s: result %zu is of the model %s, result %zu of %s",
                         worst->where, number(worst, p), other->model_kind, number(worst, 0),
                         first->model_kind);
    if (first->rejects != other->rejects || !labels_equal(&first->classes, &other->classes))
        return differs(worst, p, "is of a model with other classes than the first", err);
    if (first->norm != other->norm)
        return error_set(err, ERROR_ARGUMENT, "%s: result %zu has the norm %s, result %zu %s",
                         worst->where, number(worst, p), attack_norm_words[other->norm],
                         number(worst, 0), attack_norm_words[first->norm]);
    if (first->features != other->features || (!worst->part[p].position && first->n != other->n))
        return error_set(err, ERROR_ARGUMENT,
                         "%s: result %zu is of %zu samples of %zu features, result %zu of %zu of "
                         "%zu",
                         worst->where, number(worst, p), other->n, other->features,
                         number(worst, 0), first->n, first->features);
    return true;
}

static bool same_samples(const Worst *worst, size_t p, Error *err) {
    const AttackResult *first = worst->part[0].result, *other = worst->part[p].result;
    size_t d = first->features;
    for (size_t i = 0; i < other->n; i++) {
        size_t at = place_of(&worst->part[p], i);
        if (at >= first->n)
            return differs(worst, p, "has a position that is no sample's", err);
        if (memcmp(array_f32(other->x0) + i * d, array_f32(first->x0) + at * d,
                   d * sizeof(float)) != 0)
            return error_set(err, ERROR_ARGUMENT,
                             "%s: sample %zu of result %zu is another than that of result %zu",
                             worst->where, i + 1, number(worst, p), number(worst, 0));
        int32_t y = array_i32(other->y)[i], expected = array_i32(first->y)[at];
        if (y != expected)
            return error_set(err, ERROR_ARGUMENT,
                             "%s: sample %zu has the label %d in result %zu, %d in result %zu",
                             worst->where, i + 1, (int)y, number(worst, p), (int)expected,
                             number(worst, 0));
    }
    return true;
}

/* Have all of them the first one's targets? */
static bool same_targets(const Worst *worst) {
    const Array *first = worst->part[0].result->target;
    for (size_t p = 0; first && p < worst->count; p++) {
        const AttackResult *other = worst->part[p].result;
        for (size_t i = 0; i < other->n; i++)
            if (!other->target ||
                array_i32(other->target)[i] != array_i32(first)[place_of(&worst->part[p], i)])
                return false;
    }
    return first != NULL;
}

/* ---- Which answer is worth more? ---- */

typedef struct Answer {
    bool hit;
    int rank; /* by its verdict: lower is better */
    double distance, margin;
} Answer;

static const int ranks[VERDICTS] = { [VERDICT_EVADED] = 0,
                                     [VERDICT_WRONG] = 1,
                                     [VERDICT_CORRECT] = 2,
                                     [VERDICT_REJECTED] = 2,
                                     [VERDICT_FAILED] = 3 };

static Answer answer_of(const AttackResult *result, size_t i, bool targeted) {
    /* Objectives know of a model what the result does. */
    const Model model = { .classes = result->classes, .rejects = result->rejects };
    const double *scores = array_f64(result->scores) + i * result->columns;
    Goal goal = result_goal(result, i);
    if (!targeted)
        goal.target = -1;
    return (Answer){ .hit = targeted && result_hit(result, i),
                     .rank = ranks[result_verdict(result, i)],
                     .distance = array_f64(result->distance)[i],
                     .margin = objective_is_sound(&model, scores)
                                   ? objective_continuous.loss(&model, scores, goal)
                                   : INFINITY };
}

static bool is_better(const Answer *a, const Answer *b) {
    if (a->hit != b->hit)
        return a->hit;
    if (!a->hit && a->rank != b->rank)
        return a->rank < b->rank;
    if (a->hit || a->rank == ranks[VERDICT_EVADED])
        return a->distance < b->distance;
    return a->margin < b->margin;
}

/* Where a sample's answer is. */
typedef struct Source {
    size_t part, row;
    Answer answer;
} Source;

static void choose(const Worst *worst, bool targeted, Source *source) {
    for (size_t p = 0; p < worst->count; p++) {
        const WorstPart *part = &worst->part[p];
        for (size_t i = 0; i < part->result->n; i++) {
            Source *best = &source[place_of(part, i)];
            Source here = { p, i, answer_of(part->result, i, targeted) };
            bool first = p == 0 || (worst->from_start && best->part == 0);
            if (first || is_better(&here.answer, &best->answer))
                *best = here;
        }
    }
}

/* ---- The result ---- */

static bool header(const Worst *worst, AttackResult *result, Error *err) {
    const AttackResult *first = worst->part[0].result;
    result->sample_ndim = first->sample_ndim;
    memcpy(result->sample_shape, first->sample_shape, sizeof result->sample_shape);
    result->norm = first->norm;
    result->attack = strdup(worst->name);
    result->model_kind = strdup(first->model_kind);
    result->params = strdup(worst->params);
    return (result->attack && result->model_kind && result->params) ||
           error_memory(err, worst->where, strlen(worst->params));
}

/* What belongs to sample i, from the result that its answer is in. */
static bool take(const Worst *worst, const Source *source, AttackResult *result, Error *err) {
    for (size_t i = 0; i < result->n; i++) {
        // NOLINTNEXTLINE(clang-analyzer-core.uninitialized.*): the first part has every sample
        const AttackResult *from = worst->part[source[i].part].result;
        size_t row = source[i].row;
        for (size_t k = 0; k < RESULT_ARRAYS; k++) {
            const Array *rows = *result_array(from, &result_arrays[k]);
            Array *to = *result_array(result, &result_arrays[k]);
            size_t bytes = to ? array_bytes(to) / result->n : 0;
            if (to && rows)
                memcpy((char *)to->data + i * bytes, (const char *)rows->data + row * bytes, bytes);
        }
        array_i32(result->source)[i] = (int32_t)number(worst, source[i].part);
        bool over = source[i].answer.hit || source[i].answer.rank != ranks[VERDICT_CORRECT];
        if (worst->unpaid && worst->unpaid[i] && !over)
            array_i32(result->stop)[i] = STOP_MAX_QUERIES;
        if ((worst->interrupted || worst->ended) && !over)
            array_i32(result->stop)[i] = worst->interrupted ? STOP_INTERRUPTED : STOP_ON_STEP;
        if (!trace_share(&result->trace[i], &from->trace[row], err))
            return false;
    }
    return true;
}

/* The one dmax that the parameters tell; infinite where they tell none. */
static bool read_dmax(const Worst *worst, const AttackResult *part, double *dmax, Error *err) {
    cJSON *params = cJSON_Parse(part->params);
    const cJSON *told = cJSON_GetObjectItemCaseSensitive(params, "dmax");
    *dmax = cJSON_IsNumber(told) ? told->valuedouble : INFINITY;
    cJSON_Delete(params);
    return params || error_memory(err, worst->where, strlen(part->params));
}

/* How far the answers might go that are from parts with one dmax for all. */
static bool fill_dmax(const Worst *worst, const Source *source, AttackResult *result, Error *err) {
    for (size_t p = 0; result->dmax && p < worst->count; p++) {
        const AttackResult *from = worst->part[p].result;
        double dmax;
        if (from->dmax)
            continue;
        if (!read_dmax(worst, from, &dmax, err))
            return false;
        for (size_t i = 0; i < result->n; i++)
            if (source[i].part == p)
                array_f64(result->dmax)[i] = dmax;
    }
    return true;
}

static void add_count(Array *to, size_t i, int32_t count) {
    int64_t sum = (int64_t)array_i32(to)[i] + count;
    array_i32(to)[i] = sum > INT32_MAX ? INT32_MAX : (int32_t)sum;
}

static void sum_evaluations(const Worst *worst, AttackResult *result) {
    memset(result->score_count->data, 0, array_bytes(result->score_count));
    memset(result->gradient_count->data, 0, array_bytes(result->gradient_count));
    for (size_t p = 0; p < worst->count; p++) {
        const AttackResult *from = worst->part[p].result;
        for (size_t i = 0; i < from->n; i++) {
            size_t at = place_of(&worst->part[p], i);
            add_count(result->score_count, at, array_i32(from->score_count)[i]);
            add_count(result->gradient_count, at, array_i32(from->gradient_count)[i]);
        }
    }
}

static bool knows_norms(const Worst *worst) {
    bool any = false;
    for (size_t p = 0; p < worst->count; p++)
        any = any || worst->part[p].result->gradient_end;
    return any;
}

static bool has_own_dmax(const Worst *worst) {
    bool any = false;
    for (size_t p = 0; p < worst->count; p++)
        any = any || worst->part[p].result->dmax;
    return any;
}

AttackResult *result_worst(const Worst *worst, Error *err) {
    assert(worst->count > 0);
    const AttackResult *first = worst->part[0].result;
    for (size_t p = 1; p < worst->count; p++)
        if (!same_kind(worst, p, err) || !same_samples(worst, p, err))
            return NULL;
    bool targeted = same_targets(worst);
    Source *source = malloc((first->n + 1) * sizeof *source);
    if (!source) {
        error_memory(err, worst->where, first->n * sizeof *source);
        return NULL;
    }
    choose(worst, targeted, source);
    ResultSize size = { .n = first->n,
                        .features = first->features,
                        .targeted = targeted,
                        .sourced = true,
                        .own_dmax = has_own_dmax(worst),
                        .searched = knows_norms(worst) };
    AttackResult *result = result_new(&first->classes, first->rejects, &size, err);
    bool ok = result && header(worst, result, err) && take(worst, source, result, err) &&
              fill_dmax(worst, source, result, err);
    free(source);
    if (ok) {
        sum_evaluations(worst, result);
        result_drop_unknown_kernels(result);
        return result;
    }
    result_free(result);
    return NULL;
}
