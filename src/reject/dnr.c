#include "reject/dnr.h"

#include "core/fail.h"
#include "reject/dnr_parts.h"
#include "reject/taps.h"
#include "reject/threshold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void dnr_free(Model *base) {
    Dnr *dnr = (Dnr *)base;
    for (size_t l = 0; dnr->layer && l < dnr->layers; l++)
        model_release(dnr->layer[l].classifier);
    model_release(dnr->combiner);
    model_release((Model *)dnr->net);
    free(dnr->layer);
    free(dnr->tap);
    free(dnr);
}

/* ---- Parts and their sizes ------------------------------------------------------------------- */

static bool all_fitted(const Dnr *dnr) {
    for (size_t l = 0; l < dnr->layers; l++)
        if (!model_is_fitted(dnr->layer[l].classifier))
            return false;
    return model_is_fitted(dnr->combiner);
}

static bool check_part(const char *name, const Model *part, size_t features, Error *err) {
    if (part->rejects)
        return error_set(err, ERROR_ARGUMENT,
                         "dnr: %s: the %s rejects by itself; a part of a dnr must not", name,
                         part->kind->name);
    if (part->features != 0 && part->features != features)
        return error_set(err, ERROR_ARGUMENT,
                         "dnr: %s: the %s takes %zu features, its input here has %zu", name,
                         part->kind->name, part->features, features);
    return true;
}

bool dnr_take_sizes(Dnr *dnr, Error *err) {
    size_t offset = 0;
    for (size_t l = 0; l < dnr->layers; l++) {
        const DnrLayer *layer = &dnr->layer[l];
        if (!check_part(dnr_layer_name(dnr, l), layer->classifier, layer->width, err))
            return false;
        offset += model_columns(layer->classifier);
    }
    Labels classes;
    if (!check_part("combiner", dnr->combiner, offset, err) ||
        !threshold_check_classes("dnr", &dnr->combiner->classes, err) ||
        !labels_copy("dnr", &dnr->combiner->classes, &classes, err))
        return false;
    labels_clear(&dnr->base.classes);
    dnr->base.classes = classes;
    dnr->inputs = offset;
    for (size_t l = dnr->layers; l-- > 0;) {
        dnr->layer[l].columns = model_columns(dnr->layer[l].classifier);
        dnr->layer[l].offset = offset -= dnr->layer[l].columns;
    }
    return true;
}

/* Buffers are sized by what dnr_take_sizes saw. A part is an object that users can fit by itself.
 */
static bool check_unchanged(const Dnr *dnr, Error *err) {
    bool same =
        labels_equal(&dnr->combiner->classes, &dnr->base.classes) && !dnr->combiner->rejects;
    for (size_t l = 0; l < dnr->layers; l++) {
        const DnrLayer *layer = &dnr->layer[l];
        same = same && model_columns(layer->classifier) == layer->columns;
    }
    return same || error_set(err, ERROR_ARGUMENT,
                             "dnr: a part was fitted by itself to other classes; call :fit to "
                             "train the whole anew");
}

/* ---- Scores ---------------------------------------------------------------------------------- */

/* Scratch for one tile of rows. While it exists the Dnr is busy. */
typedef struct Tile {
    Dnr *dnr;
    size_t rows;      /* at most */
    float *inputs;    /* rows × dnr->inputs: the combiner's */
    double *columns;  /* rows × the most columns that one part has */
    float **gradient; /* per layer, rows × width; NULL where only scores are wanted */
    float *storage;   /* of gradient */
} Tile;

static void tile_clear(Tile *tile) {
    tile->dnr->busy--;
    free(tile->inputs);
    free(tile->columns);
    free(tile->gradient);
    free(tile->storage);
}

static bool tile_make(Dnr *dnr, size_t n, bool with_gradient, Tile *tile, Error *err) {
    size_t rows = taps_tile(dnr->net), columns = dnr->base.classes.count, widths = 0;
    rows = n < rows ? n : rows;
    for (size_t l = 0; l < dnr->layers; l++) {
        columns = dnr->layer[l].columns > columns ? dnr->layer[l].columns : columns;
        widths += dnr->layer[l].width;
    }
    *tile = (Tile){ .dnr = dnr, .rows = rows };
    dnr->busy++;
    tile->inputs = malloc(rows * dnr->inputs * sizeof *tile->inputs);
    tile->columns = malloc(rows * columns * sizeof *tile->columns);
    if (with_gradient) {
        tile->gradient = malloc(dnr->layers * sizeof *tile->gradient);
        tile->storage = malloc(rows * widths * sizeof *tile->storage);
    }
    if (!tile->inputs || !tile->columns || (with_gradient && (!tile->gradient || !tile->storage))) {
        tile_clear(tile);
        return error_memory(err, "dnr", rows * (dnr->inputs + widths) * sizeof(float));
    }
    float *next = tile->storage;
    for (size_t l = 0; with_gradient && l < dnr->layers; l++) {
        tile->gradient[l] = next;
        next += rows * dnr->layer[l].width;
    }
    return true;
}

/* The combiner's inputs from the layers' outputs in a pass. */
static bool fill_inputs(Dnr *dnr, const Pass *pass, size_t rows, double *scratch, float *inputs,
                        Error *err) {
    for (size_t l = 0; l < dnr->layers; l++) {
        const DnrLayer *layer = &dnr->layer[l];
        if (!model_scores(layer->classifier,
                          &(Batch){ pass_output(pass, l), rows, layer->width, "scores" }, scratch,
                          err)) {
            error_prefix(err, "%s", dnr_layer_name(dnr, l));
            return false;
        }
        for (size_t i = 0; i < rows; i++)
            for (size_t c = 0; c < layer->columns; c++)
                inputs[i * dnr->inputs + layer->offset + c] =
                    (float)scratch[i * layer->columns + c];
    }
    return true;
}

static bool score_tile(Dnr *dnr, const Tile *tile, const float *x, size_t rows, double *scores,
                       Error *err) {
    size_t classes = dnr->base.classes.count;
    Pass *pass = network_forward(dnr->net, x, rows, dnr->tap, dnr->layers, false, err);
    bool ok = pass && fill_inputs(dnr, pass, rows, tile->columns, tile->inputs, err) &&
              model_scores(dnr->combiner, &(Batch){ tile->inputs, rows, dnr->inputs, "combiner" },
                           tile->columns, err);
    pass_free(pass);
    for (size_t i = 0; ok && i < rows; i++) {
        double *row = scores + i * (classes + 1);
        memcpy(row, tile->columns + i * classes, classes * sizeof *row);
        row[classes] = dnr->threshold;
    }
    return ok;
}

static bool dnr_scores(Model *base, const Batch *batch, double *scores, Error *err) {
    Dnr *dnr = (Dnr *)base;
    size_t n = batch->n;
    Tile tile;
    if (!check_unchanged(dnr, err) || !tile_make(dnr, n, false, &tile, err))
        return false;
    bool ok = true;
    for (size_t first = 0; first < n && ok; first += tile.rows) {
        size_t rows = n - first < tile.rows ? n - first : tile.rows;
        ok = score_tile(dnr, &tile, batch->x + first * base->features, rows,
                        scores + first * model_columns(base), err);
    }
    tile_clear(&tile);
    return ok;
}

bool dnr_layer_scores(Dnr *dnr, const float *x, size_t n, float *scores, Error *err) {
    Tile tile;
    if (!model_is_fitted(&dnr->base))
        return model_not_fitted(&dnr->base, "layer_scores", err);
    if (!check_unchanged(dnr, err) || !tile_make(dnr, n, false, &tile, err))
        return false;
    bool ok = true;
    for (size_t first = 0; first < n && ok; first += tile.rows) {
        size_t rows = n - first < tile.rows ? n - first : tile.rows;
        Pass *pass = network_forward(dnr->net, x + first * dnr->base.features, rows, dnr->tap,
                                     dnr->layers, false, err);
        ok = pass && fill_inputs(dnr, pass, rows, tile.columns, scores + first * dnr->inputs, err);
        pass_free(pass);
    }
    tile_clear(&tile);
    return ok;
}

/* ---- Gradient -------------------------------------------------------------------------------- */

/* d(w · class scores)/d(layer outputs), from the combiner's inputs in the tile; overwrites them. */
static bool pull_to_layers(Dnr *dnr, const Pass *pass, Tile *tile, size_t rows, const double *w,
                           Error *err) {
    size_t classes = dnr->base.classes.count;
    float *pulled = malloc(rows * dnr->inputs * sizeof *pulled);
    if (!pulled)
        return error_memory(err, "gradient", rows * dnr->inputs * sizeof *pulled);
    for (size_t i = 0; i < rows; i++)
        memcpy(tile->columns + i * classes, w + i * (classes + 1), classes * sizeof *w);
    bool ok = model_gradient(dnr->combiner, &(Batch){ tile->inputs, rows, dnr->inputs, "combiner" },
                             &(GradientRequest){ .w = tile->columns, .gradient = pulled }, err);
    for (size_t l = 0; ok && l < dnr->layers; l++) {
        const DnrLayer *layer = &dnr->layer[l];
        for (size_t i = 0; i < rows; i++)
            for (size_t c = 0; c < layer->columns; c++)
                tile->columns[i * layer->columns + c] = pulled[i * dnr->inputs + layer->offset + c];
        ok = model_gradient(
            layer->classifier, &(Batch){ pass_output(pass, l), rows, layer->width, "gradient" },
            &(GradientRequest){ .w = tile->columns, .gradient = tile->gradient[l] }, err);
        if (!ok)
            error_prefix(err, "%s", dnr_layer_name(dnr, l));
    }
    free(pulled);
    return ok;
}

static bool dnr_gradient(Model *base, const Batch *batch, const GradientRequest *request,
                         Error *err) {
    Dnr *dnr = (Dnr *)base;
    size_t n = batch->n;
    Tile tile;
    if (!check_unchanged(dnr, err) || !tile_make(dnr, n, true, &tile, err))
        return false;
    bool ok = true;
    for (size_t first = 0; first < n && ok; first += tile.rows) {
        size_t rows = n - first < tile.rows ? n - first : tile.rows;
        Pass *pass = network_forward(dnr->net, batch->x + first * base->features, rows, dnr->tap,
                                     dnr->layers, true, err);
        ok =
            pass && fill_inputs(dnr, pass, rows, tile.columns, tile.inputs, err) &&
            pull_to_layers(dnr, pass, &tile, rows, request->w + first * model_columns(base), err) &&
            pass_backward(pass, (const float *const *)tile.gradient,
                          request->gradient + first * base->features, err);
        pass_free(pass);
    }
    tile_clear(&tile);
    return ok;
}

/* ---- Hyperparameters ------------------------------------------------------------------------- */

static bool dnr_option_at(Model *base, size_t i, FieldPlace *place) {
    return i == 0 && fields_place(&threshold_field, &((Dnr *)base)->threshold, "", place);
}

/* "relu2.C" and "combiner.C" are the options C of these parts. */
static bool dnr_part_at(const Model *base, size_t i, ModelPart *part) {
    const Dnr *dnr = (const Dnr *)base;
    if (i < dnr->layers)
        *part = (ModelPart){ dnr_layer_name(dnr, i), dnr->layer[i].classifier };
    else
        *part = (ModelPart){ "combiner", dnr->combiner };
    return i <= dnr->layers;
}

static size_t dnr_bytes(const Model *base) {
    const Dnr *dnr = (const Dnr *)base;
    size_t bytes = model_bytes(dnr->combiner);
    for (size_t l = 0; l < dnr->layers; l++)
        bytes += model_bytes(dnr->layer[l].classifier);
    return bytes;
}

const ModelKind dnr_kind = {
    .name = "dnr",
    .free = dnr_free,
    .scores = dnr_scores,
    .gradient = dnr_gradient,
    .fit = dnr_fit_default,
    .option_at = dnr_option_at,
    .part_at = dnr_part_at,
    .clone = dnr_clone,
    .save = dnr_save,
    .read = dnr_read,
    .bytes = dnr_bytes,
    .fit_bytes = dnr_fit_bytes,
};

/* ---- Making one ------------------------------------------------------------------------------ */

static bool check_names(const Dnr *dnr, Error *err) {
    if (dnr->layers == 0)
        return error_set(err, ERROR_ARGUMENT, "dnr: layers: expected one layer at least");
    for (size_t l = 0; l < dnr->layers; l++) {
        const char *name = dnr_layer_name(dnr, l);
        if (strcmp(name, "net") == 0 || strcmp(name, "combiner") == 0)
            return error_set(err, ERROR_ARGUMENT,
                             "dnr: layers: a layer cannot be named \"%s\", as another part is",
                             name);
        for (size_t other = 0; other < l; other++)
            if (dnr->tap[other] == dnr->tap[l])
                return error_set(err, ERROR_ARGUMENT, "dnr: layers: \"%s\" comes twice", name);
    }
    return true;
}

/* Fill a Dnr that holds nothing but its base; what is in it on failure is released by the caller.
 */
static bool fill_parts(Dnr *dnr, const DnrParts *parts, Error *err) {
    dnr->net = (Network *)model_retain((Model *)parts->net);
    dnr->combiner = model_retain(parts->combiner);
    dnr->layer = calloc(parts->layers + 1, sizeof *dnr->layer);
    dnr->tap = calloc(parts->layers + 1, sizeof *dnr->tap);
    if (!dnr->layer || !dnr->tap)
        return error_memory(err, "dnr", parts->layers * sizeof *dnr->layer);
    dnr->layers = parts->layers;
    for (size_t l = 0; l < parts->layers; l++) {
        DnrLayer *layer = &dnr->layer[l];
        if (!taps_find(dnr->net, "dnr: layers", parts->layer[l], &layer->tap, err))
            return false;
        dnr->tap[l] = layer->tap;
        layer->width = network_output_size(dnr->net, layer->tap);
        layer->classifier = model_retain(parts->classifier[l]);
    }
    /* The width of the combiner's input shows once the layers' classifiers are fitted. */
    if (!check_names(dnr, err) ||
        !check_part("combiner", dnr->combiner, dnr->combiner->features, err))
        return false;
    for (size_t l = 0; l < dnr->layers; l++)
        if (!check_part(dnr_layer_name(dnr, l), dnr->layer[l].classifier, dnr->layer[l].width, err))
            return false;
    return !all_fitted(dnr) || dnr_take_sizes(dnr, err);
}

Dnr *dnr_new(const DnrParts *parts, Error *err) {
    if (!threshold_check(parts->threshold, err))
        return NULL;
    Dnr *dnr = calloc(1, sizeof *dnr);
    if (!dnr) {
        error_memory(err, "dnr", sizeof *dnr);
        return NULL;
    }
    model_init(&dnr->base, &dnr_kind);
    dnr->base.rejects = true;
    dnr->base.features = ((Model *)parts->net)->features;
    dnr->threshold = parts->threshold;
    dnr->seed = parts->seed;
    if (!fill_parts(dnr, parts, err)) {
        model_release(&dnr->base);
        return NULL;
    }
    return dnr;
}

Network *dnr_net(const Dnr *dnr) {
    return dnr->net;
}

Model *dnr_combiner(const Dnr *dnr) {
    return dnr->combiner;
}

size_t dnr_layer_count(const Dnr *dnr) {
    return dnr->layers;
}

const char *dnr_layer_name(const Dnr *dnr, size_t layer) {
    return network_layer_name(dnr->net, dnr->layer[layer].tap);
}

Model *dnr_layer_classifier(const Dnr *dnr, size_t layer) {
    return dnr->layer[layer].classifier;
}

ptrdiff_t dnr_find_layer(const Dnr *dnr, const char *name) {
    for (size_t l = 0; l < dnr->layers; l++)
        if (strcmp(dnr_layer_name(dnr, l), name) == 0)
            return (ptrdiff_t)l;
    return -1;
}

double dnr_threshold(const Dnr *dnr) {
    return dnr->threshold;
}

bool dnr_set_threshold(Dnr *dnr, double threshold, Error *err) {
    if (!threshold_check(threshold, err))
        return false;
    dnr->threshold = threshold;
    return true;
}

size_t dnr_layer_columns(const Dnr *dnr) {
    return dnr->inputs;
}
