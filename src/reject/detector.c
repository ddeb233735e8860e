#include "reject/detector.h"

#include "core/buffer_pool.h"
#include "core/fail.h"
#include "reject/taps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const DetectorKind *kind_of(const Detector *self) {
    return (const DetectorKind *)self->base.kind;
}

static bool is_on_layers(const Detector *self) {
    return self->layers > 0;
}

/* What was learnt of a net's features says nothing of those that it has after further training. */
static bool check_learnt(const Detector *self, Error *err) {
    return !self->learns || !self->learnt ||
           model_check_fitted_on(&self->base, self->inner, self->seen, err);
}

/* Rows of scores are as long as they were when the model was taken in. What has not learnt yet has
 * taken none. */
static bool check_classes(const Detector *self, Error *err) {
    return (self->learns && !self->learnt) ||
           model_check_inside(&self->base, self->inner, false, err);
}

static bool check_inner(const Detector *self, Error *err) {
    return check_classes(self, err) && check_learnt(self, err);
}

/* ---- Between the statistic and the scores ---------------------------------------------------- */

/* The scores of row i. Where a lower column's score would round to the best, it gives way: the
 * lowest wins a tie. */
static void combine(const DetectorTile *tile, size_t i, double *scores) {
    const Detector *self = tile->self;
    size_t classes = tile->classes;
    const double *z = tile->z + i * classes, *parts = tile->parts + i * classes;
    size_t m = model_best_class(&self->base, z);
    double statistic = tile->statistic[i];
    for (size_t c = 0; c < classes; c++) {
        if (kind_of(self)->alone) {
            scores[c] = parts[c];
            continue;
        }
        double own = parts[c] < statistic ? parts[c] : statistic;
        scores[c] = c == m ? statistic : own - (z[m] - z[c]);
        if (c < m && scores[c] >= statistic)
            scores[c] = nextafter(statistic, -INFINITY);
    }
    scores[classes] = self->threshold;
}

/* The weights of row i's scores as those of what they were made of. */
static void split(const DetectorTile *tile, size_t i, const double *w) {
    size_t classes = tile->classes, at = i * classes;
    const double *z = tile->z + at, *parts = tile->parts + at;
    double *dz = tile->dz + at, *dparts = tile->dparts + at;
    size_t m = model_best_class(&tile->self->base, z);
    bool alone = kind_of(tile->self)->alone;
    memset(dz, 0, classes * sizeof *dz);
    memset(dparts, 0, classes * sizeof *dparts);
    tile->dstatistic[i] = 0;
    for (size_t c = 0; c < classes; c++) {
        if (alone || (c != m && parts[c] < tile->statistic[i]))
            dparts[c] += w[c];
        else
            tile->dstatistic[i] += w[c];
        if (!alone && c != m) {
            dz[c] += w[c];
            dz[m] -= w[c];
        }
    }
}

/* ---- A batch, some rows at a time ------------------------------------------------------------ */

enum { ROWS_MOST = 512 };

/* One pass over a batch, with what the largest tile needs. */
typedef struct Run {
    DetectorTile tile;
    size_t most;
    double *numbers;
    float *floats; /* outputs and slopes of the layers, the last one's too */
    size_t floats_capacity;
    double *row;    /* two rows of scores */
    ModelPass pass; /* through a model … */
    Pass *net_pass; /* … or a net */
} Run;

static size_t rows_at_once(const Detector *self, size_t n) {
    const Network *net = network_of(self->inner);
    size_t most = net ? taps_tile(net) : self->inner->kind->whole_batches ? n : ROWS_MOST;
    return n < most ? n : most;
}

/* A net's last layer is one of the tapped ones. */
static size_t taps_of(const Detector *self) {
    return is_on_layers(self) ? self->layers + 1 : 0;
}

static void run_clear(Run *run) {
    free(run->numbers);
    free(run->row);
    pool_give(run->floats, run->floats_capacity);
}

static size_t widths(const Detector *self) {
    size_t sum = 0;
    for (size_t t = 0; t < taps_of(self); t++)
        sum += network_output_size(detector_net(self), self->tap[t]);
    return sum;
}

static void lay_out(Run *run) {
    DetectorTile *tile = &run->tile;
    size_t most = run->most, classes = tile->classes;
    double *at = run->numbers;
    double **place[] = { &tile->z, &tile->parts, &tile->dz, &tile->dparts };
    for (size_t k = 0; k < 4; k++, at += most * classes)
        *place[k] = at;
    tile->statistic = at;
    tile->dstatistic = at + most;
    float *next = run->floats;
    for (size_t t = 0; t < taps_of(tile->self); t++) {
        size_t count = most * network_output_size(detector_net(tile->self), tile->self->tap[t]);
        tile->outputs[t] = next;
        tile->slopes[t] = tile->keep ? next + count : NULL;
        next += (tile->keep ? 2 : 1) * count;
    }
}

static bool run_make(Run *run, const Batch *batch, Error *err) {
    Detector *self = run->tile.self;
    run->tile.classes = self->base.classes.count;
    run->most = rows_at_once(self, batch->n);
    size_t numbers = run->most * (4 * run->tile.classes + 2);
    size_t floats = run->most * widths(self) * (run->tile.keep ? 2 : 1);
    run->numbers = malloc(numbers * sizeof *run->numbers);
    run->row = malloc(2 * (run->tile.classes + 1) * sizeof *run->row);
    run->floats = pool_take(floats * sizeof *run->floats + 1, &run->floats_capacity);
    if (!run->numbers || !run->row || !run->floats) {
        run_clear(run);
        return error_memory(err, batch->where, numbers * sizeof *run->numbers);
    }
    lay_out(run);
    return true;
}

static void last_to_z(const DetectorTile *tile) {
    const float *last = tile->outputs[tile->self->layers];
    for (size_t k = 0; k < tile->rows.n * tile->classes; k++)
        tile->z[k] = (double)last[k];
}

static bool there(Run *run, Error *err) {
    DetectorTile *tile = &run->tile;
    Detector *self = tile->self;
    if (!check_inner(self, err))
        return false;
    if (is_on_layers(self)) {
        Taps taps = { self->tap, taps_of(self), tile->outputs };
        bool ok = tile->keep ? (run->net_pass = network_forward(detector_net(self), &tile->rows,
                                                                &taps, err)) != NULL
                             : network_outputs(detector_net(self), &tile->rows, &taps, err);
        if (!ok)
            return false;
        last_to_z(tile);
    } else {
        run->pass = (ModelPass){ .model = self->inner, .batch = tile->rows, .wider = tile->wider };
        if (!(tile->keep ? model_forward(&run->pass, tile->z, err)
                         : model_scores(self->inner, &tile->rows, tile->z, err)))
            return false;
    }
    return kind_of(self)->measure(tile, err);
}

static bool back(Run *run, float *gradient, Error *err) {
    DetectorTile *tile = &run->tile;
    Detector *self = tile->self;
    const DetectorKind *kind = kind_of(self);
    for (size_t t = 0; t < taps_of(self); t++)
        memset(tile->slopes[t], 0,
               tile->rows.n * network_output_size(detector_net(self), self->tap[t]) *
                   sizeof(float));
    if (!kind->pull(tile, err))
        return false;
    if (!is_on_layers(self))
        return model_backward(&run->pass, tile->dz, gradient, err) &&
               (!kind->behind || kind->behind(tile, gradient, err));
    float *last = tile->slopes[self->layers];
    for (size_t k = 0; k < tile->rows.n * tile->classes; k++)
        last[k] = (float)tile->dz[k];
    return pass_backward(run->net_pass, (const float *const *)tile->slopes, gradient, err);
}

static void forget(Run *run) {
    const DetectorKind *kind = kind_of(run->tile.self);
    if (kind->forget)
        kind->forget(&run->tile);
    run->tile.kept = NULL;
    model_pass_clear(&run->pass);
    pass_free(run->net_pass);
    run->net_pass = NULL;
}

/* What is asked of the tile's rows; no request: scores alone. */
static bool run_tile(Run *run, const GradientRequest *request, double *scores, Error *err) {
    DetectorTile *tile = &run->tile;
    size_t columns = tile->classes + 1;
    if (!there(run, err))
        return false;
    for (size_t i = 0; i < tile->rows.n; i++) {
        double *row = scores ? scores + i * columns : run->row, *own = run->row + columns;
        combine(tile, i, row);
        const double *w = request && request->w ? request->w + i * columns : own;
        if (request && !request->w)
            request->weigh(request->context, request->first_row + i, row, own);
        if (request)
            split(tile, i, w);
    }
    return !request || back(run, request->gradient, err);
}

static bool run_batch(Detector *self, const Batch *batch, const GradientRequest *request,
                      double *scores, Error *err) {
    Run run = {
        .tile = { .self = self, .keep = request != NULL, .wider = request ? request->wider : 0 }
    };
    if (!check_inner(self, err) || !run_make(&run, batch, err))
        return false;
    bool ok = true;
    for (size_t first = 0; ok && first < batch->n; first += run.most) {
        size_t left = batch->n - first;
        GradientRequest rows;
        if (request)
            rows = request_rows(request, &self->base, first);
        run.tile.rows = batch_rows(batch, first, left < run.most ? left : run.most);
        run.tile.largest = request ? rows.largest : NULL;
        double *to = request ? rows.scores : scores + first * (run.tile.classes + 1);
        ok = run_tile(&run, request ? &rows : NULL, to, err);
        forget(&run);
    }
    run_clear(&run);
    return ok;
}

bool detector_scores(Model *base, const Batch *batch, double *scores, Error *err) {
    return run_batch((Detector *)base, batch, NULL, scores, err);
}

bool detector_gradient(Model *base, const Batch *batch, const GradientRequest *request,
                       Error *err) {
    return run_batch((Detector *)base, batch, request, NULL, err);
}

/* ---- Training -------------------------------------------------------------------------------- */

bool detector_take_classes(Detector *self, Error *err) {
    Labels classes = { 0 };
    const char *name = self->base.kind->name;
    bool fitted = !self->learns || self->learnt;
    if (!threshold_check_classes(name, &self->inner->classes, err) ||
        (fitted && !labels_copy(name, &self->inner->classes, &classes, err)))
        return false;
    labels_clear(&self->base.classes);
    self->base.classes = classes;
    self->base.features = self->inner->features;
    self->seen = model_changed(self->inner);
    return true;
}

bool detector_fit_inner(Model *base, const Samples *samples, Progress *progress, Error *err) {
    Detector *self = (Detector *)base;
    return model_fit(self->inner, samples, progress, err) && detector_take_classes(self, err);
}

/* Each sample's column, and how many there are of each class. */
static bool take_columns(const Detector *self, const Samples *samples, DetectorSamples *out,
                         Error *err) {
    for (size_t i = 0; i < samples->n; i++) {
        ptrdiff_t column = labels_find(&self->inner->classes, samples->y[i]);
        if (column < 0)
            return error_set(err, ERROR_ARGUMENT,
                             "fit: sample %zu has the label %d, which is none of the net's classes",
                             i + 1, samples->y[i]);
        out->column[i] = (size_t)column;
        out->count[column]++;
    }
    return true;
}

static bool check_counts(const Detector *self, size_t least, const DetectorSamples *samples,
                         Error *err) {
    for (size_t c = 0; c < self->inner->classes.count; c++)
        if (samples->count[c] < least)
            return error_set(err, ERROR_ARGUMENT,
                             "fit: the %s needs %zu sample%s of every class of the net at least, "
                             "and of class %d there %s %zu",
                             self->base.kind->name, least, least == 1 ? "" : "s",
                             self->inner->classes.label[c], samples->count[c] == 1 ? "is" : "are",
                             samples->count[c]);
    return true;
}

void detector_samples_clear(DetectorSamples *samples) {
    for (size_t l = 0; l < DETECTOR_LAYERS_MOST; l++)
        free(samples->outputs[l]);
    free(samples->column);
    free(samples->count);
}

/* A NaN would be in every statistic, and in the scores of all samples. */
static bool check_outputs(const Detector *self, const DetectorSamples *out, Error *err) {
    for (size_t l = 0; l < self->layers; l++) {
        size_t width = detector_width(self, l);
        for (size_t i = 0; i < out->n * width; i++)
            if (!isfinite(out->outputs[l][i]))
                return error_set(err, ERROR_ARGUMENT,
                                 "fit: output %zu of layer '%s' for sample %zu is %s",
                                 i % width + 1, detector_layer(self, l), i / width + 1,
                                 isnan(out->outputs[l][i]) ? "NaN" : "infinite");
    }
    return true;
}

static bool fill_samples(Detector *self, const Samples *samples, DetectorSamples *out,
                         Progress *progress, Error *err) {
    size_t n = samples->n;
    for (size_t l = 0; l < self->layers; l++)
        if (!(out->outputs[l] = malloc(n * detector_width(self, l) * sizeof(float))))
            return error_memory(err, "fit", n * detector_width(self, l) * sizeof(float));
    TapsJob job = { detector_net(self), samples, { self->tap, self->layers, out->outputs } };
    bool ok = taps_extract(&job, progress, err);
    out->done = !progress_was_interrupted(progress);
    return ok && (!out->done || check_outputs(self, out, err));
}

bool detector_samples(Detector *self, const Samples *samples, size_t least, DetectorSamples *out,
                      Progress *progress, Error *err) {
    size_t n = samples->n, classes = self->inner->classes.count;
    if (!model_is_fitted(self->inner))
        return model_not_fitted(self->inner, "fit", err);
    if (samples->features != self->base.features)
        return error_set(err, ERROR_ARGUMENT, "fit: samples have %zu features, the net takes %zu",
                         samples->features, self->base.features);
    *out = (DetectorSamples){ .n = n,
                              .column = malloc(n * sizeof *out->column),
                              .count = calloc(classes, sizeof *out->count) };
    bool ok = (out->column && out->count) || error_memory(err, "fit", n * sizeof *out->column);
    ok = ok && take_columns(self, samples, out, err) && check_counts(self, least, out, err) &&
         fill_samples(self, samples, out, progress, err);
    if (!ok)
        detector_samples_clear(out);
    return ok;
}

/* ---- As other models ------------------------------------------------------------------------- */

void detector_free(Model *base) {
    Detector *self = (Detector *)base;
    if (kind_of(self)->clear)
        kind_of(self)->clear(self);
    model_release(self->inner);
    free(self);
}

bool detector_option_at(Model *base, size_t i, FieldPlace *place) {
    const Field *field = kind_of((Detector *)base)->options;
    for (size_t k = 0; k < i && field->name; k++)
        field++;
    return fields_place(field, base, "", place);
}

bool detector_part_at(const Model *base, size_t i, ModelPart *part) {
    *part = (ModelPart){ "", ((const Detector *)base)->inner };
    return i == 0;
}

const Model *detector_stands_on(const Model *base) {
    return ((const Detector *)base)->inner;
}

bool detector_apply(Model *base, const char *name) {
    return threshold_apply(base, name);
}

static Model *copy_around(const Detector *self, Model *inner, bool learnt, Error *err) {
    Model *copy = inner ? kind_of(self)->copy(self, inner, learnt, err) : NULL;
    if (copy && learnt && inner == self->inner)
        ((Detector *)copy)->seen = self->seen; /* a copy knows no more of the net */
    model_release(inner);
    return copy;
}

Model *detector_clone(const Model *base, Error *err) {
    const Detector *self = (const Detector *)base;
    Model *inner = is_on_layers(self) ? model_retain(self->inner) : model_clone(self->inner, err);
    return copy_around(self, inner, false, err);
}

Model *detector_fitted_copy(const Model *base, Error *err) {
    const Detector *self = (const Detector *)base;
    if (!check_classes(self, err))
        return NULL;
    return copy_around(self, model_part_copy(self->inner, err), true, err);
}

bool detector_save(const Model *base, const ModelWriter *to, Error *err) {
    const Detector *self = (const Detector *)base;
    const DetectorKind *kind = kind_of(self);
    threshold_write(to->meta, self->threshold);
    return check_inner(self, err) && to->part(to, kind->inner, self->inner, err) &&
           (!kind->write || kind->write(self, to, err));
}

Model *detector_read_inner(const ModelReader *from, const DetectorKind *kind, double *threshold,
                           Error *err) {
    if (!threshold_read(from->meta, threshold, err))
        return NULL;
    return strcmp(kind->inner, "net") == 0 ? (Model *)network_read_part(from, "net", err)
                                           : from->part(from, kind->inner, err);
}

bool detector_read_number(const ModelReader *from, const char *name, double *value, Error *err) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(from->meta, name);
    if (!cJSON_IsNumber(item))
        return error_set(err, ERROR_FILE, "the metadata's \"%s\" is missing or not a number", name);
    *value = item->valuedouble;
    return true;
}

Sizes detector_input_shape(const Model *base) {
    return model_input_shape(((const Detector *)base)->inner);
}

/* ---- Making one ------------------------------------------------------------------------------ */

void *detector_new(const DetectorParts *parts, Error *err) {
    if (!threshold_check(parts->threshold, err))
        return NULL;
    if (parts->model->rejects) {
        error_set(err, ERROR_ARGUMENT, "%s: the %s already rejects", parts->where,
                  parts->model->kind->name);
        return NULL;
    }
    Detector *self = calloc(1, parts->size);
    if (!self) {
        error_memory(err, parts->where, parts->size);
        return NULL;
    }
    model_init(&self->base, &parts->kind->model);
    self->inner = model_retain(parts->model);
    self->threshold = parts->threshold;
    self->learns = parts->learns;
    self->base.rejects = true;
    if (detector_take_classes(self, err))
        return self;
    model_release(&self->base);
    return NULL;
}

bool detector_tap(Detector *self, const char *const *layer, size_t count, Error *err) {
    const char *name = self->base.kind->name;
    Network *net = detector_net(self);
    if (count == 0 || count > DETECTOR_LAYERS_MOST)
        return error_set(err, ERROR_ARGUMENT, "%s: layers: expected 1 to %d of them, got %zu", name,
                         DETECTOR_LAYERS_MOST, count);
    for (size_t l = 0; l < count; l++) {
        ptrdiff_t tap = network_locate(net, name, layer[l], err);
        if (tap < 0)
            return false;
        for (size_t other = 0; other < l; other++)
            if (self->tap[other] == (size_t)tap)
                return error_set(err, ERROR_ARGUMENT, "%s: layers: \"%s\" comes twice", name,
                                 network_layer_name(net, (size_t)tap));
        self->tap[l] = (size_t)tap;
    }
    self->layers = count;
    self->tap[count] = network_layer_count(net) - 1;
    return true;
}

Network *detector_net(const Detector *self) {
    return (Network *)self->inner;
}

const char *detector_layer(const Detector *self, size_t l) {
    return network_layer_name(detector_net(self), self->tap[l]);
}

size_t detector_width(const Detector *self, size_t l) {
    return network_output_size(detector_net(self), self->tap[l]);
}
