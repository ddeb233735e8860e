#include "reject/dnr.h"

#include "core/buffer_pool.h"
#include "core/fail.h"
#include "reject/dnr_parts.h"
#include "reject/taps.h"
#include "reject/threshold.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const Field parts_fields[] = {
    { "net", FIELD_OBJECT, offsetof(DnrParts, net), .type = "net", .required = true,
      .meaning = "the net; it stays as it is" },
    { "layers", FIELD_OBJECT, .type = "string[]", .required = true,
      .meaning = "names of the tapped layers, in the order of the combiner's inputs" },
    { "layer_classifier", FIELD_OBJECT, offsetof(DnrParts, pattern), .type = "model",
      .meaning = "the pattern: every layer gets a clone of it" },
    { "layer_classifiers", FIELD_OBJECT, .type = "table",
      .meaning = "layer = model, where a layer has one of its own" },
    { "combiner", FIELD_OBJECT, offsetof(DnrParts, combiner), .type = "model", .required = true,
      .meaning = "the classifier of the layers' scores" },
    THRESHOLD_FIELD(offsetof(DnrParts, threshold)),
    { .name = NULL },
};
static const DnrParts initial = { .threshold = -INFINITY };
const Fields dnr_fields = { parts_fields, &initial };

static const Field fit_fields[] = {
    { "folds", FIELD_OBJECT, .type = "integer|array", .initial = "5",
      .meaning = "how many folds, or each sample's own (any integers)" },
    { "seed", FIELD_OBJECT, .type = "integer", .initial = "the session's",
      .meaning = "of the folds, drawn so that every class is spread evenly" },
    { .name = NULL },
};
const Fields dnr_fit_fields = { fit_fields, NULL };

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

bool dnr_check_parts(const Dnr *dnr, Error *err) {
    size_t inputs = 0;
    if (!all_fitted(dnr))
        return true;
    for (size_t l = 0; l < dnr->layers; l++) {
        const DnrLayer *layer = &dnr->layer[l];
        if (!check_part(dnr_layer_name(dnr, l), layer->classifier, layer->width, err))
            return false;
        inputs += model_columns(layer->classifier);
    }
    return check_part("combiner", dnr->combiner, inputs, err) &&
           threshold_check_classes("dnr", &dnr->combiner->classes, err);
}

bool dnr_take_sizes(Dnr *dnr, Error *err) {
    Labels classes;
    if (!dnr_check_parts(dnr, err) || !labels_copy("dnr", &dnr->combiner->classes, &classes, err))
        return false;
    labels_clear(&dnr->base.classes);
    dnr->base.classes = classes;
    dnr->seen = model_changed((Model *)dnr->net);
    dnr->inputs = 0;
    for (size_t l = 0; l < dnr->layers; l++) {
        dnr->layer[l].offset = dnr->inputs;
        dnr->inputs += dnr->layer[l].columns = model_columns(dnr->layer[l].classifier);
    }
    return true;
}

bool dnr_check_net(const Dnr *dnr, Error *err) {
    return !model_is_fitted(&dnr->base) ||
           model_check_fitted_on(&dnr->base, (Model *)dnr->net, dnr->seen, err);
}

bool dnr_check_classes(const Dnr *dnr, Error *err) {
    if (!model_is_fitted(&dnr->base) && !all_fitted(dnr))
        return true;
    bool same =
        labels_equal(&dnr->combiner->classes, &dnr->base.classes) && !dnr->combiner->rejects;
    for (size_t l = 0; l < dnr->layers; l++)
        same = same && model_columns(dnr->layer[l].classifier) == dnr->layer[l].columns;
    return same || error_set(err, ERROR_ARGUMENT,
                             "dnr: a part was fitted by itself to other classes; call :fit to "
                             "train the whole anew");
}

/* Buffers are sized by what dnr_take_sizes saw. */
static bool check_unchanged(const Dnr *dnr, Error *err) {
    return dnr_check_classes(dnr, err) && dnr_check_net(dnr, err);
}

/* ---- Scores ---------------------------------------------------------------------------------- */

/* One tile of rows on its way, with scratch for the largest. While it exists the Dnr is in use. */
typedef struct Tile {
    Dnr *dnr;
    size_t most;             /* rows at once */
    bool keep;               /* gradients will be wanted … */
    double wider;            /* … of the layers' kernels as seen so */
    Batch rows;              /* of the user's batch */
    float **output;          /* per layer, rows × width */
    float **slopes;          /* per layer, rows × width; valid with keep */
    ModelPass *pass;         /* per layer, through its classifier; with keep */
    float *inputs;           /* rows × dnr->inputs: the combiner's */
    float *pulled;           /* the same: their gradient */
    double *columns;         /* rows × the most columns that one part has */
    float *storage;          /* of outputs and slopes */
    size_t storage_capacity; /* as the pool says it */
    ModelUse use;
} Tile;

static void tile_clear(Tile *tile) {
    model_use_end(&tile->use);
    free(tile->output);
    free(tile->slopes);
    free(tile->pass);
    free(tile->inputs);
    free(tile->pulled);
    free(tile->columns);
    pool_give(tile->storage, tile->storage_capacity);
}

/* Places in the storage for each layer's rows; returns what is left of it. */
static float *place_layers(const Tile *tile, float *next, float **layer) {
    for (size_t l = 0; l < tile->dnr->layers; l++) {
        layer[l] = next;
        next += tile->most * tile->dnr->layer[l].width;
    }
    return next;
}

/* Fills a tile that says dnr and keep. */
static bool tile_make(Tile *tile, const Batch *batch, Error *err) {
    Dnr *dnr = tile->dnr;
    size_t most = taps_tile(dnr->net), columns = dnr->base.classes.count, widths = 0;
    most = tile->most = batch->n < most ? batch->n : most;
    for (size_t l = 0; l < dnr->layers; l++) {
        columns = dnr->layer[l].columns > columns ? dnr->layer[l].columns : columns;
        widths += dnr->layer[l].width;
    }
    model_use_begin(&tile->use, &dnr->base);
    tile->output = malloc(dnr->layers * sizeof *tile->output);
    tile->slopes = malloc(dnr->layers * sizeof *tile->slopes);
    tile->pass = calloc(dnr->layers, sizeof *tile->pass);
    tile->inputs = malloc(most * dnr->inputs * sizeof *tile->inputs);
    tile->pulled = malloc(most * dnr->inputs * sizeof *tile->pulled);
    tile->columns = malloc(most * columns * sizeof *tile->columns);
    tile->storage = pool_take((tile->keep ? 2 : 1) * most * widths * sizeof *tile->storage,
                              &tile->storage_capacity);
    if (!tile->output || !tile->slopes || !tile->pass || !tile->inputs || !tile->pulled ||
        !tile->columns || !tile->storage) {
        tile_clear(tile);
        return error_memory(err, batch->where, most * (dnr->inputs + widths) * sizeof(float));
    }
    float *rest = place_layers(tile, tile->storage, tile->output);
    if (tile->keep)
        place_layers(tile, rest, tile->slopes);
    return true;
}

/* Move on to the rows from `first` on; false at the end. */
static bool tile_next(Tile *tile, const Batch *batch, size_t first) {
    if (first >= batch->n)
        return false;
    size_t left = batch->n - first;
    tile->rows = batch_rows(batch, first, left < tile->most ? left : tile->most);
    return true;
}

static Taps tile_taps(const Tile *tile) {
    return (Taps){ tile->dnr->tap, tile->dnr->layers, tile->output };
}

static Batch layer_batch(const Tile *tile, size_t l) {
    return (Batch){ tile->output[l], tile->rows.n, tile->dnr->layer[l].width, tile->rows.where };
}

/* The combiner's inputs from the layers' outputs. With keep, clear_passes has to follow. */
static bool fill_inputs(const Tile *tile, float *inputs, Error *err) {
    const Dnr *dnr = tile->dnr;
    for (size_t l = 0; l < dnr->layers; l++) {
        const DnrLayer *layer = &dnr->layer[l];
        ModelPass *pass = &tile->pass[l];
        *pass = (ModelPass){ .model = layer->classifier,
                             .batch = layer_batch(tile, l),
                             .wider = tile->wider };
        if (!(tile->keep ? model_forward(pass, tile->columns, err)
                         : model_scores(pass->model, &pass->batch, tile->columns, err))) {
            error_prefix(err, "%s", dnr_layer_name(dnr, l));
            return false;
        }
        for (size_t i = 0; i < tile->rows.n; i++)
            for (size_t c = 0; c < layer->columns; c++)
                inputs[i * dnr->inputs + layer->offset + c] =
                    (float)tile->columns[i * layer->columns + c];
    }
    return true;
}

static void clear_passes(const Tile *tile) {
    for (size_t l = 0; l < tile->dnr->layers; l++)
        model_pass_clear(&tile->pass[l]);
}

static Batch combiner_batch(const Tile *tile) {
    return (Batch){ tile->inputs, tile->rows.n, tile->dnr->inputs, "combiner" };
}

static Widening widening(const Dnr *dnr) {
    return (Widening){ dnr->base.classes.count, dnr->threshold };
}

static bool score_tile(const Tile *tile, double *scores, Error *err) {
    const Dnr *dnr = tile->dnr;
    Batch inputs = combiner_batch(tile);
    Taps taps = tile_taps(tile);
    if (!network_outputs(dnr->net, &tile->rows, &taps, err) ||
        !fill_inputs(tile, tile->inputs, err) ||
        !model_scores(dnr->combiner, &inputs, tile->columns, err))
        return false;
    threshold_append_all(widening(dnr), inputs.n, tile->columns, scores);
    return true;
}

static bool dnr_scores(Model *base, const Batch *batch, double *scores, Error *err) {
    Dnr *dnr = (Dnr *)base;
    Tile tile = { .dnr = dnr };
    if (!check_unchanged(dnr, err) || !tile_make(&tile, batch, err))
        return false;
    bool ok = true;
    for (size_t first = 0; ok && tile_next(&tile, batch, first); first += tile.most)
        ok = score_tile(&tile, scores + first * model_columns(base), err);
    tile_clear(&tile);
    return ok;
}

bool dnr_layer_scores(Dnr *dnr, const Batch *batch, float *scores, Error *err) {
    Tile tile = { .dnr = dnr };
    if (!model_is_fitted(&dnr->base))
        return model_not_fitted(&dnr->base, batch->where, err);
    if (!check_unchanged(dnr, err) || !tile_make(&tile, batch, err))
        return false;
    bool ok = true;
    for (size_t first = 0; ok && tile_next(&tile, batch, first); first += tile.most) {
        Taps taps = tile_taps(&tile);
        if (first > 0 && progress_interrupt_pending())
            ok = error_interrupted(err, batch->where);
        ok = ok && network_outputs(dnr->net, &tile.rows, &taps, err) &&
             fill_inputs(&tile, scores + first * dnr->inputs, err);
    }
    tile_clear(&tile);
    return ok;
}

/* ---- Gradient -------------------------------------------------------------------------------- */

/* The gradient of the combiner's inputs, whose scores and weights are the request's. */
static bool pull_to_inputs(const Tile *tile, const GradientRequest *request, Error *err) {
    const Dnr *dnr = tile->dnr;
    Batch inputs = combiner_batch(tile);
    InnerRequest inner = { request, widening(dnr), .storage = NULL };
    if (!inner_request_init(&inner, &inputs, err))
        return false;
    inner.asked.gradient = tile->pulled;
    bool ok = model_gradient(dnr->combiner, &inputs, &inner.asked, err);
    inner_request_end(&inner, &inputs);
    return ok;
}

/* On to the layers' outputs. */
static bool pull_to_layers(const Tile *tile, Error *err) {
    const Dnr *dnr = tile->dnr;
    bool ok = true;
    for (size_t l = 0; ok && l < dnr->layers; l++) {
        const DnrLayer *layer = &dnr->layer[l];
        for (size_t i = 0; i < tile->rows.n; i++)
            for (size_t c = 0; c < layer->columns; c++)
                tile->columns[i * layer->columns + c] =
                    tile->pulled[i * dnr->inputs + layer->offset + c];
        ok = model_backward(&tile->pass[l], tile->columns, tile->slopes[l], err);
        if (!ok)
            error_prefix(err, "%s", dnr_layer_name(dnr, l));
    }
    return ok;
}

/* Net, layers, combiner; weights; and all the way back, with everything kept from the way there. */
static bool gradient_tile(const Tile *tile, const GradientRequest *request, Error *err) {
    Taps taps = tile_taps(tile);
    Pass *pass = network_forward(tile->dnr->net, &tile->rows, &taps, err);
    bool ok = pass && fill_inputs(tile, tile->inputs, err) && pull_to_inputs(tile, request, err) &&
              pull_to_layers(tile, err) &&
              pass_backward(pass, (const float *const *)tile->slopes, request->gradient, err);
    clear_passes(tile);
    pass_free(pass);
    return ok;
}

static bool dnr_gradient(Model *base, const Batch *batch, const GradientRequest *request,
                         Error *err) {
    Dnr *dnr = (Dnr *)base;
    Tile tile = { .dnr = dnr, .keep = true };
    if (!check_unchanged(dnr, err) || !tile_make(&tile, batch, err))
        return false;
    bool ok = true;
    for (size_t first = 0; ok && tile_next(&tile, batch, first); first += tile.most) {
        GradientRequest rows = request_rows(request, base, first);
        ok = gradient_tile(&tile, &rows, err);
    }
    tile_clear(&tile);
    return ok;
}

/* The net forward, the layers' scores, and back from what is given of them. */
static bool backward_tile(const Tile *tile, const DnrPull *pull, Error *err) {
    Taps taps = tile_taps(tile);
    Pass *pass = network_forward(tile->dnr->net, &tile->rows, &taps, err);
    memcpy(tile->pulled, pull->dz, tile->rows.n * tile->dnr->inputs * sizeof *pull->dz);
    bool ok = pass && fill_inputs(tile, tile->inputs, err) && pull_to_layers(tile, err) &&
              pass_backward(pass, (const float *const *)tile->slopes, pull->gradient, err);
    clear_passes(tile);
    pass_free(pass);
    return ok;
}

bool dnr_backward(Dnr *dnr, const Batch *batch, const DnrPull *pull, Error *err) {
    Tile tile = { .dnr = dnr, .keep = true };
    if (!model_is_fitted(&dnr->base))
        return model_not_fitted(&dnr->base, batch->where, err);
    if (!check_unchanged(dnr, err) || !tile_make(&tile, batch, err))
        return false;
    bool ok = true;
    for (size_t first = 0; ok && tile_next(&tile, batch, first); first += tile.most) {
        DnrPull rows = { pull->dz + first * dnr->inputs,
                         pull->gradient + first * dnr->base.features };
        if (first > 0 && progress_interrupt_pending())
            ok = error_interrupted(err, batch->where);
        ok = ok && backward_tile(&tile, &rows, err);
    }
    tile_clear(&tile);
    return ok;
}

/* ---- Ascent ---------------------------------------------------------------------------------- */

/* The combiner's, at the layers' scores as they are. */
static bool ascend_inputs(const Tile *tile, const Ascent *ascent, Error *err) {
    const Dnr *dnr = tile->dnr;
    Batch inputs = combiner_batch(tile);
    Ascent inner = *ascent;
    inner.threshold = fmax(ascent->threshold, dnr->threshold);
    inner.scores = tile->columns;
    inner.direction = tile->keep ? tile->pulled : NULL;
    if (!model_ascent(dnr->combiner, &inputs, &inner, err))
        return false;
    threshold_append_all(widening(dnr), inputs.n, tile->columns, ascent->scores);
    return true;
}

static bool ascend_tile(const Tile *tile, const Ascent *ascent, Error *err) {
    Taps taps = tile_taps(tile);
    Pass *pass = NULL;
    bool ok = tile->keep ? (pass = network_forward(tile->dnr->net, &tile->rows, &taps, err)) != NULL
                         : network_outputs(tile->dnr->net, &tile->rows, &taps, err);
    ok = ok && fill_inputs(tile, tile->inputs, err) && ascend_inputs(tile, ascent, err) &&
         (!tile->keep ||
          (pull_to_layers(tile, err) &&
           pass_backward(pass, (const float *const *)tile->slopes, ascent->direction, err)));
    clear_passes(tile);
    pass_free(pass);
    return ok;
}

static bool dnr_ascent(Model *base, const Batch *batch, const Ascent *ascent, Error *err) {
    Dnr *dnr = (Dnr *)base;
    Tile tile = { .dnr = dnr, .keep = ascent->direction, .wider = ascent->wider_below };
    if (!check_unchanged(dnr, err) || !tile_make(&tile, batch, err))
        return false;
    bool ok = true;
    for (size_t first = 0; ok && tile_next(&tile, batch, first); first += tile.most) {
        Ascent rows = ascent_rows(ascent, base, first);
        ok = ascend_tile(&tile, &rows, err);
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

static const Model *dnr_stands_on(const Model *base) {
    return (const Model *)((const Dnr *)base)->net;
}

static size_t dnr_bytes(const Model *base) {
    const Dnr *dnr = (const Dnr *)base;
    size_t bytes = model_bytes(dnr->combiner);
    for (size_t l = 0; l < dnr->layers; l++)
        bytes += model_bytes(dnr->layer[l].classifier);
    return bytes;
}

static Sizes dnr_input_shape(const Model *base) {
    return model_input_shape((const Model *)((const Dnr *)base)->net);
}

const ModelKind dnr_kind = {
    .name = "dnr",
    .free = dnr_free,
    .scores = dnr_scores,
    .one_pass = true,
    .gradient = dnr_gradient,
    .ascent = dnr_ascent,
    .all_or_nothing = true,
    .fit = dnr_fit_default,
    .option_at = dnr_option_at,
    .part_at = dnr_part_at,
    .stands_on = dnr_stands_on,
    .input_shape = dnr_input_shape,
    .clone = dnr_clone,
    .fitted_copy = dnr_fitted_copy,
    .apply = threshold_apply,
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

static Model *new_classifier(const DnrParts *parts, size_t l, Error *err) {
    if (parts->classifier[l])
        return model_retain(parts->classifier[l]);
    if (parts->pattern)
        return model_clone(parts->pattern, err);
    error_set(err, ERROR_ARGUMENT,
              "dnr.new: no classifier for layer %s: give layer_classifier, or one of that name in "
              "layer_classifiers",
              parts->layer[l]);
    return NULL;
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
        ptrdiff_t tap = network_locate(dnr->net, "dnr: layers", parts->layer[l], err);
        if (tap < 0)
            return false;
        layer->tap = (size_t)tap;
        dnr->tap[l] = layer->tap;
        layer->width = network_output_size(dnr->net, layer->tap);
        layer->classifier = new_classifier(parts, l, err);
        if (!layer->classifier)
            return false;
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

bool dnr_count_layers(size_t count, Error *err) {
    return count <= DNR_LAYERS_MOST ||
           error_set(err, ERROR_ARGUMENT, "dnr.new: expected at most %d layers, got %zu",
                     DNR_LAYERS_MOST, count);
}

Dnr *dnr_new(const DnrParts *parts, Error *err) {
    if (!threshold_check(parts->threshold, err) || !dnr_count_layers(parts->layers, err))
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

ptrdiff_t dnr_part_layer(const DnrParts *parts, const char *name) {
    for (size_t l = 0; name && l < parts->layers; l++)
        if (strcmp(parts->layer[l], name) == 0)
            return (ptrdiff_t)l;
    return -1;
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
