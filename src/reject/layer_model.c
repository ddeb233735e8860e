#include "reject/layer_model.h"

#include "core/fail.h"
#include "reject/taps.h"

#include <stdlib.h>

static const Field fields[] = {
    { "net", FIELD_OBJECT, offsetof(LayerParts, net), .type = "net", .required = true,
      .meaning = "the net" },
    { "layer", FIELD_STRING, offsetof(LayerParts, layer), .required = true,
      .meaning = "the name of one of its layers" },
    { "classifier", FIELD_OBJECT, offsetof(LayerParts, classifier), .type = "model",
      .required = true, .meaning = "any model, fitted or not" },
    { .name = NULL },
};
const Fields layer_fields = { fields, NULL };

struct LayerModel {
    Model base;
    Network *net;
    size_t tap, width; /* the layer and its output's size */
    Model *classifier;
    uint64_t seen; /* when the net had last changed as the classifier was taken in, or fitted */
};

static void layer_free(Model *base) {
    LayerModel *self = (LayerModel *)base;
    model_release((Model *)self->net);
    model_release(self->classifier);
    free(self);
}

/* What the classifier learnt says nothing of the outputs after further training of the net. */
static bool check_net(const LayerModel *self, Error *err) {
    return !model_is_fitted(&self->base) ||
           model_check_fitted_on(&self->base, (Model *)self->net, self->seen, err);
}

static bool check_classes(const LayerModel *self, Error *err) {
    return labels_equal(&self->classifier->classes, &self->base.classes) ||
           error_set(err, ERROR_ARGUMENT,
                     "layer: the classifier has other classes than when it was taken in");
}

static bool check_inner(const LayerModel *self, Error *err) {
    return check_classes(self, err) && check_net(self, err);
}

/* The layer's outputs of as many rows as go through at once, for free(). */
static float *layer_rows(const LayerModel *self, const Batch *batch, size_t *tile, Error *err) {
    *tile = taps_tile(self->net);
    *tile = batch->n < *tile ? batch->n : *tile;
    float *rows = malloc(*tile * self->width * sizeof *rows);
    if (!rows)
        error_memory(err, batch->where, *tile * self->width * sizeof *rows);
    return rows;
}

static bool layer_scores(Model *base, const Batch *batch, double *scores, Error *err) {
    LayerModel *self = (LayerModel *)base;
    size_t n = batch->n, tile, columns = model_columns(base);
    if (!check_inner(self, err))
        return false;
    float *output = layer_rows(self, batch, &tile, err);
    bool ok = output != NULL;
    for (size_t first = 0; ok && first < n; first += tile) {
        Batch rows = batch_rows(batch, first, n - first < tile ? n - first : tile);
        Batch inner = { output, rows.n, self->width, batch->where };
        ok = network_outputs(self->net, &rows, &(Taps){ &self->tap, 1, &output }, err) &&
             model_scores(self->classifier, &inner, scores + first * columns, err);
    }
    free(output);
    return ok;
}

/* What is asked at the layer's outputs, a gradient or an ascent, and pulled back to the pixels. */
typedef struct Pull {
    LayerModel *self;
    const GradientRequest *request; /* or NULL */
    const Ascent *ascent;           /* then it is this */
    float *slopes;                  /* of some rows, by the layer's outputs */
} Pull;

/* The batch's rows from `first` on. */
static bool pull_rows(const Pull *pull, const Batch *rows, size_t first, Error *err) {
    LayerModel *self = pull->self;
    Pass *pass = network_forward(self->net, rows, &(Taps){ .layer = &self->tap, .count = 1 }, err);
    if (!pass)
        return false;
    Batch outputs = { pass_output(pass, 0), rows->n, self->width, rows->where };
    float *pixels;
    bool ok;
    if (pull->request) {
        GradientRequest request = request_rows(pull->request, &self->base, first);
        pixels = request.gradient;
        request.gradient = pull->slopes;
        ok = model_gradient(self->classifier, &outputs, &request, err);
    } else {
        Ascent ascent = ascent_rows(pull->ascent, &self->base, first);
        pixels = ascent.direction;
        ascent.direction = pixels ? pull->slopes : NULL;
        ok = model_ascent(self->classifier, &outputs, &ascent, err);
    }
    ok =
        ok && (!pixels || pass_backward(pass, (const float *const[]){ pull->slopes }, pixels, err));
    pass_free(pass);
    return ok;
}

static bool pull_all(Pull *pull, const Batch *batch, Error *err) {
    size_t n = batch->n, tile;
    if (!check_inner(pull->self, err))
        return false;
    pull->slopes = layer_rows(pull->self, batch, &tile, err);
    bool ok = pull->slopes != NULL;
    for (size_t first = 0; ok && first < n; first += tile) {
        Batch rows = batch_rows(batch, first, n - first < tile ? n - first : tile);
        ok = pull_rows(pull, &rows, first, err);
    }
    free(pull->slopes);
    return ok;
}

static bool layer_gradient(Model *base, const Batch *batch, const GradientRequest *request,
                           Error *err) {
    return pull_all(&(Pull){ .self = (LayerModel *)base, .request = request }, batch, err);
}

static bool layer_ascent(Model *base, const Batch *batch, const Ascent *ascent, Error *err) {
    return pull_all(&(Pull){ .self = (LayerModel *)base, .ascent = ascent }, batch, err);
}

static bool take_classes(LayerModel *self, Error *err) {
    const Model *classifier = self->classifier;
    if (classifier->features != 0 && classifier->features != self->width)
        return error_set(err, ERROR_ARGUMENT,
                         "layer: the classifier takes %zu features, the output of %s has %zu",
                         classifier->features, layer_model_layer(self), self->width);
    Labels classes;
    if (!labels_copy("layer", &classifier->classes, &classes, err))
        return false;
    labels_clear(&self->base.classes);
    self->base.classes = classes;
    return true;
}

static bool layer_fit(Model *base, const Samples *samples, Progress *progress, Error *err) {
    LayerModel *self = (LayerModel *)base;
    if (samples->features != base->features)
        return error_set(err, ERROR_ARGUMENT, "fit: samples have %zu features, the net takes %zu",
                         samples->features, base->features);
    float *output = malloc(samples->n * self->width * sizeof *output);
    if (!output)
        return error_memory(err, "fit", samples->n * self->width * sizeof *output);
    progress_begin(progress, "fitting on a layer", 2);
    TapsJob job = { self->net, samples, { &self->tap, 1, &output } };
    bool ok = taps_extract(&job, progress, err);
    if (ok && progress_step(progress, 1, layer_model_layer(self))) {
        Samples inner = { output, samples->y, samples->n, self->width };
        bool first = !model_is_fitted(base);
        ok = model_fit(self->classifier, &inner, progress, err) && take_classes(self, err);
        if (ok && (first || !progress_was_interrupted(progress)))
            self->seen = model_changed((Model *)self->net);
    }
    progress_end(progress);
    free(output);
    return ok;
}

static bool layer_part_at(const Model *base, size_t i, ModelPart *part) {
    *part = (ModelPart){ "", ((const LayerModel *)base)->classifier };
    return i == 0;
}

static const Model *layer_stands_on(const Model *base) {
    return (const Model *)((const LayerModel *)base)->net;
}

static Model *layer_clone(const Model *base, Error *err) {
    const LayerModel *self = (const LayerModel *)base;
    Model *classifier = model_clone(self->classifier, err);
    if (!classifier)
        return NULL;
    LayerModel *copy = layer_model_new(self->net, layer_model_layer(self), classifier, err);
    model_release(classifier);
    return (Model *)copy;
}

static Model *layer_fitted_copy(const Model *base, Error *err) {
    const LayerModel *self = (const LayerModel *)base;
    Model *classifier = check_classes(self, err) ? model_part_copy(self->classifier, err) : NULL;
    LayerModel *copy =
        classifier ? layer_model_new(self->net, layer_model_layer(self), classifier, err) : NULL;
    model_release(classifier);
    if (copy && model_is_fitted(base))
        copy->seen = self->seen; /* a copy knows no more of the net */
    return (Model *)copy;
}

static bool layer_save(const Model *base, const ModelWriter *to, Error *err) {
    const LayerModel *self = (const LayerModel *)base;
    json_string(to->meta, "layer", layer_model_layer(self));
    return check_inner(self, err) && to->part(to, "net", (Model *)self->net, err) &&
           to->part(to, "classifier", self->classifier, err);
}

static Model *layer_read(const ModelReader *from, Error *err) {
    const cJSON *layer = cJSON_GetObjectItemCaseSensitive(from->meta, "layer");
    if (!cJSON_IsString(layer)) {
        error_set(err, ERROR_FILE, "the metadata names no layer");
        return NULL;
    }
    Network *net = network_read_part(from, "net", err);
    Model *classifier = net ? from->part(from, "classifier", err) : NULL;
    LayerModel *self =
        classifier ? layer_model_new(net, layer->valuestring, classifier, err) : NULL;
    model_release(classifier);
    model_release((Model *)net);
    return (Model *)self;
}

static Sizes layer_input_shape(const Model *base) {
    return model_input_shape((const Model *)((const LayerModel *)base)->net);
}

const ModelKind layer_model_kind = {
    .name = "layer",
    .free = layer_free,
    .scores = layer_scores,
    .one_pass = true,
    .gradient = layer_gradient,
    .ascent = layer_ascent,
    .fit = layer_fit,
    .part_at = layer_part_at,
    .stands_on = layer_stands_on,
    .input_shape = layer_input_shape,
    .clone = layer_clone,
    .fitted_copy = layer_fitted_copy,
    .save = layer_save,
    .read = layer_read,
};

LayerModel *layer_model_new(Network *net, const char *layer, Model *classifier, Error *err) {
    ptrdiff_t tap = network_locate(net, "layer", layer, err);
    if (tap < 0)
        return NULL;
    LayerModel *self = malloc(sizeof *self);
    if (!self) {
        error_memory(err, "layer", sizeof *self);
        return NULL;
    }
    *self = (LayerModel){ .net = (Network *)model_retain((Model *)net),
                          .tap = (size_t)tap,
                          .width = network_output_size(net, (size_t)tap),
                          .classifier = model_retain(classifier),
                          .seen = model_changed((Model *)net) };
    model_init(&self->base, &layer_model_kind);
    self->base.features = ((Model *)net)->features;
    self->base.rejects = classifier->rejects;
    if (!take_classes(self, err)) {
        model_release(&self->base);
        return NULL;
    }
    return self;
}

Network *layer_model_net(const LayerModel *model) {
    return model->net;
}

Model *layer_model_classifier(const LayerModel *model) {
    return model->classifier;
}

const char *layer_model_layer(const LayerModel *model) {
    return network_layer_name(model->net, model->tap);
}
