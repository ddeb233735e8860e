/* linear.c — y = W·x + b, with W stored as PyTorch has it: out × in. */
#include "core/blas.h"
#include "nn/layer.h"
#include "nn/panel.h"

#include <string.h>

typedef struct Linear {
    Layer layer;
    size_t out;
    bool bias;
} Linear;

static const Field fields[] = {
    { "out", FIELD_SIZE, offsetof(Linear, out), 1, LAYER_LARGEST_SIZE, .required = true,
      .meaning = "numbers in the output" },
    { "bias", FIELD_BOOLEAN, offsetof(Linear, bias),
      .meaning = "a number of its own is added to each output" },
    LAYER_NAME,
    { .name = NULL },
};

static const Linear initial = { .bias = true };

static bool configure(Layer *layer, Error *err) {
    if (!layer_wants_flat(layer, err))
        return false;
    const Linear *linear = (const Linear *)layer;
    size_t out = linear->out;
    layer->out = (Shape){ .flat = true, .channels = out, .height = 1, .width = 1 };
    layer->fan_in = layer->in.channels;
    return layer_add_parameter(layer, "weight", &(Sizes){ 2, { out, layer->fan_in } }, err) &&
           (!linear->bias || layer_add_parameter(layer, "bias", &(Sizes){ 1, { out } }, err));
}

/* ---- By panels -------------------------------------------------------------------------------
 *
 * A tile has too few rows to pay for BLAS's packing of all weights. Panels read them where they
 * lie, which is quick as long as the cache holds them. */

enum { ROWS = 48, MOST = 256 * 256 };

/* Outputs, rounded up to what panels take. */
static size_t wide_of(const Layer *layer) {
    return (layer->out.channels + 15) / 16 * 16;
}

static bool goes_by_panels(const Layer *layer) {
    return panel_fits(16) && layer->in.channels * wide_of(layer) <= MOST;
}

/* The weights transposed, in × wide, and the bias; with zeros to the right. */
static size_t prepared(const Layer *layer) {
    return goes_by_panels(layer) ? (layer->in.channels + 1) * wide_of(layer) : 0;
}

static void prepare(const Layer *layer, const float *weights, float *prepared) {
    size_t in = layer->in.channels, out = layer->out.channels, wide = wide_of(layer);
    if (!goes_by_panels(layer))
        return;
    if (wide > out)
        memset(prepared, 0, (in + 1) * wide * sizeof *prepared);
    for (size_t k = 0; k < in; k++, prepared += wide)
        for (size_t o = 0; o < out; o++)
            prepared[o] = weights[o * in + k];
    memset(prepared, 0, wide * sizeof *prepared);
    if (((const Linear *)layer)->bias)
        memcpy(prepared, weights + layer->parameter[1].offset, out * sizeof *prepared);
}

/* The outputs of some rows, where they are wider than the layer's. */
static size_t scratch(const Layer *layer) {
    return goes_by_panels(layer) && wide_of(layer) > layer->out.channels ? ROWS * wide_of(layer)
                                                                         : 0;
}

/* Rows of a matrix for a panel. */
static PanelRows rows_of(const float *matrix, size_t count, size_t length, const float **at) {
    for (size_t i = 0; i < count; i++)
        at[i] = matrix + i * length;
    return (PanelRows){ at, count, 1, length, 0 };
}

static void forward_rows(const Layer *layer, const LayerCall *call, size_t first, size_t count) {
    size_t in = layer->in.channels, out = layer->out.channels, wide = wide_of(layer);
    const float *weights = call->tile->prepared, *at[ROWS];
    float *y = call->y + first * out, *made = wide > out ? call->tile->scratch : y,
          *to[ROWS] = { y };
    PanelRows rows = rows_of(call->x + first * in, count, in, at);
    for (size_t i = 0; i < count; i++)
        to[i] = made + i * wide;
    panel_multiply(&rows, weights, wide, weights + in * wide, to);
    for (size_t i = 0; wide > out && i < count; i++)
        memcpy(y + i * out, to[i], out * sizeof *y);
}

static void weights_rows(const Layer *layer, const LayerCall *call, size_t first, size_t count) {
    size_t in = layer->in.channels, out = layer->out.channels;
    const float *at[ROWS];
    PanelRows rows = rows_of(call->dy + first * out, count, out, at);
    panel_outer(&rows, call->x + first * in, in, call->fresh && first == 0, call->dweights);
}

static void input_rows(const Layer *layer, const LayerCall *call, size_t first, size_t count) {
    size_t in = layer->in.channels, out = layer->out.channels;
    const float *at[ROWS];
    float *dx = call->dx + first * in, *to[ROWS];
    PanelRows rows = rows_of(call->dy + first * out, count, out, at);
    for (size_t i = 0; i < count; i++)
        to[i] = dx + i * in;
    memset(dx, 0, count * in * sizeof *dx);
    panel_multiply(&rows, call->weights, in, NULL, to);
}

static void by_rows(void (*run)(const Layer *, const LayerCall *, size_t, size_t),
                    const Layer *layer, const LayerCall *call) {
    size_t n = call->tile->n;
    for (size_t first = 0; first < n; first += ROWS)
        run(layer, call, first, n - first < ROWS ? n - first : ROWS);
}

/* ---- Forward and backward -------------------------------------------------------------------- */

static void forward(const Layer *layer, const LayerCall *call) {
    size_t n = call->tile->n, in = layer->in.channels, out = layer->out.channels;
    bool has_bias = ((const Linear *)layer)->bias;
    const float *bias = call->weights + layer->parameter[1].offset;
    if (goes_by_panels(layer)) {
        by_rows(forward_rows, layer, call);
        return;
    }
    for (size_t i = 0; has_bias && i < n; i++)
        memcpy(call->y + i * out, bias, out * sizeof *bias);
    blas_sgemm(false, true, n, out, in, 1, call->x, in, call->weights, in, has_bias, call->y, out);
}

static void backward_weights(const Layer *layer, const LayerCall *call) {
    size_t n = call->tile->n, in = layer->in.channels, out = layer->out.channels;
    if (goes_by_panels(layer) && panel_fits(in))
        by_rows(weights_rows, layer, call);
    else
        blas_sgemm(true, false, out, in, n, 1, call->dy, out, call->x, in,
                   call->fresh ? 0.0f : 1.0f, call->dweights, in);
    if (((const Linear *)layer)->bias && call->fresh)
        memset(call->dweights + layer->parameter[1].offset, 0, out * sizeof *call->dweights);
    if (((const Linear *)layer)->bias)
        layer_add_columns(call->dy, n, out, call->dweights + layer->parameter[1].offset);
}

static void backward(const Layer *layer, const LayerCall *call) {
    size_t n = call->tile->n, in = layer->in.channels, out = layer->out.channels;
    if (call->dweights)
        backward_weights(layer, call);
    if (call->dx && goes_by_panels(layer) && panel_fits(in))
        by_rows(input_rows, layer, call);
    else if (call->dx)
        blas_sgemm(false, false, n, in, out, 1, call->dy, out, call->weights, in, 0, call->dx, in);
}

const LayerKind layer_linear = {
    .name = "linear",
    .label = "fc",
    .summary = "W x + b on flat vectors.",
    .example = "print(nn.new { input = { 3 }, nn.linear { out = 2 } })",
    .fields = { fields, &initial },
    .size = sizeof(Linear),
    .backward_reads_x = true,
    .starts_weights = true,
    .configure = configure,
    .scratch = scratch,
    .prepared = prepared,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
