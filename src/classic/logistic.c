#include "classic/logistic.h"

#include "classic/newton.h"
#include "core/array.h"
#include "core/blas.h"
#include "core/fail.h"
#include "core/fields_json.h"
#include "data/safetensors.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct Logistic {
    Model base;
    LogisticParams params;
    Array *weight, *b;
    double left; /* of the gradient when it was fitted */
};

static const Field fields[] = {
    { "C", FIELD_NUMBER, offsetof(LogisticParams, C), .low = 0, .high = INFINITY,
      .open = FIELD_ABOVE_LOW | FIELD_BELOW_HIGH,
      .meaning = "the weight of the samples' losses against the penalty" },
    { "tolerance", FIELD_NUMBER, offsetof(LogisticParams, tolerance), .low = 0, .high = 1,
      .open = FIELD_ABOVE_LOW,
      .meaning =
          "the largest entry of the objective's gradient, beside C n or 1, at which it is done" },
    { "max_iter", FIELD_SIZE, offsetof(LogisticParams, max_iter), .low = 1, .high = 1e6,
      .meaning = "at most so many steps of Newton's method" },
    { .name = NULL },
};
static const LogisticParams initial = { .C = 1, .tolerance = 1e-6, .max_iter = 100 };
const Fields logistic_fields = { fields, &initial };

static void logistic_free(Model *base) {
    Logistic *self = (Logistic *)base;
    array_free(self->weight);
    array_free(self->b);
    free(self);
}

/* ---- Scores ---------------------------------------------------------------------------------- */

static size_t functions_of(const Logistic *self) {
    return array_length(self->b);
}

/* A batch in double. */
static double *widen(const Batch *batch, Error *err) {
    size_t count = batch->n * batch->features;
    double *x = malloc(count * sizeof *x);
    if (!x)
        error_memory(err, batch->where, count * sizeof *x);
    for (size_t i = 0; x && i < count; i++)
        x[i] = batch->x[i];
    return x;
}

static bool logistic_scores(Model *base, const Batch *batch, double *scores, Error *err) {
    const Logistic *self = (const Logistic *)base;
    size_t k = functions_of(self), columns = base->classes.count, d = base->features;
    double *x = widen(batch, err);
    if (!x)
        return false;
    for (size_t i = 0; i < batch->n; i++)
        memcpy(scores + i * columns, array_f64(self->b), k * sizeof *scores);
    blas_dgemm(false, true, batch->n, k, d, 1, x, d, array_f64(self->weight), d, 1, scores,
               columns);
    for (size_t i = 0; k == 1 && i < batch->n; i++) {
        double half = scores[i * 2] / 2;
        scores[i * 2] = -half;
        scores[i * 2 + 1] = half;
    }
    free(x);
    return true;
}

static bool logistic_gradient(Model *base, const Batch *batch, const GradientRequest *request,
                              Error *err) {
    const Logistic *self = (const Logistic *)base;
    size_t k = functions_of(self), d = base->features, n = batch->n, wide = k > 1 ? k : 2;
    double *w = malloc((n * wide + n * d) * sizeof *w);
    if (!w)
        return error_memory(err, batch->where, (n * wide + n * d) * sizeof *w);
    double *made = w + n * wide;
    memcpy(w, request->w, n * wide * sizeof *w);
    for (size_t i = 0; k == 1 && i < n; i++)
        w[i] = (request->w[2 * i + 1] - request->w[2 * i]) / 2;
    blas_dgemm(false, false, n, d, k, 1, w, k, array_f64(self->weight), d, 0, made, d);
    for (size_t i = 0; i < n * d; i++)
        request->gradient[i] = (float)made[i];
    free(w);
    return true;
}

/* ---- Fitting --------------------------------------------------------------------------------- */

static void adopt(Logistic *self, Array *weight, Array *b, Labels *classes) {
    array_free(self->weight);
    array_free(self->b);
    labels_clear(&self->base.classes);
    self->weight = weight;
    self->b = b;
    self->base.classes = *classes;
    self->base.features = array_row_size(weight);
    *classes = (Labels){ 0 };
    model_changes(&self->base);
}

static bool check_samples(const Samples *samples, const Labels *classes, Error *err) {
    if (classes->count < 2)
        return error_set(err, ERROR_ARGUMENT,
                         "fit: a logistic needs samples of two classes or more; all %zu are of "
                         "class %d",
                         samples->n, (int)samples->y[0]);
    for (size_t i = 0; i < samples->n * samples->features; i++)
        if (!isfinite(samples->x[i]))
            return error_set(err, ERROR_ARGUMENT,
                             "fit: feature %zu of sample %zu is no finite number",
                             i % samples->features + 1, i / samples->features + 1);
    return true;
}

static bool logistic_fit(Model *base, const Samples *samples, Progress *progress, Error *err) {
    Logistic *self = (Logistic *)base;
    Labels classes = { 0 };
    NewtonProblem problem = { samples, &classes, self->params.C, self->params.tolerance,
                              self->params.max_iter };
    if (!labels_from("fit", samples->y, samples->n, &classes, err))
        return false;
    size_t k = newton_functions(&problem);
    Array *weight = array_new2("fit", DTYPE_F64, k, samples->features, err);
    Array *b = weight ? array_new1("fit", DTYPE_F64, k, err) : NULL;
    NewtonAnswer answer = { .largest = 0 };
    bool ok = b && check_samples(samples, &classes, err);
    if (ok) {
        answer.weight = array_f64(weight);
        answer.b = array_f64(b);
        ok = newton_solve(&problem, &answer, progress, err);
    }
    if (ok && !progress_was_interrupted(progress)) {
        self->left = answer.largest;
        adopt(self, weight, b, &classes);
        return true;
    }
    array_free(weight);
    array_free(b);
    labels_clear(&classes);
    return ok;
}

/* ---- As part of others ----------------------------------------------------------------------- */

static bool logistic_option_at(Model *base, size_t i, FieldPlace *place) {
    return i < sizeof fields / sizeof *fields - 1 &&
           fields_place(&fields[i], &((Logistic *)base)->params, "", place);
}

static Model *logistic_clone(const Model *base, Error *err) {
    return (Model *)logistic_new(&((const Logistic *)base)->params, err);
}

/* Take numbers from another's, or a file's. */
static bool take_numbers(Logistic *self, const Array *weight, const Array *b, const Labels *classes,
                         Error *err) {
    Labels own = { 0 };
    Array *w = array_contiguous("load", weight, DTYPE_F64, err);
    Array *constants = w ? array_contiguous("load", b, DTYPE_F64, err) : NULL;
    if (constants && labels_copy("load", classes, &own, err)) {
        adopt(self, w, constants, &own);
        return true;
    }
    array_free(w);
    array_free(constants);
    return false;
}

static Model *logistic_fitted_copy(const Model *base, Error *err) {
    const Logistic *self = (const Logistic *)base;
    Logistic *copy = logistic_new(&self->params, err);
    if (copy && self->weight && !take_numbers(copy, self->weight, self->b, &base->classes, err)) {
        model_release(&copy->base);
        return NULL;
    }
    if (copy)
        copy->left = self->left;
    return (Model *)copy;
}

static bool logistic_save(const Model *base, const ModelWriter *to, Error *err) {
    const Logistic *self = (const Logistic *)base;
    fields_write_json(fields, &self->params, json_object(to->meta, "options"));
    if (!self->weight)
        return true;
    json_number(to->meta, "left", self->left);
    return tensors_add(to->tensors, (TensorName){ to->prefix, "weight" }, self->weight, err) &&
           tensors_add(to->tensors, (TensorName){ to->prefix, "b" }, self->b, err) &&
           tensors_add_values(
               to->tensors, (TensorName){ to->prefix, "classes" },
               &(TensorValues){ DTYPE_I32, base->classes.label, 1, &base->classes.count }, err);
}

static bool check_read(const Array *weight, const Array *b, const Labels *classes, Error *err) {
    size_t k = classes->count == 2 ? 1 : classes->count;
    if (classes->count < 2 || weight->shape[0] != k || b->shape[0] != k || weight->shape[1] == 0)
        return error_set(err, ERROR_FILE,
                         "load: a logistic of %zu classes has %zu rows of weights and %zu "
                         "constants",
                         classes->count, weight->shape[0], b->shape[0]);
    return array_check_finite("load: weight", weight, err) && array_check_finite("load: b", b, err);
}

static bool read_fitted(const ModelReader *from, Logistic *self, Error *err) {
    const Tensors *tensors = from->tensors;
    const char *prefix = from->prefix;
    const Array *weight = tensors_require(tensors, (TensorName){ prefix, "weight" },
                                          (TensorForm){ DTYPE_F64, 2 }, err);
    const Array *b = weight ? tensors_require(tensors, (TensorName){ prefix, "b" },
                                              (TensorForm){ DTYPE_F64, 1 }, err)
                            : NULL;
    const Array *list = b ? tensors_require(tensors, (TensorName){ prefix, "classes" },
                                            (TensorForm){ DTYPE_I32, 1 }, err)
                          : NULL;
    Labels classes = { 0 };
    if (!list || !labels_from("load", array_i32(list), array_length(list), &classes, err))
        return false;
    bool ok = classes.count == array_length(list) ||
              error_set(err, ERROR_FILE, "load: a logistic's class labels repeat");
    ok = ok && check_read(weight, b, &classes, err) && take_numbers(self, weight, b, &classes, err);
    labels_clear(&classes);
    const cJSON *left = cJSON_GetObjectItemCaseSensitive(from->meta, "left");
    self->left = cJSON_IsNumber(left) ? left->valuedouble : NAN;
    return ok;
}

static Model *logistic_read(const ModelReader *from, Error *err) {
    LogisticParams params = initial;
    const cJSON *options = cJSON_GetObjectItemCaseSensitive(from->meta, "options");
    if (!fields_read_json(fields, &params, options, err)) {
        error_prefix(err, "load: logistic");
        return NULL;
    }
    Logistic *self = logistic_new(&params, err);
    bool fitted = tensors_index(from->tensors, (TensorName){ from->prefix, "weight" }) >= 0;
    if (self && fitted && !read_fitted(from, self, err)) {
        model_release(&self->base);
        return NULL;
    }
    return (Model *)self;
}

static size_t logistic_bytes(const Model *base) {
    const Logistic *self = (const Logistic *)base;
    return self->weight ? array_bytes(self->weight) + array_bytes(self->b) : 0;
}

const ModelKind logistic_kind = {
    .name = "logistic",
    .free = logistic_free,
    .scores = logistic_scores,
    .gradient = logistic_gradient,
    .all_or_nothing = true,
    .fit = logistic_fit,
    .option_at = logistic_option_at,
    .clone = logistic_clone,
    .fitted_copy = logistic_fitted_copy,
    .save = logistic_save,
    .read = logistic_read,
    .bytes = logistic_bytes,
};

Logistic *logistic_new(const LogisticParams *params, Error *err) {
    for (const Field *field = fields; field->name; field++)
        if (!field_check(field, params, err)) {
            error_prefix(err, "classic.logistic");
            return NULL;
        }
    Logistic *self = malloc(sizeof *self);
    if (!self) {
        error_memory(err, "classic.logistic", sizeof *self);
        return NULL;
    }
    *self = (Logistic){ .params = *params };
    model_init(&self->base, &logistic_kind);
    return self;
}

Array *const *logistic_weight(const Logistic *self) {
    return &self->weight;
}

Array *const *logistic_b(const Logistic *self) {
    return &self->b;
}

double logistic_left(const Logistic *self) {
    return self->left;
}
