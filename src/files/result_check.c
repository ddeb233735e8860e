#include "files/result_check.h"

#include "attack/attack_fields.h"
#include "attack/constraint.h"
#include "attack/verdict.h"
#include "core/array_values.h"
#include "core/error.h"

#include <math.h>
#include <string.h>

/* What the functions below work on. */
typedef struct Check {
    const AttackResult *result;
    double
        dmax; /* of all samples, unless each has its own; infinite where points may be anywhere */
    double reach;   /* how much farther iterates may be */
    bool unchecked; /* points may be anywhere */
} Check;

/* How far sample i may be, its dmax times so much. */
static double limit(const Check *check, size_t i, double times) {
    const Array *own = check->result->dmax;
    double dmax = own && !check->unchecked ? array_f64(own)[i] : check->dmax;
    return dmax * times + CONSTRAINT_TOLERANCE * fmax(1, dmax);
}

/* ---- Labels ---------------------------------------------------------------------------------- */

/* Are all of them classes, or where a model judged what else it may say? Losses are found by their
 * columns. */
static bool known_labels(const AttackResult *result, const char *name, const Array *label,
                         bool judged, Error *err) {
    for (size_t i = 0; label && i < result->n; i++) {
        int32_t one = array_i32(label)[i];
        bool said = judged && (one == LABEL_NONE || (result->rejects && one == LABEL_REJECTED));
        if (!said && labels_find(&result->classes, one) < 0)
            return error_set(err, ERROR_FILE, "attack result: %s of sample %zu is %d, not a class",
                             name, i + 1, (int)one);
    }
    return true;
}

/* Are the labels those of the scores, and none where these are not all numbers? */
static bool check_judgement(const AttackResult *result, const char *name, const Array *label,
                            const Array *scores, Error *err) {
    const Model judge = { .classes = result->classes, .rejects = result->rejects };
    for (size_t i = 0; i < result->n; i++) {
        int32_t one = array_i32(label)[i];
        int32_t said = verdict_label(&judge, array_f64(scores) + i * result->columns);
        if (one != said && said == LABEL_NONE)
            return error_set(err, ERROR_FILE,
                             "attack result: %s of sample %zu is %d, but its scores are not finite",
                             name, i + 1, (int)one);
        if (one != said)
            return error_set(err, ERROR_FILE,
                             "attack result: %s of sample %zu is not that of its scores, %d", name,
                             i + 1, (int)said);
    }
    return true;
}

static bool check_labels(const AttackResult *result, Error *err) {
    return known_labels(result, "y", result->y, false, err) &&
           known_labels(result, "target", result->target, false, err) &&
           known_labels(result, "label", result->label, true, err) &&
           known_labels(result, "start_label", result->start_label, true, err) &&
           check_judgement(result, "label", result->label, result->scores, err) &&
           check_judgement(result, "start_label", result->start_label, result->start_scores, err);
}

/* ---- Points and distances -------------------------------------------------------------------- */

/* Rounding depends on the machine. */
static bool is_near(double a, double b) {
    return a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= 1e-6 * (1 + fabs(b));
}

static bool check_finite(const AttackResult *result, const char *name, const Array *points,
                         Error *err) {
    size_t d = result->features;
    for (size_t i = 0; i < result->n * d; i++)
        if (!isfinite(array_f32(points)[i]))
            return error_set(err, ERROR_FILE,
                             "attack result: %s of sample %zu: feature %zu is not a finite number",
                             name, i / d + 1, i % d + 1);
    return true;
}

/* Is the distance that of the point, which is told anew, and within the ball? */
static bool check_distance(const Check *check, size_t i, Error *err) {
    const AttackResult *result = check->result;
    size_t d = result->features;
    double one = array_f64(result->distance)[i];
    double told = norm_distance(result->norm, array_f32(result->x_adv) + i * d,
                                array_f32(result->x0) + i * d, d);
    if (!is_near(one, told))
        return error_set(err, ERROR_FILE,
                         "attack result: distance of sample %zu is %g, but its points are %g apart",
                         i + 1, one, told);
    return !(one > limit(check, i, 1)) ||
           error_set(err, ERROR_FILE,
                     "attack result: distance of sample %zu is %g, more than its dmax", i + 1, one);
}

/* Is the t-th iterate's distance one, and that of the pixels where they are kept? */
static bool check_iterate(const Check *check, size_t i, size_t t, Error *err) {
    const AttackResult *result = check->result;
    const Trace *trace = &result->trace[i];
    double one = array_f64(trace->distance)[t];
    size_t d = result->features;
    if (!isnan(array_f64(result->distance)[i]) &&
        !(one >= 0 && one <= limit(check, i, check->reach)))
        return error_set(err, ERROR_FILE,
                         "attack result: trace.distance of sample %zu, iterate %zu, is %g", i + 1,
                         t + 1, one);
    double told = one;
    if (trace->iterates)
        told = norm_distance(result->norm, array_f32(trace->iterates) + t * d,
                             array_f32(result->x0) + i * d, d);
    return is_near(one, told) ||
           error_set(err, ERROR_FILE,
                     "attack result: trace.distance of sample %zu, iterate %zu, is %g, but the "
                     "iterate is %g away",
                     i + 1, t + 1, one, told);
}

/* The answer is one of the iterates. */
static bool check_trace(const Check *check, size_t i, Error *err) {
    const Trace *trace = &check->result->trace[i];
    double answer = array_f64(check->result->distance)[i];
    bool found = false;
    for (size_t t = 0; t < array_size(trace->distance); t++) {
        if (!check_iterate(check, i, t, err))
            return false;
        found = found || is_near(array_f64(trace->distance)[t], answer);
    }
    return found || error_set(err, ERROR_FILE,
                              "attack result: distance of sample %zu is %g, that of none of its "
                              "iterates",
                              i + 1, answer);
}

static bool check_points(const Check *check, Error *err) {
    const AttackResult *result = check->result;
    bool ok = check->unchecked || (check_finite(result, "x0", result->x0, err) &&
                                   check_finite(result, "x_adv", result->x_adv, err));
    for (size_t i = 0; ok && i < result->n; i++)
        ok = check_distance(check, i, err) && check_trace(check, i, err);
    return ok;
}

/* ---- Numbers by themselves ------------------------------------------------------------------- */

static bool in_range(const AttackResult *result, const char *name, const Array *numbers,
                     int32_t most, Error *err) {
    for (size_t i = 0; i < result->n; i++) {
        int32_t one = array_i32(numbers)[i];
        if (one < 0 || one > most)
            return error_set(err, ERROR_FILE, "attack result: %s of sample %zu is %d", name, i + 1,
                             (int)one);
    }
    return true;
}

/* NaN: none was taken. */
static bool not_negative(const char *name, size_t sample, const Array *norms, Error *err) {
    for (size_t k = 0; norms && k < array_size(norms); k++)
        if (array_f64(norms)[k] < 0)
            return error_set(err, ERROR_FILE, "attack result: %s of sample %zu is %g", name,
                             (sample ? sample : k + 1), array_f64(norms)[k]);
    return true;
}

static bool check_radii(const AttackResult *result, Error *err) {
    for (size_t i = 0; result->dmax && i < result->n; i++)
        if (!(array_f64(result->dmax)[i] >= 0))
            return error_set(err, ERROR_FILE, "attack result: dmax of sample %zu is %g", i + 1,
                             array_f64(result->dmax)[i]);
    return true;
}

/* NaN: none decides. */
static bool are_kernels(const char *name, size_t sample, const Array *kernels, Error *err) {
    for (size_t k = 0; kernels && k < array_size(kernels); k++)
        if (array_f64(kernels)[k] > 1)
            return error_set(err, ERROR_FILE, "attack result: %s of sample %zu is %g", name,
                             (sample ? sample : k + 1), array_f64(kernels)[k]);
    return not_negative(name, sample, kernels, err);
}

static bool check_numbers(const AttackResult *result, Error *err) {
    bool ok = in_range(result, "stop", result->stop, STOP_REASONS - 1, err) &&
              in_range(result, "score_count", result->score_count, INT32_MAX, err) &&
              in_range(result, "gradient_count", result->gradient_count, INT32_MAX, err) &&
              check_radii(result, err) &&
              not_negative("gradient_start", 0, result->gradient_start, err) &&
              not_negative("gradient_end", 0, result->gradient_end, err) &&
              are_kernels("kernel_end", 0, result->kernel_end, err);
    for (size_t i = 0; ok && i < result->n; i++)
        ok = not_negative("trace.gradient_norm", i + 1, result->trace[i].gradient_norm, err) &&
             are_kernels("trace.largest_kernel", i + 1, result->trace[i].largest_kernel, err);
    return ok;
}

/* ---- Parameters ------------------------------------------------------------------------------ */

/* Each answer is from a part that the parameters tell of, or from none. */
static bool check_sources(const AttackResult *result, const cJSON *params, Error *err) {
    const cJSON *parts = cJSON_GetObjectItemCaseSensitive(params, "parts"), *part;
    if (result->source && !cJSON_IsArray(parts))
        return error_set(err, ERROR_FILE, "attack result: it has sources, and its params no parts");
    cJSON_ArrayForEach(part, parts) {
        if (!cJSON_IsObject(part))
            return error_set(err, ERROR_FILE,
                             "attack result: the parts of its params are not objects");
    }
    for (size_t i = 0; result->source && i < result->n; i++) {
        int32_t source = array_i32(result->source)[i];
        if (source < 0 || source > cJSON_GetArraySize(parts))
            return error_set(err, ERROR_FILE, "attack result: source of sample %zu is %d, no part",
                             i + 1, (int)source);
    }
    return true;
}

/* Did attack.judge take points from anywhere, for the whole or for a part of it? */
static bool is_unchecked(const cJSON *params) {
    const cJSON *parts = cJSON_GetObjectItemCaseSensitive(params, "parts"), *part;
    bool found = cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(params, "check"));
    cJSON_ArrayForEach(part, parts) {
        found = found || is_unchecked(cJSON_GetObjectItemCaseSensitive(part, "params"));
    }
    return found;
}

static double number(const cJSON *params, const char *name, double other) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(params, name);
    return cJSON_IsNumber(item) ? item->valuedouble : other;
}

/* A minimal attack looks behind dmax, too: by how much the attack, or a part of it, did. */
static double reach_of(const cJSON *params) {
    const cJSON *parts = cJSON_GetObjectItemCaseSensitive(params, "parts"), *part;
    double reach = fmax(1, number(params, "reach", 1));
    cJSON_ArrayForEach(part, parts) {
        reach = fmax(reach, reach_of(cJSON_GetObjectItemCaseSensitive(part, "params")));
    }
    return reach;
}

/* How far answers and iterates may be. */
static void read_limits(Check *check, const cJSON *params) {
    check->dmax = check->unchecked ? INFINITY : number(params, "dmax", INFINITY);
    check->reach = reach_of(params);
}

static bool check_norm(const AttackResult *result, const cJSON *params, Error *err) {
    const char *said = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(params, "norm"));
    return !said || strcmp(said, attack_norm_words[result->norm]) == 0 ||
           error_set(err, ERROR_FILE,
                     "attack result: its norm is %s, in its params it is \"%.20s\"",
                     attack_norm_words[result->norm], said);
}

bool result_check(const AttackResult *result, const cJSON *params, Error *err) {
    Check check = { .result = result, .unchecked = is_unchecked(params) };
    read_limits(&check, params);
    return check_labels(result, err) && check_sources(result, params, err) &&
           check_norm(result, params, err) && check_numbers(result, err) &&
           check_points(&check, err);
}
