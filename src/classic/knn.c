#include "classic/knn.h"

#include "classic/neighbours.h"
#include "core/array.h"
#include "core/fail.h"
#include "core/fields_json.h"
#include "data/safetensors.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct Knn {
    Model base;
    KnnParams params, used; /* for the next fit; and those that count now */
    Array *x, *class;       /* float32 n × features, int32 n */
    double *square;         /* n */
    double softness, largest_square;
};

static const char *const weightings[] = { "uniform", "distance", NULL };
static const Field fields[] = {
    { "k", FIELD_SIZE, offsetof(KnnParams, k), .low = 1, .high = 1e6,
      .meaning = "how many neighbours vote" },
    { "weights", FIELD_WORD, offsetof(KnnParams, weights), .words = weightings,
      .meaning = "whether their votes count alike or by 1 / distance" },
    { "softness", FIELD_NUMBER, offsetof(KnnParams, softness), .low = 0, .high = 1e30,
      .initial = "an eighth of the mean squared distance to the k-th neighbour",
      .meaning = "T of the soft form whose gradient it gives; 0: it gives none" },
    { .name = NULL },
};
static const KnnParams initial = { .k = 5, .weights = KNN_UNIFORM, .softness = NAN };
const Fields knn_fields = { fields, &initial };

static void clear_numbers(Knn *self) {
    array_free(self->x);
    array_free(self->class);
    free(self->square);
    self->x = self->class = NULL;
    self->square = NULL;
}

static void knn_free(Model *base) {
    clear_numbers((Knn *)base);
    free(base);
}

static Points points_of(const Knn *self) {
    return (Points){ array_f32(self->x),      array_i32(self->class), self->square,
                     self->largest_square,    array_length(self->x),  array_row_size(self->x),
                     self->base.classes.count };
}

/* ---- Scores ---------------------------------------------------------------------------------- */

static void vote(const Knn *self, const Neighbour *near, double *scores) {
    const int32_t *class = array_i32(self->class);
    size_t k = self->used.k;
    double sum = 0;
    bool by_distance = self->used.weights == KNN_DISTANCE, touches = near[0].square == 0;
    memset(scores, 0, self->base.classes.count * sizeof *scores);
    for (size_t i = 0; i < k; i++) {
        double weight = !by_distance ? 1 : touches ? near[i].square == 0 : 1 / sqrt(near[i].square);
        scores[class[near[i].at]] += weight;
        sum += weight;
    }
    for (size_t c = 0; c < self->base.classes.count; c++)
        scores[c] /= sum;
}

static bool knn_scores(Model *base, const Batch *batch, double *scores, Error *err) {
    const Knn *self = (const Knn *)base;
    Points points = points_of(self);
    size_t k = self->used.k, columns = base->classes.count;
    Neighbour *near = malloc(batch->n * k * sizeof *near);
    if (!near)
        return error_memory(err, batch->where, batch->n * k * sizeof *near);
    bool ok = neighbours_find(&points, batch, k, near, err);
    for (size_t i = 0; ok && i < batch->n; i++) {
        if (isfinite(near[i * k + k - 1].square))
            vote(self, near + i * k, scores + i * columns);
        else
            for (size_t c = 0; c < columns; c++)
                scores[i * columns + c] = NAN;
    }
    free(near);
    return ok;
}

static bool knn_gradient(Model *base, const Batch *batch, const GradientRequest *request,
                         Error *err) {
    const Knn *self = (const Knn *)base;
    Points points = points_of(self);
    if (!(self->softness > 0))
        return error_set(err, ERROR_ARGUMENT,
                         "%s: the votes of a knn are constant almost everywhere, and its softness "
                         "is 0: a softness above 0 gives the gradient of a soft form",
                         batch->where);
    SoftShare soft = { &points, self->softness, request->w, request->gradient };
    return soft_share_gradient(&soft, batch, err);
}

/* ---- Fitting --------------------------------------------------------------------------------- */

enum { MOST_MEASURED = 1000 };

/* An eighth of the mean squared distance from some points to their k-th neighbour. */
static bool find_softness(Knn *self, Error *err) {
    self->softness = self->used.softness;
    if (!isnan(self->softness))
        return true;
    Points points = points_of(self);
    size_t n = points.n < MOST_MEASURED ? points.n : MOST_MEASURED, d = points.features;
    size_t k = self->used.k < points.n ? self->used.k + 1 : points.n;
    float *some = malloc((n * d + 1) * sizeof *some);
    Neighbour *near = malloc(n * k * sizeof *near);
    bool ok = some && near ? true : error_memory(err, "fit", n * d * sizeof *some);
    for (size_t i = 0; ok && i < n; i++)
        memcpy(some + i * d, points.x + i * points.n / n * d, d * sizeof *some);
    ok = ok && neighbours_find(&points, &(Batch){ some, n, d, "fit" }, k, near, err);
    double sum = 0;
    for (size_t i = 0; ok && i < n; i++)
        sum += near[i * k + k - 1].square;
    self->softness = sum > 0 ? sum / (8 * (double)n) : 1;
    free(some);
    free(near);
    return ok;
}

/* Without a softness it answers scores alone. */
static void settle(Knn *self) {
    self->base.answers = self->softness > 0 ? MODEL_GRADIENTS : MODEL_SCORES;
    model_changes(&self->base);
}

/* Take over what is in `from`, whose own numbers are then gone. */
static void adopt(Knn *self, Knn *from) {
    clear_numbers(self);
    labels_clear(&self->base.classes);
    self->base.classes = from->base.classes;
    self->base.features = array_row_size(from->x);
    self->used = from->used;
    self->x = from->x;
    self->class = from->class;
    self->square = from->square;
    self->softness = from->softness;
    self->largest_square = from->largest_square;
    settle(self);
}

static void discard(Knn *numbers) {
    clear_numbers(numbers);
    labels_clear(&numbers->base.classes);
}

static bool check_numbers(const Knn *numbers, Error *err) {
    if (numbers->base.classes.count < 2)
        return error_set(err, ERROR_ARGUMENT,
                         "fit: a knn needs samples of two classes or more; all are of one");
    if (numbers->used.k > array_length(numbers->x))
        return error_set(err, ERROR_ARGUMENT, "fit: k: expected at most the %zu samples, got %zu",
                         array_length(numbers->x), numbers->used.k);
    return array_check_finite("fit: the samples", numbers->x, err);
}

/* From x, and labels that stand in `class`: classes, their places, norms, the softness. */
static bool prepare(Knn *numbers, Error *err) {
    size_t n = array_length(numbers->x);
    int32_t *class = array_i32(numbers->class);
    if (!labels_from("fit", class, n, &numbers->base.classes, err) || !check_numbers(numbers, err))
        return false;
    numbers->square = malloc((n + 1) * sizeof(double));
    if (!numbers->square)
        return error_memory(err, "fit", n * sizeof(double));
    for (size_t i = 0; i < n; i++)
        class[i] = (int32_t)labels_find(&numbers->base.classes, class[i]);
    numbers->largest_square =
        points_squares(array_f32(numbers->x), n, array_row_size(numbers->x), numbers->square);
    return find_softness(numbers, err);
}

static bool knn_fit(Model *base, const Samples *samples, Progress *progress, Error *err) {
    Knn *self = (Knn *)base, numbers = { .used = self->params };
    (void)progress;
    numbers.x = array_new2("fit", DTYPE_F32, samples->n, samples->features, err);
    numbers.class = numbers.x ? array_new1("fit", DTYPE_I32, samples->n, err) : NULL;
    bool ok = numbers.class != NULL;
    if (ok) {
        memcpy(array_f32(numbers.x), samples->x, array_bytes(numbers.x));
        memcpy(array_i32(numbers.class), samples->y, array_bytes(numbers.class));
        ok = prepare(&numbers, err);
    }
    if (ok)
        adopt(self, &numbers);
    else
        discard(&numbers);
    return ok;
}

/* ---- As part of others ----------------------------------------------------------------------- */

static bool knn_option_at(Model *base, size_t i, FieldPlace *place) {
    return i < sizeof fields / sizeof *fields - 1 &&
           fields_place(&fields[i], &((Knn *)base)->params, "", place);
}

static Model *knn_clone(const Model *base, Error *err) {
    return (Model *)knn_new(&((const Knn *)base)->params, err);
}

static Model *knn_fitted_copy(const Model *base, Error *err) {
    const Knn *self = (const Knn *)base;
    Knn *copy = knn_new(&self->params, err);
    if (!copy || !self->x)
        return (Model *)copy;
    size_t n = array_length(self->x);
    Knn numbers = { .used = self->used,
                    .softness = self->softness,
                    .largest_square = self->largest_square };
    numbers.x = array_share(self->x, err);
    numbers.class = numbers.x ? array_share(self->class, err) : NULL;
    numbers.square = numbers.class ? malloc((n + 1) * sizeof(double)) : NULL;
    if (numbers.class && !numbers.square)
        error_memory(err, "with", n * sizeof(double));
    if (!numbers.square || !labels_copy("with", &base->classes, &numbers.base.classes, err)) {
        discard(&numbers);
        model_release(&copy->base);
        return NULL;
    }
    memcpy(numbers.square, self->square, n * sizeof(double));
    adopt(copy, &numbers);
    return (Model *)copy;
}

/* All its options are used by answers; k has to be there. */
static bool knn_apply(Model *base, const char *name) {
    Knn *self = (Knn *)base;
    if (!self->x || self->params.k > array_length(self->x))
        return false;
    const Field *field = fields_find(fields, name);
    field_copy(field, &self->used, &self->params);
    if (!find_softness(self, NULL))
        return false;
    settle(self);
    return true;
}

static bool knn_save(const Model *base, const ModelWriter *to, Error *err) {
    const Knn *self = (const Knn *)base;
    fields_write_json(fields, &self->params, json_object(to->meta, "options"));
    if (!self->x)
        return true;
    fields_write_json(fields, &self->used, json_object(to->meta, "fitted"));
    Array *labels = array_copy("save", self->class, err);
    for (size_t i = 0; labels && i < array_length(labels); i++)
        array_i32(labels)[i] = base->classes.label[array_i32(labels)[i]];
    bool ok = labels && tensors_add(to->tensors, (TensorName){ to->prefix, "x" }, self->x, err) &&
              tensors_add(to->tensors, (TensorName){ to->prefix, "labels" }, labels, err);
    array_free(labels);
    return ok;
}

static bool read_fitted(const ModelReader *from, Knn *self, const cJSON *fitted, Error *err) {
    const Tensors *tensors = from->tensors;
    Knn numbers = { .used = initial };
    const Array *x = tensors_require(tensors, (TensorName){ from->prefix, "x" },
                                     (TensorForm){ DTYPE_F32, 2 }, err);
    const Array *labels = x ? tensors_require(tensors, (TensorName){ from->prefix, "labels" },
                                              (TensorForm){ DTYPE_I32, 1 }, err)
                            : NULL;
    if (!labels || !fields_read_json(fields, &numbers.used, fitted, err))
        return false;
    if (array_length(labels) != array_length(x) || array_row_size(x) == 0)
        return error_set(err, ERROR_FILE, "load: a knn has %zu samples and %zu labels",
                         array_length(x), array_length(labels));
    numbers.x = array_contiguous("load", x, DTYPE_F32, err);
    numbers.class = numbers.x ? array_copy("load", labels, err) : NULL;
    if (numbers.class && prepare(&numbers, err)) {
        adopt(self, &numbers);
        return true;
    }
    discard(&numbers);
    return false;
}

static Model *knn_read(const ModelReader *from, Error *err) {
    KnnParams params = initial;
    const cJSON *options = cJSON_GetObjectItemCaseSensitive(from->meta, "options");
    const cJSON *fitted = cJSON_GetObjectItemCaseSensitive(from->meta, "fitted");
    if (!fields_read_json(fields, &params, options, err)) {
        error_prefix(err, "load: knn");
        return NULL;
    }
    Knn *self = knn_new(&params, err);
    if (self && fitted && !read_fitted(from, self, fitted, err)) {
        model_release(&self->base);
        return NULL;
    }
    return (Model *)self;
}

static size_t knn_bytes(const Model *base) {
    const Knn *self = (const Knn *)base;
    return self->x ? array_bytes(self->x) + array_length(self->x) * 16 : 0;
}

const ModelKind knn_kind = {
    .name = "knn",
    .free = knn_free,
    .scores = knn_scores,
    .gradient = knn_gradient,
    .all_or_nothing = true,
    .fit = knn_fit,
    .option_at = knn_option_at,
    .clone = knn_clone,
    .fitted_copy = knn_fitted_copy,
    .apply = knn_apply,
    .save = knn_save,
    .read = knn_read,
    .bytes = knn_bytes,
};

Knn *knn_new(const KnnParams *params, Error *err) {
    for (const Field *field = fields; field->name; field++)
        if (!(field == &fields[2] && isnan(params->softness)) && !field_check(field, params, err)) {
            error_prefix(err, "classic.knn");
            return NULL;
        }
    Knn *self = malloc(sizeof *self);
    if (!self) {
        error_memory(err, "classic.knn", sizeof *self);
        return NULL;
    }
    *self = (Knn){ .params = *params, .used = *params, .softness = NAN };
    model_init(&self->base, &knn_kind);
    return self;
}

Array *const *knn_samples(const Knn *self) {
    return &self->x;
}

double knn_softness(const Knn *self) {
    return self->softness;
}
