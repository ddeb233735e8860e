#include "reject/nr.h"

#include "core/fail.h"
#include "reject/threshold.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const Field fields[] = {
    { "model", FIELD_OBJECT, offsetof(NrParts, model), .type = "model", .required = true,
      .meaning = "what is thresholded; it must not reject by itself" },
    THRESHOLD_FIELD(offsetof(NrParts, threshold)),
    { .name = NULL },
};
static const NrParts initial = { .threshold = -INFINITY };
const Fields nr_fields = { fields, &initial };

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

/* Rows of scores are as long as they were when the model was taken in. */
static bool check_classes(const Nr *nr, Error *err) {
    return model_check_inside(&nr->base, nr->model, false, err);
}

static bool nr_scores(Model *base, const Batch *batch, double *scores, Error *err) {
    Nr *nr = (Nr *)base;
    size_t classes = base->classes.count, bytes = batch->n * classes * sizeof(double);
    if (!check_classes(nr, err))
        return false;
    double *inner = malloc(bytes);
    if (!inner)
        return error_memory(err, batch->where, bytes);
    bool ok = model_scores(nr->model, batch, inner, err);
    if (ok)
        threshold_append_all((Widening){ classes, nr->threshold }, batch->n, inner, scores);
    free(inner);
    return ok;
}

static bool nr_gradient(Model *base, const Batch *batch, const GradientRequest *request,
                        Error *err) {
    Nr *nr = (Nr *)base;
    InnerRequest inner = { request, { base->classes.count, nr->threshold }, .storage = NULL };
    if (!check_classes(nr, err) || !inner_request_init(&inner, batch, err))
        return false;
    bool ok = model_gradient(nr->model, batch, &inner.asked, err);
    inner_request_end(&inner, batch);
    return ok;
}

static bool nr_ascent(Model *base, const Batch *batch, const Ascent *ascent, Error *err) {
    Nr *nr = (Nr *)base;
    size_t classes = base->classes.count, bytes = batch->n * classes * sizeof(double);
    if (!check_classes(nr, err))
        return false;
    Ascent inner = *ascent;
    inner.threshold = fmax(ascent->threshold, nr->threshold);
    if (!(inner.scores = malloc(bytes)))
        return error_memory(err, batch->where, bytes);
    bool ok = model_ascent(nr->model, batch, &inner, err);
    if (ok)
        threshold_append_all((Widening){ classes, nr->threshold }, batch->n, inner.scores,
                             ascent->scores);
    free(inner.scores);
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

static Sizes nr_input_shape(const Model *base) {
    return model_input_shape(((const Nr *)base)->model);
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

static Model *nr_fitted_copy(const Model *base, Error *err) {
    const Nr *nr = (const Nr *)base;
    Model *model = check_classes(nr, err) ? model_part_copy(nr->model, err) : NULL;
    Nr *copy = model ? nr_new(model, nr->threshold, err) : NULL;
    model_release(model);
    return (Model *)copy;
}

static bool nr_save(const Model *base, const ModelWriter *to, Error *err) {
    const Nr *nr = (const Nr *)base;
    threshold_write(to->meta, nr->threshold);
    return check_classes(nr, err) && to->part(to, "model", nr->model, err);
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
    .one_pass = true,
    .gradient = nr_gradient,
    .ascent = nr_ascent,
    .fit = nr_fit,
    .option_at = nr_option_at,
    .part_at = nr_part_at,
    .input_shape = nr_input_shape,
    .clone = nr_clone,
    .fitted_copy = nr_fitted_copy,
    .apply = threshold_apply,
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
