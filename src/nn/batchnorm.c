/* batchnorm.c — each channel to mean 0 and variance 1, over the samples and pixels of a batch in
 * training, by running statistics otherwise; then times a weight and plus a bias. As in PyTorch the
 * variance of a batch is biased where it normalises and unbiased where it goes into running_var:
 *
 *     running = (1 − momentum) · running + momentum · the batch's
 *
 * A batch with one number a channel has no variance: it is normalised by the running statistics,
 * and changes none. Backward works mean and deviation out again. */
#include "core/denormals.h"
#include "core/parallel.h"
#include "core/simd.h"
#include "nn/layer.h"
#include "nn/moments.h"

#include <math.h>
#include <string.h>

typedef struct Batchnorm {
    Layer layer;
    double eps, momentum;
    bool affine;
} Batchnorm;

static const Field fields[] = {
    { "eps", FIELD_NUMBER, offsetof(Batchnorm, eps), 0, INFINITY,
      FIELD_ABOVE_LOW | FIELD_BELOW_HIGH, .meaning = "added to the variance" },
    { "momentum", FIELD_NUMBER, offsetof(Batchnorm, momentum), 0, 1,
      .meaning = "the share of a batch in the running statistics" },
    { "affine", FIELD_BOOLEAN, offsetof(Batchnorm, affine),
      .meaning = "a weight and a bias for each channel come behind" },
    LAYER_NAME,
    { .name = NULL },
};

static const Batchnorm initial = { .eps = 1e-5, .momentum = 0.1, .affine = true };

static bool add(Layer *layer, const char *name, const float *start, Error *err) {
    if (!layer_add_parameter(layer, name, &(Sizes){ 1, { layer->in.channels } }, err))
        return false;
    Parameter *parameter = &layer->parameter[layer->parameters - 1];
    parameter->initial = start;
    parameter->one = true;
    return true;
}

static bool configure(Layer *layer, Error *err) {
    static const float one = 1, zero = 0;
    bool affine = ((const Batchnorm *)layer)->affine;
    if ((affine && (!add(layer, "weight", &one, err) || !add(layer, "bias", &zero, err))) ||
        !add(layer, "running_mean", &zero, err) || !add(layer, "running_var", &one, err))
        return false;
    for (int p = layer->parameters - 2; p < layer->parameters; p++)
        layer->parameter[p].buffer = true;
    layer->parameter[layer->parameters - 1].squares = true;
    return true;
}

/* ---- A call ---------------------------------------------------------------------------------- */

/* Sums over the rows (pixels of samples) of a call are made in so many pieces at most, whose order
 * does not depend on who makes them; within a piece some rows at a time, so that a long sum loses
 * little. */
enum { PIECES = 16, PIECE_LEAST = 256, RUN = 64 };

typedef struct Norm {
    const LayerCall *call;
    Lanes block;                  /* all rows of the call */
    size_t piece;                 /* rows in a piece */
    bool batch;                   /* by this batch's statistics */
    const float *weight, *bias;   /* NULL without */
    float *mean, *inverse;        /* of each channel; inverse is 1 / deviation */
    float *slope, *tilt;          /* Σ dy and Σ dy · x̂ */
    float *sums, *more, *passing; /* for each piece: two sums, and one of a run */
} Norm;

static size_t scratch(const Layer *layer) {
    return (4 + 3 * PIECES) * layer->in.channels;
}

static Norm norm_of(const Layer *layer, const LayerCall *call) {
    size_t channels = layer->in.channels;
    size_t rows = call->tile->n * layer->in.height * layer->in.width;
    bool affine = ((const Batchnorm *)layer)->affine;
    float *room = call->tile->scratch;
    Norm norm = { .call = call,
                  .block = { rows, channels },
                  .piece = (rows + PIECES - 1) / PIECES };
    if (norm.piece < PIECE_LEAST)
        norm.piece = PIECE_LEAST;
    norm.batch = call->tile->training && rows > 1;
    norm.weight = affine ? call->weights + layer->parameter[0].offset : NULL;
    norm.bias = affine ? call->weights + layer->parameter[1].offset : NULL;
    norm.mean = room;
    norm.inverse = room + channels;
    norm.slope = room + 2 * channels;
    norm.tilt = room + 3 * channels;
    norm.sums = room + 4 * channels;
    norm.more = norm.sums + PIECES * channels;
    norm.passing = norm.more + PIECES * channels;
    return norm;
}

static void run_pieces(Norm *norm, ParallelBody *body) {
    parallel_for(norm->block.rows, norm->piece, body, norm);
}

/* to = Σ of the pieces' sums. */
static void add_pieces(const Norm *norm, const float *sums, float *to) {
    size_t channels = norm->block.lanes;
    size_t pieces = parallel_pieces(norm->block.rows, norm->piece);
    memset(to, 0, channels * sizeof *to);
    moments_add(&(Lanes){ pieces, channels }, sums, to);
}

/* ---- Statistics ------------------------------------------------------------------------------ */

/* A piece's sum of x, or (squares) of (x − mean)². */
static void sum_piece(const Norm *norm, size_t first, size_t last, bool squares) {
    size_t channels = norm->block.lanes, at = first / norm->piece * channels;
    float *sum = norm->sums + at, *passing = norm->passing + at;
    memset(sum, 0, channels * sizeof *sum);
    for (; first < last; first += RUN) {
        const Lanes run = { last - first < RUN ? last - first : RUN, channels };
        const float *x = norm->call->x + first * channels;
        memset(passing, 0, channels * sizeof *passing);
        if (squares)
            moments_add_squares(&run, x, norm->mean, passing);
        else
            moments_add(&run, x, passing);
        for (size_t c = 0; c < channels; c++)
            sum[c] += passing[c];
    }
}

static void sum_some(void *context, size_t first, size_t last, int worker) {
    DenormalMode caller = denormals_flush();
    (void)worker;
    sum_piece(context, first, last, false);
    denormals_restore(caller);
}

static void square_some(void *context, size_t first, size_t last, int worker) {
    DenormalMode caller = denormals_flush();
    (void)worker;
    sum_piece(context, first, last, true);
    denormals_restore(caller);
}

static void take_running(const Layer *layer, Norm *norm) {
    int p = layer->parameters - 2;
    const float *mean = norm->call->weights + layer->parameter[p].offset;
    const float *variance = norm->call->weights + layer->parameter[p + 1].offset;
    float eps = (float)((const Batchnorm *)layer)->eps;
    for (size_t c = 0; c < norm->block.lanes; c++) {
        // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a net of parameters has weights
        norm->mean[c] = mean[c];
        norm->inverse[c] = 1 / sqrtf(variance[c] + eps);
    }
}

/* The batch's part in the running statistics. */
static void update(const Layer *layer, const Norm *norm, const float *variance) {
    int p = layer->parameters - 2;
    float *mean = norm->call->buffers + layer->parameter[p].offset;
    float *spread = norm->call->buffers + layer->parameter[p + 1].offset;
    float share = (float)((const Batchnorm *)layer)->momentum, rows = (float)norm->block.rows;
    for (size_t c = 0; c < norm->block.lanes; c++) {
        mean[c] = (1 - share) * mean[c] + share * norm->mean[c];
        spread[c] = (1 - share) * spread[c] + share * variance[c] * (rows / (rows - 1));
    }
}

/* Mean and 1 / deviation of each channel. */
static void measure(const Layer *layer, Norm *norm) {
    float rows = (float)norm->block.rows, eps = (float)((const Batchnorm *)layer)->eps;
    if (!norm->batch) {
        take_running(layer, norm);
        return;
    }
    run_pieces(norm, sum_some);
    add_pieces(norm, norm->sums, norm->mean);
    for (size_t c = 0; c < norm->block.lanes; c++)
        norm->mean[c] /= rows;
    run_pieces(norm, square_some);
    add_pieces(norm, norm->sums, norm->inverse);
    for (size_t c = 0; c < norm->block.lanes; c++)
        norm->inverse[c] /= rows;
    if (norm->call->buffers)
        update(layer, norm, norm->inverse);
    for (size_t c = 0; c < norm->block.lanes; c++)
        norm->inverse[c] = 1 / sqrtf(norm->inverse[c] + eps);
}

/* ---- Forward --------------------------------------------------------------------------------- */

SIMD_CLONES
static void normalise(const Norm *norm, size_t first, size_t last) {
    size_t channels = norm->block.lanes;
    const float *mean = norm->mean, *factor = norm->slope, *bias = norm->bias;
    for (size_t at = first * channels; at < last * channels; at += channels) {
        const float *x = norm->call->x + at;
        float *restrict y = norm->call->y + at;
        for (size_t c = 0; c < channels; c++)
            y[c] = (x[c] - mean[c]) * factor[c];
        for (size_t c = 0; bias && c < channels; c++)
            y[c] += bias[c];
    }
}

static void normalise_some(void *context, size_t first, size_t last, int worker) {
    DenormalMode caller = denormals_flush();
    (void)worker;
    normalise(context, first, last);
    denormals_restore(caller);
}

/* weight / deviation, where nothing else stands yet. */
static void find_factors(const Norm *norm, float *factor) {
    for (size_t c = 0; c < norm->block.lanes; c++)
        factor[c] = (norm->weight ? norm->weight[c] : 1) * norm->inverse[c];
}

static void forward(const Layer *layer, const LayerCall *call) {
    Norm norm = norm_of(layer, call);
    measure(layer, &norm);
    find_factors(&norm, norm.slope);
    run_pieces(&norm, normalise_some);
}

/* ---- Backward -------------------------------------------------------------------------------- */

/* The sums of dy and of dy · (x − mean) over some rows, added. */
SIMD_CLONES
static void add_slopes(const Norm *norm, size_t first, size_t last, float *restrict slope,
                       float *restrict tilt) {
    size_t channels = norm->block.lanes;
    const float *mean = norm->mean;
    for (size_t at = first * channels; at < last * channels; at += channels) {
        const float *x = norm->call->x + at, *dy = norm->call->dy + at;
        for (size_t c = 0; c < channels; c++) {
            slope[c] += dy[c];
            tilt[c] += dy[c] * (x[c] - mean[c]);
        }
    }
}

static void slopes_some(void *context, size_t first, size_t last, int worker) {
    const Norm *norm = context;
    size_t channels = norm->block.lanes, at = first / norm->piece * channels;
    DenormalMode caller = denormals_flush();
    (void)worker;
    memset(norm->sums + at, 0, channels * sizeof(float));
    memset(norm->more + at, 0, channels * sizeof(float));
    add_slopes(norm, first, last, norm->sums + at, norm->more + at);
    denormals_restore(caller);
}

/* dx = weight / deviation · (dy − mean of dy − x̂ · mean of dy · x̂); by running statistics, which do
 * not depend on x, the first term alone. `slope` and `tilt` hold what is taken off by now. */
SIMD_CLONES
static void pull(const Norm *norm, size_t first, size_t last) {
    size_t channels = norm->block.lanes;
    const float *mean = norm->mean, *factor = norm->inverse;
    const float *slope = norm->slope, *tilt = norm->tilt;
    for (size_t at = first * channels; at < last * channels; at += channels) {
        const float *x = norm->call->x + at, *dy = norm->call->dy + at;
        float *restrict dx = norm->call->dx + at;
        for (size_t c = 0; c < channels; c++)
            dx[c] = factor[c] * (dy[c] - slope[c] - (x[c] - mean[c]) * tilt[c]);
    }
}

static void pull_some(void *context, size_t first, size_t last, int worker) {
    DenormalMode caller = denormals_flush();
    (void)worker;
    pull(context, first, last);
    denormals_restore(caller);
}

/* From the sums to what `pull` takes off, and to its factors. */
static void prepare_pull(const Norm *norm) {
    float share = norm->batch ? 1 / (float)norm->block.rows : 0;
    for (size_t c = 0; c < norm->block.lanes; c++) {
        float inverse = norm->inverse[c];
        norm->slope[c] *= share;
        norm->tilt[c] *= share * inverse * inverse;
    }
    find_factors(norm, norm->inverse);
}

static void backward(const Layer *layer, const LayerCall *call) {
    Norm norm = norm_of(layer, call);
    float *dweight = call->dweights && norm.weight ? call->dweights : NULL;
    size_t channels = layer->in.channels;
    measure(layer, &norm);
    memset(norm.slope, 0, 2 * channels * sizeof *norm.slope);
    if (dweight || norm.batch) {
        run_pieces(&norm, slopes_some);
        add_pieces(&norm, norm.sums, norm.slope);
        add_pieces(&norm, norm.more, norm.tilt);
    }
    for (size_t c = 0; dweight && c < channels; c++) {
        dweight[layer->parameter[0].offset + c] += norm.tilt[c] * norm.inverse[c];
        dweight[layer->parameter[1].offset + c] += norm.slope[c];
    }
    if (!call->dx)
        return;
    prepare_pull(&norm);
    run_pieces(&norm, pull_some);
}

const LayerKind layer_batchnorm = {
    .name = "batchnorm",
    .label = "bn",
    .summary =
        "Each channel to mean 0 and variance 1, over the batch in training and by running "
        "statistics otherwise, then times a weight and plus a bias. As PyTorch's, with the biased "
        "variance where it normalises and the unbiased in running_var; but a batch with one "
        "number a channel, which has no variance, goes by the running ones and changes none.",
    .example = "local net = nn.new { input = { 3, 8, 8 }, nn.batchnorm() }\n"
               "for name in pairs(net:weights()) do print(name) end",
    .fields = { fields, &initial },
    .size = sizeof(Batchnorm),
    .backward_reads_x = true,
    .whole_batch = true,
    .configure = configure,
    .scratch = scratch,
    .forward = forward,
    .backward = backward,
};
