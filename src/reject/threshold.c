#include "reject/threshold.h"

#include "core/fail.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const Field threshold_field = THRESHOLD_FIELD(0);

bool threshold_check(double threshold, Error *err) {
    return field_check(&threshold_field, &threshold, err);
}

bool threshold_apply(Model *model, const char *name) {
    (void)model;
    (void)name;
    return true;
}

bool threshold_check_classes(const char *where, const Labels *classes, Error *err) {
    return labels_find(classes, LABEL_REJECTED) < 0 ||
           error_set(err, ERROR_ARGUMENT,
                     "%s: a class has the label %d, which means rejected; give it another label",
                     where, LABEL_REJECTED);
}

void threshold_append(Widening to, const double *scores, double *row) {
    memcpy(row, scores, to.classes * sizeof *row);
    row[to.classes] = to.threshold;
}

void threshold_append_all(Widening to, size_t n, const double *scores, double *rows) {
    for (size_t i = 0; i < n; i++)
        threshold_append(to, scores + i * to.classes, rows + i * (to.classes + 1));
}

/* The reject column's weight has no effect: it is left out. */
static void weigh_inner(const void *context, size_t row, const double *scores, double *w) {
    const InnerRequest *inner = context;
    const GradientRequest *outer = inner->outer;
    size_t classes = inner->widening.classes, at = (row - outer->first_row) * (classes + 1);
    threshold_append(inner->widening, scores, inner->scores + at);
    outer->weigh(outer->context, row, inner->scores + at, inner->w + at);
    memcpy(w, inner->w + at, classes * sizeof *w);
}

bool inner_request_init(InnerRequest *inner, const Batch *batch, Error *err) {
    const GradientRequest *outer = inner->outer;
    size_t classes = inner->widening.classes, rows = batch->n * (classes + 1);
    double *storage = malloc((2 * rows + 1) * sizeof *storage);
    if (!storage)
        return error_memory(err, batch->where, 2 * rows * sizeof *storage);
    inner->storage = storage;
    inner->asked = (GradientRequest){ .first_row = outer->first_row,
                                      .gradient = outer->gradient,
                                      .largest = outer->largest };
    if (!outer->w) {
        inner->scores = outer->scores ? outer->scores : storage;
        inner->w = storage + rows;
        inner->asked.weigh = weigh_inner;
        inner->asked.context = inner;
        return true;
    }
    for (size_t i = 0; i < batch->n; i++)
        memcpy(storage + i * classes, outer->w + i * (classes + 1), classes * sizeof *storage);
    inner->asked.w = storage;
    inner->asked.scores = outer->scores ? storage + rows : NULL;
    return true;
}

void inner_request_end(InnerRequest *inner, const Batch *batch) {
    if (inner->asked.scores)
        threshold_append_all(inner->widening, batch->n, inner->asked.scores, inner->outer->scores);
    free(inner->storage);
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double threshold_from_best(double p, double *best, size_t n, Error *err) {
    if (!(p >= 0 && p <= 1)) {
        error_set(err, ERROR_ARGUMENT,
                  "threshold_for: p is the share to reject, from 0 to 1, got %g", p);
        return NAN;
    }
    if (n == 0) {
        error_set(err, ERROR_ARGUMENT, "threshold_for: the dataset is empty");
        return NAN;
    }
    size_t rejected = (size_t)floor(p * (double)n + 1e-9);
    qsort(best, n, sizeof *best, compare);
    return rejected == 0 ? -INFINITY : best[rejected - 1];
}

/* Scores to best class scores, in place: row i's lands at or before the rows still to be read. */
static void keep_best(const Model *model, double *scores, size_t n) {
    size_t columns = model_columns(model);
    for (size_t i = 0; i < n; i++) {
        const double *row = scores + i * columns;
        scores[i] = row[model_best_class(model, row)];
    }
}

double threshold_for(Model *model, double p, const Batch *batch, Error *err) {
    size_t count = batch->n * model_columns(model);
    double *scores = malloc((count + 1) * sizeof *scores), threshold = NAN;
    if (!scores)
        error_memory(err, batch->where, count * sizeof *scores);
    else if (model_scores_in_pieces(model, batch, scores, err) &&
             model_check_rows(model, scores, batch, err)) {
        keep_best(model, scores, batch->n);
        threshold = threshold_from_best(p, scores, batch->n, err);
    }
    free(scores);
    return threshold;
}

void threshold_write(JsonNode meta, double threshold) {
    if (isfinite(threshold))
        json_number(meta, "threshold", threshold);
    else
        json_null(meta, "threshold");
}

bool threshold_read(const cJSON *meta, double *threshold, Error *err) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(meta, "threshold");
    if (cJSON_IsNull(item))
        *threshold = -INFINITY;
    else if (cJSON_IsNumber(item) && isfinite(item->valuedouble))
        *threshold = item->valuedouble;
    else
        return error_set(err, ERROR_FILE, "the metadata's threshold is not a number or null");
    return true;
}
