#include "reject/density.h"

#include "core/array.h"
#include "core/fail.h"
#include "data/safetensors.h"
#include "reject/density_points.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BANDWIDTH(at)                                                                              \
    {                                                                                              \
        "bandwidth", FIELD_NUMBER, (at),                                                           \
            .low = 0, .high = INFINITY, .open = FIELD_ABOVE_LOW | FIELD_BELOW_HIGH,                \
            .initial = "by likelihood", .meaning = "the kernels' standard deviation"               \
    }

static const Field fields[] = {
    { "net", FIELD_OBJECT, offsetof(DensityParts, net), .type = "net", .required = true,
      .meaning = "the net; it stays as it is, and says the label" },
    { "layer", FIELD_STRING, offsetof(DensityParts, layer), .required = true,
      .meaning = "the layer whose output it is: in the paper the last hidden one" },
    THRESHOLD_FIELD(offsetof(DensityParts, threshold)),
    BANDWIDTH(offsetof(DensityParts, bandwidth)),
    { .name = NULL },
};
static const DensityParts initial = { .threshold = -INFINITY, .bandwidth = NAN };
const Fields density_fields = { fields, &initial };

typedef struct Density {
    Detector detector;
    double bandwidth; /* as wished; NaN: by likelihood */
    double used;
    Points *points; /* NULL while not fitted */
} Density;

static const Field options[] = {
    THRESHOLD_FIELD(offsetof(Detector, threshold)),
    BANDWIDTH(offsetof(Density, bandwidth)),
    { .name = NULL },
};

static double gamma_of(const Density *self) {
    return 0.5 / (self->used * self->used);
}

static bool measure(DetectorTile *tile, Error *err) {
    const Density *self = (const Density *)tile->self;
    const Points *points = self->points;
    const double pi = acos(-1), h2 = self->used * self->used;
    const PointsSums job = { points,         tile->outputs[0], tile->rows.n,
                             gamma_of(self), tile->parts,      tile->largest };
    if (!points_sums(&job, err))
        return false;
    for (size_t i = 0; i < tile->rows.n; i++) {
        double *parts = tile->parts + i * tile->classes;
        for (size_t c = 0; c < tile->classes; c++)
            parts[c] -= log((double)(points->start[c + 1] - points->start[c])) +
                        (double)points->width / 2 * log(2 * pi * h2);
        tile->statistic[i] =
            parts[model_best_class(&self->detector.base, tile->z + i * tile->classes)];
    }
    return true;
}

static bool pull(DetectorTile *tile, Error *err) {
    const Density *self = (const Density *)tile->self;
    for (size_t i = 0; i < tile->rows.n; i++) {
        size_t at = i * tile->classes;
        tile->dparts[at + model_best_class(&self->detector.base, tile->z + at)] +=
            tile->dstatistic[i];
    }
    double wider = tile->wider > 0 ? tile->wider : 1;
    const PointsPull job = { self->points,           tile->outputs[0], tile->rows.n,
                             gamma_of(self) / wider, tile->dparts,     tile->slopes[0] };
    return points_pull(&job, err);
}

static void clear(Detector *base) {
    points_release(((Density *)base)->points);
}

/* Takes over the points. */
static bool take_points(Density *self, Points *points, double bandwidth, Error *err) {
    Points *old = self->points;
    bool learnt = self->detector.learnt;
    self->detector.learnt = true;
    if (!detector_take_classes(&self->detector, err)) {
        self->detector.learnt = learnt;
        points_release(points);
        return false;
    }
    self->points = points;
    self->used = bandwidth;
    points_release(old);
    return true;
}

static bool learn(Density *self, const DetectorSamples *known, Progress *progress, Error *err) {
    const PointsFrom from = { .rows = known->outputs[0],
                              .column = known->column,
                              .count = known->count,
                              .n = known->n,
                              .width = detector_width(&self->detector, 0),
                              .classes = self->detector.inner->classes.count };
    Points *points = points_new(&from, err);
    if (!points)
        return false;
    double bandwidth = self->bandwidth;
    if (isnan(bandwidth)) {
        progress_begin(progress, "bandwidth", 0);
        bandwidth = points_bandwidth(points, progress, err);
        progress_end(progress);
    }
    if (bandwidth > 0)
        return take_points(self, points, bandwidth, err);
    points_release(points);
    return bandwidth == 0; /* it was interrupted */
}

static bool fit(Model *base, const Samples *samples, Progress *progress, Error *err) {
    Density *self = (Density *)base;
    DetectorSamples known;
    if (!detector_samples(&self->detector, samples, isnan(self->bandwidth) ? 2 : 1, &known,
                          progress, err))
        return false;
    bool ok = !known.done || learn(self, &known, progress, err);
    detector_samples_clear(&known);
    if (ok)
        model_changes(base);
    return ok;
}

/* The points do not depend on it. */
static bool apply(Model *base, const char *name) {
    Density *self = (Density *)base;
    if (strcmp(name, "bandwidth") == 0 && !isnan(self->bandwidth))
        self->used = self->bandwidth;
    return true;
}

static Model *copy(const Detector *base, Model *inner, bool learnt, Error *err) {
    const Density *self = (const Density *)base;
    const DensityParts parts = { (Network *)inner, detector_layer(base, 0), base->threshold,
                                 self->bandwidth };
    Density *made = (Density *)density_new(&parts, err);
    if (!made || !learnt || !self->points ||
        take_points(made, points_retain(self->points), self->used, err))
        return (Model *)made;
    model_release((Model *)made);
    return NULL;
}

/* ---- Files ----------------------------------------------------------------------------------- */

static bool write_counts(const Points *points, const ModelWriter *to, Error *err) {
    int32_t *count = malloc(points->classes * sizeof *count);
    if (!count)
        return error_memory(err, "save", points->classes * sizeof *count);
    for (size_t c = 0; c < points->classes; c++)
        count[c] = (int32_t)(points->start[c + 1] - points->start[c]);
    bool ok = tensors_add_values(to->tensors, (TensorName){ to->prefix, "count" },
                                 &(TensorValues){ DTYPE_I32, count, 1, &points->classes }, err);
    free(count);
    return ok;
}

static bool write(const Detector *base, const ModelWriter *to, Error *err) {
    const Density *self = (const Density *)base;
    const Points *points = self->points;
    json_string(to->meta, "layer", detector_layer(base, 0));
    if (isnan(self->bandwidth))
        json_null(to->meta, "bandwidth");
    else
        json_number(to->meta, "bandwidth", self->bandwidth);
    if (!points)
        return true;
    json_number(to->meta, "fitted_bandwidth", self->used);
    size_t shape[] = { points->n, points->width };
    return write_counts(points, to, err) &&
           tensors_add_values(to->tensors, (TensorName){ to->prefix, "mean" },
                              &(TensorValues){ DTYPE_F32, points->mean, 1, shape + 1 }, err) &&
           tensors_add_values(to->tensors, (TensorName){ to->prefix, "points" },
                              &(TensorValues){ DTYPE_F32, points->point, 2, shape }, err);
}

static Points *points_from(const Array *count, const Array *mean, const Array *rows, Error *err) {
    PointsFrom from = { .rows = array_f32(rows),
                        .mean = array_f32(mean),
                        .n = array_length(rows),
                        .width = array_row_size(rows),
                        .classes = array_length(count) };
    size_t *counts = malloc((from.classes + 1) * sizeof *counts), sum = 0;
    if (!counts) {
        error_memory(err, "load", from.classes * sizeof *counts);
        return NULL;
    }
    from.count = counts;
    bool ok = true;
    for (size_t c = 0; c < from.classes; c++) {
        int32_t n = array_i32(count)[c];
        counts[c] = (size_t)n;
        ok = ok && n > 0 && (sum += counts[c]) <= from.n;
    }
    Points *points = NULL;
    if (ok && sum == from.n)
        points = points_new(&from, err);
    else
        error_set(err, ERROR_FILE, "load: a density's counts do not agree with its points");
    free(counts);
    return points;
}

static Points *read_points(const ModelReader *from, const Density *self, Error *err) {
    const Tensors *tensors = from->tensors;
    const char *prefix = from->prefix;
    const Array *count = tensors_require(tensors, (TensorName){ prefix, "count" },
                                         (TensorForm){ DTYPE_I32, 1 }, err);
    const Array *mean = count ? tensors_require(tensors, (TensorName){ prefix, "mean" },
                                                (TensorForm){ DTYPE_F32, 1 }, err)
                              : NULL;
    const Array *rows = mean ? tensors_require(tensors, (TensorName){ prefix, "points" },
                                               (TensorForm){ DTYPE_F32, 2 }, err)
                             : NULL;
    size_t width = detector_width(&self->detector, 0);
    if (!rows || !array_check_finite("load: a density's points", rows, err) ||
        !array_check_finite("load: a density's mean", mean, err))
        return NULL;
    if (array_length(count) != self->detector.inner->classes.count || array_length(mean) != width ||
        array_row_size(rows) != width) {
        error_set(err, ERROR_FILE, "load: a density's points do not fit its net");
        return NULL;
    }
    return points_from(count, mean, rows, err);
}

static bool read_fitted(const ModelReader *from, Density *self, Error *err) {
    double bandwidth;
    if (!cJSON_GetObjectItemCaseSensitive(from->meta, "fitted_bandwidth"))
        return true;
    if (!detector_read_number(from, "fitted_bandwidth", &bandwidth, err))
        return false;
    if (!(bandwidth > 0 && isfinite(bandwidth)))
        return error_set(err, ERROR_FILE, "load: a density's bandwidth is %g", bandwidth);
    Points *points = read_points(from, self, err);
    return points && take_points(self, points, bandwidth, err);
}

static Model *read_density(const ModelReader *from, Error *err) {
    DensityParts parts = { .bandwidth = NAN };
    const cJSON *layer = cJSON_GetObjectItemCaseSensitive(from->meta, "layer");
    const cJSON *bandwidth = cJSON_GetObjectItemCaseSensitive(from->meta, "bandwidth");
    if (!cJSON_IsString(layer)) {
        error_set(err, ERROR_FILE, "the metadata names no layer");
        return NULL;
    }
    if (!cJSON_IsNull(bandwidth) && !detector_read_number(from, "bandwidth", &parts.bandwidth, err))
        return NULL;
    parts.layer = layer->valuestring;
    parts.net = (Network *)detector_read_inner(from, &density_kind, &parts.threshold, err);
    Model *made = parts.net ? density_new(&parts, err) : NULL;
    model_release((Model *)parts.net);
    if (!made || read_fitted(from, (Density *)made, err))
        return made;
    model_release(made);
    return NULL;
}

static size_t bytes(const Model *base) {
    const Points *points = ((const Density *)base)->points;
    return points ? points->n * (points->width * sizeof(float) + sizeof(double)) : 0;
}

const DetectorKind density_kind = {
    .model = { .name = "density",
               DETECTOR_ON_LAYERS,
               .all_or_nothing = true,
               .fit = fit,
               .apply = apply,
               .read = read_density,
               .bytes = bytes },
    .options = options,
    .inner = "net",
    .measure = measure,
    .pull = pull,
    .clear = clear,
    .copy = copy,
    .write = write,
};

Model *density_new(const DensityParts *parts, Error *err) {
    const DetectorParts base = { .kind = &density_kind,
                                 .size = sizeof(Density),
                                 .where = "reject.density",
                                 .model = (Model *)parts->net,
                                 .threshold = parts->threshold,
                                 .learns = true };
    if (!isnan(parts->bandwidth) && !field_check(&fields[3], parts, err)) {
        error_prefix(err, "reject.density");
        return NULL;
    }
    Density *made = detector_new(&base, err);
    if (!made)
        return NULL;
    made->bandwidth = parts->bandwidth;
    made->used = NAN;
    if (detector_tap(&made->detector, &parts->layer, 1, err))
        return (Model *)made;
    model_release((Model *)made);
    return NULL;
}

double density_bandwidth(const Model *model) {
    return ((const Density *)model)->used;
}

size_t density_points(const Model *model) {
    const Points *points = ((const Density *)model)->points;
    return points ? points->n : 0;
}
