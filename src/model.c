#include "model.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void model_init(Model *model, const ModelKind *kind) {
    *model = (Model){ .kind = kind, .refs = 1 };
}

Model *model_retain(Model *model) {
    if (model)
        model->refs++;
    return model;
}

void model_release(Model *model) {
    if (!model || --model->refs > 0)
        return;
    labels_clear(&model->classes);
    model->kind->free(model);
}

bool model_is_fitted(const Model *model) {
    return model->classes.count > 0;
}

size_t model_columns(const Model *model) {
    return model->classes.count + (model->rejects ? 1 : 0);
}

bool model_not_fitted(const Model *model, const char *where, Error *err) {
    return error_set(err, ERROR_ARGUMENT, "%s: this %s is not fitted yet; %s", where,
                     model->kind->name,
                     model->kind->unfitted ? model->kind->unfitted : "call :fit first");
}

static bool cannot(const Model *model, const char *what, Error *err) {
    return error_set(err, ERROR_ARGUMENT, "%s: a %s model cannot do this", what, model->kind->name);
}

static bool check_ready(Model *model, const char *where, size_t features, Error *err) {
    if (!model_is_fitted(model))
        return model_not_fitted(model, where, err);
    if (model->features != 0 && model->features != features)
        return error_set(err, ERROR_ARGUMENT, "%s: samples have %zu features, the %s takes %zu",
                         where, features, model->kind->name, model->features);
    model->features = features;
    return true;
}

bool model_scores(Model *model, const char *where, const float *x, size_t n, size_t features,
                  double *scores, Error *err) {
    return check_ready(model, where, features, err) &&
           (n == 0 || model->kind->scores(model, x, n, scores, err));
}

bool model_gradient(Model *model, const char *where, const float *x, size_t n, size_t features,
                    const double *w, float *gradient, Error *err) {
    if (!check_ready(model, where, features, err))
        return false;
    if (!model->kind->gradient)
        return cannot(model, where, err);
    return n == 0 || model->kind->gradient(model, x, n, w, gradient, err);
}

bool model_check_samples(const Model *model, const Samples *samples, Error *err) {
    if (samples->n == 0)
        return error_set(err, ERROR_ARGUMENT, "fit: the dataset is empty");
    for (size_t i = 0; model->rejects && i < samples->n; i++)
        if (samples->y[i] == LABEL_REJECTED)
            return error_set(err, ERROR_ARGUMENT,
                             "fit: sample %zu has the label %d, by which the %s says that it "
                             "rejects; give its class another label",
                             i + 1, LABEL_REJECTED, model->kind->name);
    return true;
}

bool model_fit(Model *model, const Samples *samples, Progress *progress, Error *err) {
    if (!model->kind->fit)
        return cannot(model, "fit", err);
    return model_check_samples(model, samples, err) &&
           model->kind->fit(model, samples, progress, err);
}

/* Rows of `samples` whose fold is (or is not) k, copied together; `chosen` gets their positions. */
typedef struct Subset {
    float *x;
    int32_t *y;
    size_t *position;
    size_t n;
} Subset;

static void subset_clear(Subset *subset) {
    free(subset->x);
    free(subset->y);
    free(subset->position);
    *subset = (Subset){ 0 };
}

static bool subset_take(const Samples *all, const int32_t *fold, int k, bool in_fold,
                        Subset *subset, Error *err) {
    size_t n = 0, width = all->features;
    for (size_t i = 0; i < all->n; i++)
        n += (fold[i] == k) == in_fold;
    *subset = (Subset){ malloc((n * width + 1) * sizeof(float)), malloc((n + 1) * sizeof(int32_t)),
                        malloc((n + 1) * sizeof(size_t)), 0 };
    if (!subset->x || !subset->y || !subset->position) {
        subset_clear(subset);
        return error_memory(err, "fit", n * width * sizeof(float));
    }
    for (size_t i = 0; i < all->n; i++) {
        if ((fold[i] == k) != in_fold)
            continue;
        memcpy(subset->x + subset->n * width, all->x + i * width, width * sizeof(float));
        subset->y[subset->n] = all->y[i];
        subset->position[subset->n++] = i;
    }
    return true;
}

static bool is_interrupted(const Progress *progress) {
    return progress_was_interrupted(progress) || progress_interrupt_pending();
}

/* Train on all folds but k and put fold k's scores into oof, in the columns of `classes`: a class
 * that the other folds lack keeps the lowest score of its row. */
static bool score_fold(Model *model, const Samples *samples, const int32_t *fold, int k,
                       const Labels *classes, double *oof, Progress *progress, Error *err) {
    Subset rest, held;
    if (!subset_take(samples, fold, k, false, &rest, err))
        return false;
    bool ok = subset_take(samples, fold, k, true, &held, err);
    if (!ok) {
        subset_clear(&rest);
        return false;
    }
    Samples training = { rest.x, rest.y, rest.n, samples->features };
    double *scores = NULL;
    ok = model_fit(model, &training, progress, err);
    /* A fit that was interrupted may have left the model as it was: not fitted. */
    if (ok && held.n > 0 && !is_interrupted(progress)) {
        size_t columns = model_columns(model);
        scores = malloc(held.n * columns * sizeof *scores);
        ok = scores ? model_scores(model, "fit", held.x, held.n, samples->features, scores, err)
                    : error_memory(err, "fit", held.n * columns * sizeof *scores);
        for (size_t i = 0; ok && i < held.n; i++) {
            const double *from = scores + i * columns;
            double *to = oof + held.position[i] * classes->count, lowest = from[0];
            for (size_t c = 1; c < model->classes.count; c++)
                lowest = from[c] < lowest ? from[c] : lowest;
            for (size_t c = 0; c < classes->count; c++) {
                ptrdiff_t column = labels_find(&model->classes, classes->label[c]);
                to[c] = column < 0 ? lowest : from[column];
            }
        }
    }
    free(scores);
    subset_clear(&held);
    subset_clear(&rest);
    return ok;
}

bool model_fit_folds(Model *model, const Samples *samples, const int32_t *fold, int folds,
                     double *oof, Progress *progress, Error *err) {
    if (!model_check_samples(model, samples, err))
        return false;
    if (model->kind->fit_folds)
        return model->kind->fit_folds(model, samples, fold, folds, oof, progress, err);
    Labels classes;
    if (!labels_from("fit", samples->y, samples->n, &classes, err))
        return false;
    progress_begin(progress, "fitting folds", folds + 1);
    bool ok = true, go = true;
    for (int k = 0; k < folds && go; k++) {
        ok = score_fold(model, samples, fold, k, &classes, oof, progress, err);
        go = progress_step(progress, 1, NULL) && ok;
    }
    if (go)
        ok = model_fit(model, samples, progress, err);
    progress_end(progress);
    labels_clear(&classes);
    return ok;
}

bool model_set(Model *model, const char *name, double value, Error *err) {
    return model->kind->set ? model->kind->set(model, name, value, err) : cannot(model, "set", err);
}

bool model_get(const Model *model, const char *name, double *value, Error *err) {
    return model->kind->get ? model->kind->get(model, name, value, err) : cannot(model, "get", err);
}

Model *model_clone(const Model *model, Error *err) {
    if (model->kind->clone)
        return model->kind->clone(model, err);
    cannot(model, "clone", err);
    return NULL;
}

size_t model_bytes(const Model *model) {
    return 512 + (model->kind->bytes ? model->kind->bytes(model) : 0);
}

double model_fit_bytes(const Model *model, size_t n, char *sum) {
    *sum = '\0';
    return model->kind->fit_bytes ? model->kind->fit_bytes(model, n, sum) : 0;
}

size_t model_best_class(const Model *model, const double *row) {
    assert(model->classes.count > 0);
    size_t best = 0;
    for (size_t c = 1; c < model->classes.count; c++)
        if (row[c] > row[best])
            best = c;
    return best;
}

int32_t model_label(const Model *model, const double *row) {
    size_t best = model_best_class(model, row);
    if (model->rejects && !(row[best] > row[model->classes.count]))
        return LABEL_REJECTED;
    return model->classes.label[best];
}
