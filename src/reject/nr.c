#include "reject/nr.h"

#include "core/fail.h"
#include "reject/threshold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct Nr {
    Model base;
    Model *model;
    double threshold;
};

static void nr_free(Model *base) {
    Nr *nr = (Nr *)base;
    model_release(nr->model);
    free(nr);
}

/* Rows of the inner model's columns, for free(). They are as many as our own classes: those must
 * still be the model's. */
static double *inner_rows(const Nr *nr, const Batch *batch, Error *err) {
    size_t bytes = batch->n * nr->base.classes.count * sizeof(double);
    if (nr->model->rejects || !labels_equal(&nr->model->classes, &nr->base.classes)) {
        error_set(err, ERROR_ARGUMENT,
                  "nr: the model inside has other classes than when it was taken in; call :fit or "
                  "make the nr anew");
        return NULL;
    }
    double *inner = malloc(bytes);
    if (!inner)
        error_memory(err, batch->where, bytes);
    return inner;
}

static bool nr_scores(Model *base, const Batch *batch, double *scores, Error *err) {
    Nr *nr = (Nr *)base;
    size_t classes = base->classes.count;
    double *inner = inner_rows(nr, batch, err);
    if (!inner)
        return false;
    bool ok = model_scores(nr->model, batch, inner, err);
    for (size_t i = 0; ok && i < batch->n; i++) {
        double *row = scores + i * (classes + 1);
        memcpy(row, inner + i * classes, classes * sizeof *row);
        row[classes] = nr->threshold;
    }
    free(inner);
    return ok;
}

static bool nr_gradient(Model *base, const Batch *batch, const GradientRequest *request,
                        Error *err) {
    Nr *nr = (Nr *)base;
    size_t classes = base->classes.count;
    double *inner = inner_rows(nr, batch, err);
    if (!inner)
        return false;
    for (size_t i = 0; i < batch->n; i++)
        memcpy(inner + i * classes, request->w + i * (classes + 1), classes * sizeof *inner);
    GradientRequest weighted = { .w = inner, .gradient = request->gradient };
    bool ok = model_gradient(nr->model, batch, &weighted, err);
    free(inner);
    return ok;
}

static bool take_classes(Nr *nr, Error *err) {
    Labels classes;
    if (!threshold_check_classes("nr", &nr->model->classes, err) ||
        !labels_copy("nr", &nr->model->classes, &classes, err))
        return false;
    labels_clear(&nr->base.classes);
    nr->base.classes = classes;
    nr->base.features = nr->model->features;
    return true;
}

static bool nr_fit(Model *base, const Samples *samples, Progress *progress, Error *err) {
    Nr *nr = (Nr *)base;
    return model_fit(nr->model, samples, progress, err) && take_classes(nr, err);
}

static bool nr_option_at(Model *base, size_t i, FieldPlace *place) {
    return i == 0 && fields_place(&threshold_field, &((Nr *)base)->threshold, "", place);
}

static bool nr_part_at(const Model *base, size_t i, ModelPart *part) {
    *part = (ModelPart){ "", ((const Nr *)base)->model };
    return i == 0;
}

static Model *nr_clone(const Model *base, Error *err) {
    const Nr *nr = (const Nr *)base;
    Model *model = model_clone(nr->model, err);
    if (!model)
        return NULL;
    Nr *copy = nr_new(model, nr->threshold, err);
    model_release(model);
    return (Model *)copy;
}

static bool nr_save(const Model *base, const ModelWriter *to, Error *err) {
    const Nr *nr = (const Nr *)base;
    threshold_write(to->meta, nr->threshold);
    return to->part(to, "model", nr->model, err);
}

static Model *nr_read(const ModelReader *from, Error *err) {
    double threshold;
    if (!threshold_read(from->meta, &threshold, err))
        return NULL;
    Model *model = from->part(from, "model", err);
    if (!model)
        return NULL;
    Nr *nr = nr_new(model, threshold, err);
    model_release(model);
    return (Model *)nr;
}

const ModelKind nr_kind = {
    .name = "nr",
    .free = nr_free,
    .scores = nr_scores,
    .gradient = nr_gradient,
    .fit = nr_fit,
    .option_at = nr_option_at,
    .part_at = nr_part_at,
    .clone = nr_clone,
    .save = nr_save,
    .read = nr_read,
};

Nr *nr_new(Model *model, double threshold, Error *err) {
    if (!threshold_check(threshold, err))
        return NULL;
    if (model->rejects) {
        error_set(err, ERROR_ARGUMENT, "reject.new: the %s already rejects", model->kind->name);
        return NULL;
    }
    Nr *nr = malloc(sizeof *nr);
    if (!nr) {
        error_memory(err, "reject.new", sizeof *nr);
        return NULL;
    }
    *nr = (Nr){ .model = model_retain(model), .threshold = threshold };
    model_init(&nr->base, &nr_kind);
    nr->base.rejects = true;
    if (!take_classes(nr, err)) {
        model_release(&nr->base);
        return NULL;
    }
    return nr;
}

Model *nr_model(const Nr *nr) {
    return nr->model;
}

double nr_threshold(const Nr *nr) {
    return nr->threshold;
}

bool nr_set_threshold(Nr *nr, double threshold, Error *err) {
    if (!threshold_check(threshold, err))
        return false;
    nr->threshold = threshold;
    return true;
}
