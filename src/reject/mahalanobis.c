#include "reject/mahalanobis.h"

#include "core/array.h"
#include "core/fail.h"
#include "data/safetensors.h"
#include "reject/tied_gaussian.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHRINKAGE(at)                                                                              \
    {                                                                                              \
        "shrinkage", FIELD_NUMBER, (at),                                                           \
            .low = 0, .high = 1,                                                                   \
            .meaning = "the share of a sphere's covariance in that of the features; 0: the "       \
                       "pseudo-inverse"                                                            \
    }

static const Field fields[] = {
    { "net", FIELD_OBJECT, offsetof(MahalanobisParts, net), .type = "net", .required = true,
      .meaning = "the net; it stays as it is, and says the label" },
    { "layers", FIELD_OBJECT, .type = "string[]", .required = true,
      .meaning = "names of layers, of which one may be enough: the last hidden one" },
    { "weights", FIELD_OBJECT, .type = "number[]", .initial = "1 each",
      .meaning = "what the layers' distances are multiplied by" },
    THRESHOLD_FIELD(offsetof(MahalanobisParts, threshold)),
    SHRINKAGE(offsetof(MahalanobisParts, shrinkage)),
    { .name = NULL },
};
static const MahalanobisParts initial = { .threshold = -INFINITY };
const Fields mahalanobis_fields = { fields, &initial };

typedef struct Mahalanobis {
    Detector detector;
    double shrinkage;
    double weight[DETECTOR_LAYERS_MOST];
    TiedGaussian tied[DETECTOR_LAYERS_MOST]; /* empty while not fitted */
} Mahalanobis;

static const Field options[] = {
    THRESHOLD_FIELD(offsetof(Detector, threshold)),
    SHRINKAGE(offsetof(Mahalanobis, shrinkage)),
    { .name = NULL },
};

/* ---- A layer's features ---------------------------------------------------------------------- */

/* Channels and places of each; flat outputs are channels of one place. */
typedef struct Maps {
    size_t channels, places;
} Maps;

static Maps maps_of(const Detector *self, size_t l) {
    size_t shape[3];
    int sizes = network_output_shape(detector_net(self), self->tap[l], shape);
    return (Maps){ shape[0], sizes == 3 ? shape[1] * shape[2] : 1 };
}

static void pool(Maps maps, size_t n, const float *outputs, double *f) {
    for (size_t k = 0; k < n * maps.channels; k++) {
        double sum = 0;
        for (size_t p = 0; p < maps.places; p++)
            sum += (double)outputs[k * maps.places + p];
        f[k] = sum / (double)maps.places;
    }
}

static void unpool(Maps maps, size_t n, const double *df, float *slopes) {
    for (size_t k = 0; k < n * maps.channels; k++)
        for (size_t p = 0; p < maps.places; p++)
            slopes[k * maps.places + p] += (float)(df[k] / (double)maps.places);
}

/* ---- There and back -------------------------------------------------------------------------- */

/* What a tile keeps, for all layers, and its scratch: features. */
typedef struct Kept {
    double *g[DETECTOR_LAYERS_MOST];         /* n × rank */
    double *distances[DETECTOR_LAYERS_MOST]; /* n × classes */
    double *features;                        /* n × the most channels */
    double *w;                               /* n × classes */
} Kept;

static void forget(DetectorTile *tile) {
    Kept *kept = tile->kept;
    for (size_t l = 0; kept && l < tile->self->layers; l++) {
        free(kept->g[l]);
        free(kept->distances[l]);
    }
    if (kept) {
        free(kept->features);
        free(kept->w);
    }
    free(kept);
}

static bool keep(DetectorTile *tile, Error *err) {
    const Mahalanobis *self = (const Mahalanobis *)tile->self;
    size_t n = tile->rows.n, columns = n * tile->classes, widest = 0;
    Kept *kept = tile->kept = calloc(1, sizeof *kept);
    bool ok = kept != NULL;
    for (size_t l = 0; ok && l < self->detector.layers; l++) {
        size_t channels = maps_of(tile->self, l).channels;
        widest = channels > widest ? channels : widest;
        kept->g[l] = malloc(n * tied_rank(&self->tied[l]) * sizeof(double));
        kept->distances[l] = malloc(columns * sizeof(double));
        ok = kept->g[l] && kept->distances[l];
    }
    ok = ok && (kept->features = malloc(n * widest * sizeof(double))) != NULL &&
         (kept->w = malloc(columns * sizeof(double))) != NULL;
    return ok || error_memory(err, tile->rows.where, n * widest * sizeof(double));
}

static size_t nearest(const double *distances, size_t classes) {
    size_t best = 0;
    for (size_t c = 1; c < classes; c++)
        best = distances[c] > distances[best] ? c : best;
    return best;
}

static void add_layer(DetectorTile *tile, double weight, const double *distances) {
    for (size_t i = 0; i < tile->rows.n; i++) {
        const double *row = distances + i * tile->classes;
        for (size_t c = 0; c < tile->classes; c++)
            tile->parts[i * tile->classes + c] += weight * row[c];
        tile->statistic[i] += weight * row[nearest(row, tile->classes)];
    }
}

static bool measure(DetectorTile *tile, Error *err) {
    const Mahalanobis *self = (const Mahalanobis *)tile->self;
    size_t n = tile->rows.n;
    if (!keep(tile, err))
        return false;
    Kept *kept = tile->kept;
    memset(tile->parts, 0, n * tile->classes * sizeof(double));
    memset(tile->statistic, 0, n * sizeof(double));
    for (size_t l = 0; l < self->detector.layers; l++) {
        pool(maps_of(tile->self, l), n, tile->outputs[l], kept->features);
        tied_measure(&self->tied[l], n, kept->features, kept->g[l], kept->distances[l]);
        add_layer(tile, self->weight[l], kept->distances[l]);
    }
    return true;
}

static bool pull(DetectorTile *tile, Error *err) {
    (void)err;
    const Mahalanobis *self = (const Mahalanobis *)tile->self;
    size_t n = tile->rows.n, classes = tile->classes;
    Kept *kept = tile->kept;
    for (size_t l = 0; l < self->detector.layers; l++) {
        for (size_t k = 0; k < n * classes; k++)
            kept->w[k] = self->weight[l] * tile->dparts[k];
        for (size_t i = 0; i < n; i++)
            kept->w[i * classes + nearest(kept->distances[l] + i * classes, classes)] +=
                self->weight[l] * tile->dstatistic[i];
        tied_pull(&self->tied[l], n, kept->g[l], kept->w, kept->features);
        unpool(maps_of(tile->self, l), n, kept->features, tile->slopes[l]);
    }
    return true;
}

/* ---- Training -------------------------------------------------------------------------------- */

static void clear_all(TiedGaussian *tied) {
    for (size_t l = 0; l < DETECTOR_LAYERS_MOST; l++)
        tied_clear(&tied[l]);
}

static void clear(Detector *base) {
    clear_all(((Mahalanobis *)base)->tied);
}

/* Takes over what the layers have learnt. */
static bool take(Mahalanobis *self, TiedGaussian *tied, Error *err) {
    bool learnt = self->detector.learnt;
    self->detector.learnt = true;
    if (!detector_take_classes(&self->detector, err)) {
        self->detector.learnt = learnt;
        clear_all(tied);
        return false;
    }
    clear_all(self->tied);
    memcpy(self->tied, tied, sizeof self->tied);
    return true;
}

static bool learn_layer(const Mahalanobis *self, size_t l, const DetectorSamples *known,
                        TiedGaussian *out, Error *err) {
    Maps maps = maps_of(&self->detector, l);
    double *rows = malloc(known->n * maps.channels * sizeof *rows);
    if (!rows)
        return error_memory(err, "fit", known->n * maps.channels * sizeof *rows);
    pool(maps, known->n, known->outputs[l], rows);
    const TiedFrom from = { .rows = rows,
                            .column = known->column,
                            .count = known->count,
                            .n = known->n,
                            .width = maps.channels,
                            .classes = self->detector.inner->classes.count,
                            .shrinkage = self->shrinkage };
    bool ok = tied_learn(&from, out, err);
    if (!ok)
        error_prefix(err, "%s", detector_layer(&self->detector, l));
    free(rows);
    return ok;
}

static bool fit(Model *base, const Samples *samples, Progress *progress, Error *err) {
    Mahalanobis *self = (Mahalanobis *)base;
    TiedGaussian tied[DETECTOR_LAYERS_MOST] = { { 0 } };
    DetectorSamples known;
    if (!detector_samples(&self->detector, samples, 1, &known, progress, err))
        return false;
    bool ok = true, go = known.done;
    progress_begin(progress, "covariances", (double)self->detector.layers);
    for (size_t l = 0; ok && go && l < self->detector.layers; l++) {
        ok = learn_layer(self, l, &known, &tied[l], err);
        go = progress_step(progress, 1, detector_layer(&self->detector, l));
    }
    progress_end(progress);
    detector_samples_clear(&known);
    if (ok && go && !take(self, tied, err))
        return false;
    if (!ok || !go) {
        clear_all(tied);
        return ok;
    }
    model_changes(base);
    return true;
}

static bool apply(Model *base, const char *name) {
    return strcmp(name, "threshold") == 0 && detector_apply(base, name);
}

/* ---- Copies and files ------------------------------------------------------------------------ */

static Model *copy(const Detector *base, Model *inner, bool learnt, Error *err) {
    const Mahalanobis *self = (const Mahalanobis *)base;
    const char *layer[DETECTOR_LAYERS_MOST];
    TiedGaussian tied[DETECTOR_LAYERS_MOST] = { { 0 } };
    for (size_t l = 0; l < base->layers; l++)
        layer[l] = detector_layer(base, l);
    const MahalanobisParts parts = { (Network *)inner, layer,           base->layers,
                                     self->weight,     base->threshold, self->shrinkage };
    Mahalanobis *made = (Mahalanobis *)mahalanobis_new(&parts, err);
    if (!made || !learnt || !base->learnt)
        return (Model *)made;
    bool ok = true;
    for (size_t l = 0; ok && l < base->layers; l++)
        ok = tied_share(&self->tied[l], &tied[l], err);
    if (ok && take(made, tied, err))
        return (Model *)made;
    if (!ok)
        clear_all(tied);
    model_release((Model *)made);
    return NULL;
}

/* "whiten.0", the layers by number: names of layers may have dots. */
typedef struct LayerName {
    char text[32];
} LayerName;

static LayerName name_of(const char *what, size_t l) {
    LayerName name;
    snprintf(name.text, sizeof name.text, "%s.%zu", what, l);
    return name;
}

static bool write(const Detector *base, const ModelWriter *to, Error *err) {
    const Mahalanobis *self = (const Mahalanobis *)base;
    JsonNode names = json_list(to->meta, "layers"), weights = json_list(to->meta, "weights");
    json_number(to->meta, "shrinkage", self->shrinkage);
    json_bool(to->meta, "fitted", base->learnt);
    bool ok = true;
    for (size_t l = 0; ok && l < base->layers; l++) {
        json_string(names, NULL, detector_layer(base, l));
        json_number(weights, NULL, self->weight[l]);
        LayerName whiten = name_of("whiten", l), means = name_of("means", l);
        ok = !base->learnt || (tensors_add(to->tensors, (TensorName){ to->prefix, whiten.text },
                                           self->tied[l].whiten, err) &&
                               tensors_add(to->tensors, (TensorName){ to->prefix, means.text },
                                           self->tied[l].means, err));
    }
    return ok;
}

static const Array *read_matrix(const ModelReader *from, LayerName name, Error *err) {
    const Array *array = tensors_require(from->tensors, (TensorName){ from->prefix, name.text },
                                         (TensorForm){ DTYPE_F64, 2 }, err);
    return array && array_check_finite("load: a mahalanobis model's numbers", array, err) ? array
                                                                                          : NULL;
}

static bool read_layer(const ModelReader *from, const Mahalanobis *self, size_t l,
                       TiedGaussian *out, Error *err) {
    const Array *whiten = read_matrix(from, name_of("whiten", l), err);
    const Array *means = whiten ? read_matrix(from, name_of("means", l), err) : NULL;
    size_t width = maps_of(&self->detector, l).channels;
    if (!means)
        return false;
    if (array_row_size(whiten) != width || array_row_size(means) != width ||
        array_length(whiten) == 0 || array_length(whiten) > width ||
        array_length(means) != self->detector.inner->classes.count)
        return error_set(err, ERROR_FILE, "load: a mahalanobis model's numbers do not fit its net");
    return tied_from(whiten, means, out, err);
}

static bool read_fitted(const ModelReader *from, Mahalanobis *self, Error *err) {
    TiedGaussian tied[DETECTOR_LAYERS_MOST] = { { 0 } };
    if (!cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(from->meta, "fitted")))
        return true;
    for (size_t l = 0; l < self->detector.layers; l++)
        if (!read_layer(from, self, l, &tied[l], err)) {
            clear_all(tied);
            return false;
        }
    return take(self, tied, err);
}

/* Names and weights, two lists of one length. */
static bool read_lists(const ModelReader *from, const char **layer, double *weight, size_t *count,
                       Error *err) {
    const cJSON *names = cJSON_GetObjectItemCaseSensitive(from->meta, "layers");
    const cJSON *weights = cJSON_GetObjectItemCaseSensitive(from->meta, "weights");
    int n = cJSON_GetArraySize(names);
    bool ok = cJSON_IsArray(names) && cJSON_IsArray(weights) && n > 0 &&
              n <= DETECTOR_LAYERS_MOST && cJSON_GetArraySize(weights) == n;
    const cJSON *name = ok ? names->child : NULL, *number = ok ? weights->child : NULL;
    for (int l = 0; ok && l < n; l++, name = name->next, number = number->next) {
        ok = cJSON_IsString(name) && cJSON_IsNumber(number);
        layer[l] = name->valuestring;
        weight[l] = number->valuedouble;
    }
    *count = (size_t)n;
    return ok || error_set(err, ERROR_FILE, "the metadata's layers and weights are not two lists");
}

static Model *read_mahalanobis(const ModelReader *from, Error *err) {
    const char *layer[DETECTOR_LAYERS_MOST];
    double weight[DETECTOR_LAYERS_MOST];
    MahalanobisParts parts = { .layer = layer, .weight = weight };
    if (!read_lists(from, layer, weight, &parts.layers, err) ||
        !detector_read_number(from, "shrinkage", &parts.shrinkage, err))
        return NULL;
    parts.net = (Network *)detector_read_inner(from, &mahalanobis_kind, &parts.threshold, err);
    Model *made = parts.net ? mahalanobis_new(&parts, err) : NULL;
    model_release((Model *)parts.net);
    if (!made || read_fitted(from, (Mahalanobis *)made, err))
        return made;
    model_release(made);
    return NULL;
}

static size_t bytes(const Model *base) {
    const Mahalanobis *self = (const Mahalanobis *)base;
    size_t sum = 0;
    for (size_t l = 0; self->detector.learnt && l < self->detector.layers; l++)
        sum += array_bytes(self->tied[l].whiten) + array_bytes(self->tied[l].means);
    return sum;
}

const DetectorKind mahalanobis_kind = {
    .model = { .name = "mahalanobis",
               DETECTOR_ON_LAYERS,
               .all_or_nothing = true,
               .fit = fit,
               .apply = apply,
               .read = read_mahalanobis,
               .bytes = bytes },
    .options = options,
    .inner = "net",
    .measure = measure,
    .pull = pull,
    .forget = forget,
    .clear = clear,
    .copy = copy,
    .write = write,
};

Model *mahalanobis_new(const MahalanobisParts *parts, Error *err) {
    const DetectorParts base = { .kind = &mahalanobis_kind,
                                 .size = sizeof(Mahalanobis),
                                 .where = "reject.mahalanobis",
                                 .model = (Model *)parts->net,
                                 .threshold = parts->threshold,
                                 .learns = true };
    if (!field_check(&fields[4], parts, err)) {
        error_prefix(err, "reject.mahalanobis");
        return NULL;
    }
    Mahalanobis *made = detector_new(&base, err);
    bool ok = made && detector_tap(&made->detector, parts->layer, parts->layers, err);
    for (size_t l = 0; ok && l < parts->layers; l++) {
        made->weight[l] = parts->weight ? parts->weight[l] : 1;
        ok = isfinite(made->weight[l]) ||
             error_set(err, ERROR_ARGUMENT, "reject.mahalanobis: weights: expected finite numbers");
    }
    if (ok) {
        made->shrinkage = parts->shrinkage;
        return (Model *)made;
    }
    model_release((Model *)made);
    return NULL;
}

double mahalanobis_weight(const Model *model, size_t l) {
    return ((const Mahalanobis *)model)->weight[l];
}

size_t mahalanobis_rank(const Model *model, size_t l) {
    return tied_rank(&((const Mahalanobis *)model)->tied[l]);
}
