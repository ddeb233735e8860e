/* layernorm.c — each sample's last `dims` dimensions to mean 0 and variance 1, then times a weight
 * and plus a bias of that shape. Images have (channels, height, width): of all three, a sample is
 * one row of numbers; of the last two or the last one, channels lie innermost and are normalised
 * beside each other, as lanes. Backward works mean and deviation out again. */
#include "core/fail.h"
#include "core/simd.h"
#include "nn/layer.h"
#include "nn/layout.h"
#include "nn/moments.h"

#include <math.h>
#include <string.h>

typedef struct Layernorm {
    Layer layer;
    size_t dims;
    double eps;
    bool affine;
} Layernorm;

static const Field fields[] = {
    { "dims", FIELD_SIZE, offsetof(Layernorm, dims), 0, 3,
      .meaning = "how many of a sample's last dimensions are taken together; 0: all" },
    { "eps", FIELD_NUMBER, offsetof(Layernorm, eps), 0, INFINITY,
      FIELD_ABOVE_LOW | FIELD_BELOW_HIGH, .meaning = "added to the variance" },
    { "affine", FIELD_BOOLEAN, offsetof(Layernorm, affine),
      .meaning = "a weight and a bias for each number come behind" },
    LAYER_NAME,
    { .name = NULL },
};

static const Layernorm initial = { .eps = 1e-5, .affine = true };

/* What is normalised: `groups` in a sample, each a block of rows. The weight has one number for
 * each row. */
typedef struct Grid {
    size_t groups;
    Lanes block;
} Grid;

static size_t dims_of(const Layernorm *norm) {
    size_t all = norm->layer.in.flat ? 1 : 3;
    return norm->dims ? norm->dims : all;
}

static Grid grid_of(const Layer *layer) {
    const Shape *in = &layer->in;
    size_t dims = dims_of((const Layernorm *)layer);
    if (in->flat || dims == 3)
        return (Grid){ 1, { shape_size(*in), 1 } };
    if (dims == 2)
        return (Grid){ 1, { in->height * in->width, in->channels } };
    return (Grid){ in->height, { in->width, in->channels } };
}

static bool configure(Layer *layer, Error *err) {
    static const float one = 1, zero = 0;
    const Layernorm *norm = (const Layernorm *)layer;
    size_t dims = dims_of(norm), numbers[3];
    size_t all = (size_t)shape_numbers(layer->in, numbers);
    if (dims > all)
        return error_set(err, ERROR_ARGUMENT, "dims: its input has %zu, got %zu", all, dims);
    Sizes shape = { .ndim = (int)dims };
    memcpy(shape.size, numbers + all - dims, dims * sizeof *numbers);
    if (!norm->affine)
        return true;
    if (!layer_add_parameter(layer, "weight", &shape, err) ||
        !layer_add_parameter(layer, "bias", &shape, err))
        return false;
    layer->parameter[0].initial = &one;
    layer->parameter[1].initial = &zero;
    layer->parameter[0].one = layer->parameter[1].one = true;
    return true;
}

/* Mean and 1 / deviation of each lane; in backward, for a group, g = weight · dy and x̂, and the
 * lanes' sums of g and of g · x̂. */
static size_t scratch(const Layer *layer) {
    Lanes block = grid_of(layer).block;
    return 4 * block.lanes + 2 * block.rows * block.lanes;
}

/* The lanes' means and 1 / deviations. */
static void measure(const Layer *layer, const Lanes *block, const float *x, float *mean) {
    float rows = (float)block->rows, eps = (float)((const Layernorm *)layer)->eps;
    float *inverse = mean + block->lanes;
    memset(mean, 0, 2 * block->lanes * sizeof *mean);
    moments_add(block, x, mean);
    for (size_t c = 0; c < block->lanes; c++)
        mean[c] /= rows;
    moments_add_squares(block, x, mean, inverse);
    for (size_t c = 0; c < block->lanes; c++)
        inverse[c] = 1 / sqrtf(inverse[c] / rows + eps);
}

/* x̂ = (x − mean) / deviation; to may be x. */
SIMD_CLONES
static void standardise(const Lanes *block, const float *x, const float *mean, float *to) {
    size_t lanes = block->lanes;
    const float *inverse = mean + lanes;
    float middle = mean[0], factor = inverse[0];
    for (size_t i = 0; lanes == 1 && i < block->rows; i++)
        to[i] = (x[i] - middle) * factor;
    for (size_t at = 0; lanes > 1 && at < block->rows * lanes; at += lanes)
        for (size_t c = 0; c < lanes; c++)
            to[at + c] = (x[at + c] - mean[c]) * inverse[c];
}

/* to = weight · from + bias, row by row; without a weight it is from, without a bias nothing is
 * added. */
SIMD_CLONES
static void scale(const Lanes *block, const float *from, const float *weight, const float *bias,
                  float *to) {
    size_t lanes = block->lanes, alone = lanes == 1 ? block->rows : 0;
    if (!weight) {
        if (from != to)
            memcpy(to, from, block->rows * lanes * sizeof *to);
        return;
    }
    for (size_t i = 0; bias && i < alone; i++)
        to[i] = weight[i] * from[i] + bias[i];
    for (size_t i = 0; !bias && i < alone; i++)
        to[i] = weight[i] * from[i];
    for (size_t i = 0; !alone && i < block->rows; i++, from += lanes, to += lanes)
        for (size_t c = 0; c < lanes; c++)
            to[c] = weight[i] * from[c] + (bias ? bias[i] : 0);
}

static void forward(const Layer *layer, const LayerCall *call) {
    const Grid grid = grid_of(layer);
    const float *weight = ((const Layernorm *)layer)->affine ? call->weights : NULL;
    const float *bias = weight ? weight + layer->parameter[1].offset : NULL;
    float *mean = call->tile->scratch;
    size_t size = grid.block.rows * grid.block.lanes;
    for (size_t g = 0; g < call->tile->n * grid.groups; g++) {
        const float *x = call->x + g * size;
        float *y = call->y + g * size;
        measure(layer, &grid.block, x, mean);
        standardise(&grid.block, x, mean, y);
        scale(&grid.block, y, weight, bias, y);
    }
}

/* ---- Backward -------------------------------------------------------------------------------- */

/* dweight += Σ dy · x̂ of each row, dbias += Σ dy. */
SIMD_CLONES
static void add_parameter_slopes(const Lanes *block, const float *dy, const float *standard,
                                 float *restrict dweight, float *restrict dbias) {
    size_t lanes = block->lanes, alone = lanes == 1 ? block->rows : 0;
    for (size_t i = 0; i < alone; i++) {
        dweight[i] += dy[i] * standard[i];
        dbias[i] += dy[i];
    }
    for (size_t i = 0; !alone && i < block->rows; i++) {
        const Lanes row = { lanes, 1 };
        moments_add_products(&row, dy + i * lanes, standard + i * lanes, dweight + i);
        moments_add(&row, dy + i * lanes, dbias + i);
    }
}

/* dx = (g − mean of g − x̂ · mean of g x̂) / deviation, lane by lane; sums holds Σ g and Σ g x̂. */
SIMD_CLONES
static void pull(const Lanes *block, const float *g, const float *standard, const float *sums,
                 float *restrict dx) {
    size_t lanes = block->lanes, alone = lanes == 1 ? block->rows : 0;
    const float *inverse = sums - lanes, *sum = sums, *tilt = sums + lanes;
    float share = 1 / (float)block->rows, factor = inverse[0];
    float middle = share * sum[0], slope = share * tilt[0];
    for (size_t i = 0; i < alone; i++)
        dx[i] = factor * (g[i] - middle - standard[i] * slope);
    for (size_t at = 0; !alone && at < block->rows * lanes; at += lanes)
        for (size_t c = 0; c < lanes; c++)
            dx[at + c] = inverse[c] * (g[at + c] - share * (sum[c] + standard[at + c] * tilt[c]));
}

static void backward(const Layer *layer, const LayerCall *call) {
    const Grid grid = grid_of(layer);
    const Lanes *block = &grid.block;
    const float *weight = ((const Layernorm *)layer)->affine ? call->weights : NULL;
    size_t size = block->rows * block->lanes;
    float *mean = call->tile->scratch, *sums = mean + 2 * block->lanes;
    float *g = sums + 2 * block->lanes, *standard = g + size;
    for (size_t i = 0; i < call->tile->n * grid.groups; i++) {
        const float *dy = call->dy + i * size;
        measure(layer, block, call->x + i * size, mean);
        standardise(block, call->x + i * size, mean, standard);
        if (weight && call->dweights)
            add_parameter_slopes(block, dy, standard, call->dweights,
                                 call->dweights + layer->parameter[1].offset);
        if (!call->dx)
            continue;
        scale(block, dy, weight, NULL, g);
        memset(sums, 0, 2 * block->lanes * sizeof *sums);
        moments_add(block, g, sums);
        moments_add_products(block, g, standard, sums + block->lanes);
        pull(block, g, standard, sums, call->dx + i * size);
    }
}

/* ---- Files ----------------------------------------------------------------------------------- */

/* Of whole images the rows are numbered as they lie, channels innermost. */
static Shape order_of(const Layer *layer) {
    bool whole = dims_of((const Layernorm *)layer) == 3;
    return whole ? layer->in : (Shape){ true, layer->parameter[0].count, 1, 1 };
}

static void export(const Layer *layer, int p, const float *own, float *torch) {
    (void)p;
    layout_to_outer(order_of(layer), 1, own, torch);
}

static void import(const Layer *layer, int p, const ParameterPiece *piece, float *own) {
    Shape shape = order_of(layer);
    size_t pixels = shape.height * shape.width;
    (void)p;
    for (size_t i = 0; i < piece->n; i++) {
        size_t at = piece->first + i;
        own[at % pixels * shape.channels + at / pixels] = piece->values[i];
    }
}

const LayerKind layer_layernorm = {
    .name = "layernorm",
    .label = "layernorm",
    .summary = "Each sample to mean 0 and variance 1 over its last dims dimensions, then times a "
               "weight and plus a bias.",
    .example = "local net = nn.new { input = { 4 }, nn.layernorm() }\n"
               "print(net:forward(array.new { 1, 2, 3, 6 }))",
    .fields = { fields, &initial },
    .size = sizeof(Layernorm),
    .backward_reads_x = true,
    .configure = configure,
    .scratch = scratch,
    .forward = forward,
    .backward = backward,
    .export = export,
    .import = import,
};
