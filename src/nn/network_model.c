/* network_model.c — a Network as a Model: its scores are the last layer's output. */
#include "core/array.h"
#include "core/fail.h"
#include "core/fields_json.h"
#include "core/parallel.h"
#include "nn/layout.h"
#include "nn/network.h"
#include "nn/network_build.h"
#include "nn/network_impl.h"
#include "nn/train.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void net_free(Model *model) {
    Network *net = (Network *)model;
    for (size_t l = 0; l < net->layers; l++)
        layer_free(net->layer[l]);
    for (int w = 0; w < net->workspaces; w++)
        free(net->workspace[w].memory);
    free(net->layer);
    free(net->wire);
    free(net->workspace);
    free(net->pass.offset);
    free(net->keep.offset);
    free(net->weights);
    free(net->prepared);
    cJSON_Delete(net->record);
    free(net);
}

/* Scores of a batch, or a gradient request; a tile goes through at once, back too while its
 * activations are in the cache, and nothing is kept. */
typedef struct ScoreJob {
    Network *net;
    const Batch *batch;
    size_t columns;
    double *scores;                 /* n × columns, or NULL */
    const GradientRequest *request; /* NULL: scores alone */
    float *outputs;                 /* per worker: a tile's scores, then their weights … */
    double *weights;                /* … and one row of these and of scores, in double */
} ScoreJob;

static TileRun start_run(const ScoreJob *job, size_t first, size_t last, int worker) {
    const Network *net = job->net;
    const Workspace *space = &net->workspace[worker];
    size_t n = last - first;
    const float *x = job->batch->x + first * net->model.features;
    TileRun run = { .tile = { .n = n, .first = first, .scratch = space->scratch },
                    .plan = job->request ? &net->keep : &net->pass,
                    .arena = space->arena,
                    .capacity = net->tile,
                    .end = net->layers };
    if (layout_is_same(net->input))
        run.input = x;
    else
        layout_to_inner(net->input, n, x, tile_activation(net, &run, 0));
    return run;
}

static void to_double(const float *from, double *to, size_t n) {
    for (size_t i = 0; i < n; i++)
        to[i] = from[i];
}

static void to_float(const double *from, float *to, size_t n) {
    for (size_t i = 0; i < n; i++)
        to[i] = (float)from[i];
}

/* A tile's scores in `values` become the weights of its gradient. */
static void weigh_tile(const ScoreJob *job, const Tile *tile, int worker, float *values) {
    const GradientRequest *request = job->request;
    size_t columns = job->columns, at = tile->first, n = tile->n;
    if (request->w) {
        to_float(request->w + at * columns, values, n * columns);
        return;
    }
    double *scores = job->weights + (size_t)worker * 2 * columns, *w = scores + columns;
    for (size_t i = 0; i < n; i++) {
        to_double(values + i * columns, scores, columns);
        request->weigh(request->context, request->first_row + at + i, scores, w);
        to_float(w, values + i * columns, columns);
    }
}

static void score_tile(void *context, size_t first, size_t last, int worker) {
    const ScoreJob *job = context;
    const Network *net = job->net;
    size_t output = net->layers - 1, columns = job->columns;
    float *values = job->outputs + (size_t)worker * net->tile * columns;
    const float *entering = values;
    Taps taps = { &output, 1, &values };
    TileRun run = start_run(job, first, last, worker);
    tile_forward(net, &run, &taps);
    if (job->scores)
        to_double(values, job->scores + first * columns, run.tile.n * columns);
    if (!job->request)
        return;
    weigh_tile(job, &run.tile, worker, values);
    tile_backward(net, &run, &net->workspace[worker],
                  &(TileGradients){ .taps = &taps,
                                    .gradient = &entering,
                                    .dx = job->request->gradient + first * net->model.features });
}

/* The rows from `first` on, whose outputs are all there at once. */
static bool score_rows(const ScoreJob *job, const Batch *rows, size_t first, Error *err) {
    const Network *net = job->net;
    size_t output = net->layers - 1, count = rows->n * job->columns;
    const float *entering = job->outputs;
    Pass *pass = NULL;
    bool ok = job->request
                  ? (pass = network_forward(job->net, rows, &(Taps){ &output, 1, &job->outputs },
                                            err)) != NULL
                  : network_outputs(job->net, rows, &(Taps){ &output, 1, &job->outputs }, err);
    if (ok && job->scores)
        to_double(job->outputs, job->scores + first * job->columns, count);
    if (ok && job->request) {
        weigh_tile(job, &(Tile){ .n = rows->n, .first = first }, 0, job->outputs);
        ok = pass_backward(pass, &entering, job->request->gradient + first * rows->features, err);
    }
    pass_free(pass);
    return ok;
}

/* A net with hosted layers: some rows at a time, on this thread where they are at work. */
static bool score_hosted(const ScoreJob *job, Error *err) {
    const Batch *batch = job->batch;
    size_t most = network_whole_rows(job->net);
    bool ok = true;
    for (size_t at = 0; ok && at < batch->n; at += most) {
        size_t left = batch->n - at;
        Batch rows = batch_rows(batch, at, left < most ? left : most);
        ok = score_rows(job, &rows, at, err);
    }
    return ok;
}

static bool run_job(ScoreJob *job, Error *err) {
    Network *net = job->net;
    if (!network_ready(net, err))
        return false;
    job->columns = shape_size(net->layer[net->layers - 1]->out);
    size_t part = (size_t)net->workspaces * job->columns;
    size_t whole = network_whole_rows(net), rows = job->batch->n < whole ? job->batch->n : whole;
    size_t floats = net->hosted ? rows * job->columns + 1 : part * net->tile;
    job->outputs = malloc(floats * sizeof *job->outputs);
    job->weights = malloc(part * 2 * sizeof *job->weights);
    bool ok = (job->outputs && job->weights) ||
              error_memory(err, job->batch->where, floats * sizeof *job->outputs);
    if (ok && net->hosted)
        ok = score_hosted(job, err);
    else if (ok)
        parallel_for(job->batch->n, net->tile, score_tile, job);
    free(job->outputs);
    free(job->weights);
    return ok;
}

static bool net_scores(Model *model, const Batch *batch, double *scores, Error *err) {
    ScoreJob job = { .net = (Network *)model, .batch = batch, .scores = scores };
    return run_job(&job, err);
}

static bool net_gradient(Model *model, const Batch *batch, const GradientRequest *request,
                         Error *err) {
    ScoreJob job = {
        .net = (Network *)model, .batch = batch, .scores = request->scores, .request = request
    };
    return run_job(&job, err);
}

static bool net_fit(Model *model, const Samples *samples, Progress *progress, Error *err) {
    Network *net = (Network *)model;
    TrainParams params = net->params;
    params.anew = true;
    params.progress = progress;
    TrainHistory *history = network_train(net, samples, &params, err);
    free(history);
    return history != NULL;
}

static bool net_option_at(Model *model, size_t i, FieldPlace *place) {
    const Field *field = train_fields.field;
    while (field->name && (field->kind == FIELD_OBJECT || i-- > 0))
        field++;
    return fields_place(field, &((Network *)model)->params, "", place);
}

static Model *net_clone(const Model *model, Error *err) {
    const Network *net = (const Network *)model;
    NetworkParts parts = {
        .input = net->input, .layer = net->layer, .layers = net->layers, .seed = net->seed
    };
    Network *twin = network_build(&parts, err);
    if (twin)
        twin->params = net->params;
    return twin ? &twin->model : NULL;
}

/* ---- Files ----------------------------------------------------------------------------------- */

static bool net_save(const Model *model, const ModelWriter *to, Error *err) {
    const Network *net = (const Network *)model;
    network_describe_in(net, to->meta);
    if (net->record)
        json_copy(to->meta, "trained", net->record);
    fields_write_json(network_fields, &(NetworkParts){ .seed = net->seed }, to->meta);
    fields_write_json(train_fields.field, &net->params, json_object(to->meta, "fit"));
    return network_save_weights(net, to->tensors, to->prefix, err);
}

static bool read_extras(Network *net, const cJSON *meta, Error *err) {
    const cJSON *fit = cJSON_GetObjectItemCaseSensitive(meta, "fit");
    if (!fields_check_json(train_fields.field, NULL, fit, err) ||
        !fields_read_json(train_fields.field, &net->params, fit, err)) {
        error_prefix(err, "load: fit");
        return false;
    }
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(meta, "trained");
    net->record = item ? cJSON_Duplicate(item, true) : NULL;
    return net->record || !item || error_memory(err, "load", 256);
}

/* Numbers in all its tensors: a net cannot have more weights. */
static size_t count_numbers(const ModelReader *from) {
    const Tensors *tensors = from->tensors;
    size_t count = 0, skip = strlen(from->prefix);
    for (size_t i = tensors_first(tensors, from->prefix); i < tensors->count; i++) {
        if (strncmp(tensors->entry[i].name, from->prefix, skip) != 0)
            break;
        Sizes shape = tensors_shape(tensors, i);
        count += sizes_product(&shape);
    }
    return count;
}

static bool is_taken(const Network *net, const char *name) {
    char own[2 * LAYER_NAME_SIZE];
    for (size_t l = 0; l < net->layers; l++)
        for (int p = 0; p < net->layer[l]->parameters; p++) {
            snprintf(own, sizeof own, "%s.%s", net->layer[l]->name,
                     net->layer[l]->parameter[p].name);
            if (strcmp(own, name) == 0)
                return true;
        }
    return false;
}

/* A layer that a user has defined anew may have no use for what was saved of it: that would be
 * another net. */
static bool check_all_taken(const Network *net, const ModelReader *from, Error *err) {
    const Tensors *tensors = from->tensors;
    size_t skip = strlen(from->prefix);
    bool hosted = false;
    for (size_t l = 0; l < net->layers; l++)
        hosted = hosted || net->layer[l]->kind->host;
    for (size_t i = tensors_first(tensors, from->prefix); hosted && i < tensors->count; i++) {
        const char *name = tensors->entry[i].name;
        if (strncmp(name, from->prefix, skip) != 0)
            break;
        if (!is_taken(net, name + skip))
            return error_set(err, ERROR_FILE,
                             "load: the file has %s, which no layer of this session's takes", name);
    }
    return true;
}

static Model *net_read(const ModelReader *from, Error *err) {
    NetworkParts parts = { .is_limited = true, .most_weights = count_numbers(from) };
    Network *net = NULL;
    if (fields_read_json(network_fields, &parts, from->meta, err))
        net = network_build_described(from->meta, &parts, err);
    if (net && (!read_extras(net, from->meta, err) ||
                !network_load_weights(net, from->tensors, from->prefix, err) ||
                !check_all_taken(net, from, err))) {
        model_release(&net->model);
        net = NULL;
    }
    if (!net && network_describes_own(from->meta)) /* a layer is not defined, or as another one */
        error_blame_session(err);
    else if (!net)
        error_blame_file(err);
    return net ? &net->model : NULL;
}

static Sizes net_input_shape(const Model *model) {
    Sizes shape = { 0 };
    shape.ndim = network_input_shape((const Network *)model, shape.size);
    return shape;
}

static size_t net_bytes(const Model *model) {
    const Network *net = (const Network *)model;
    return 2 * net->parameters * sizeof(float); /* the weights, and prepared for backward */
}

const ModelKind network_model_kind = {
    .name = "net",
    .unfitted = "train it, load weights, or give nn.new its classes",
    .free = net_free,
    .scores = net_scores,
    .one_pass = true,
    .gradient = net_gradient,
    .fits_bytes = true,
    .fit = net_fit,
    .option_at = net_option_at,
    .clone = net_clone,
    .save = net_save,
    .read = net_read,
    .input_shape = net_input_shape,
    .bytes = net_bytes,
};

Network *network_of(Model *model) {
    return model->kind == &network_model_kind ? (Network *)model : NULL;
}

Network *network_read_part(const ModelReader *from, const char *name, Error *err) {
    Model *part = from->part(from, name, err);
    if (!part || network_of(part))
        return (Network *)part;
    error_set(err, ERROR_FILE, "%s: expected a net, found a model of kind %s", name,
              part->kind->name);
    model_release(part);
    return NULL;
}
