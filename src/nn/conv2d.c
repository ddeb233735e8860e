/* conv2d.c — convolution (cross-correlation, as in every network library):
 *
 *     y[oy, ox, :] = bias + Σ_ky,kx,c x[oy·stride + ky·dilation − padding, …, c] · weight[ky, kx,
 * c, :]
 *
 * With groups the channels are cut into as many parts, and each part of the output sees one part of
 * the input; where each group is one channel, conv_depthwise.c does it.
 *
 * Where panel.h can multiply and there is no padding, patches are read where they lie. Otherwise
 * those of some output pixels at a time are gathered into a matrix, for a panel or for BLAS;
 * backward gathers them again rather than keep them. Weights are stored as they are multiplied: for
 * each group (kh, kw, in) × out. */
#include "nn/conv2d.h"

#include "core/blas.h"
#include "core/fail.h"
#include "nn/panel.h"
#include "nn/winograd.h"

#include <stdio.h>
#include <string.h>

static const char *const same[] = { "same", NULL };

static const Field fields[] = {
    { "out", FIELD_SIZE, offsetof(Conv2d, out), 1, LAYER_LARGEST_SIZE, .required = true,
      .meaning = "maps in the output" },
    { "kernel", FIELD_PAIR, offsetof(Conv2d, kernel), 1, LAYER_LARGEST_SIZE, .required = true,
      .meaning = "its size, or { height, width }" },
    { "stride", FIELD_PAIR, offsetof(Conv2d, stride), 1, LAYER_LARGEST_SIZE,
      .meaning = "pixels from one place to the next" },
    { "padding", FIELD_PAIR, offsetof(Conv2d, padding), 0, LAYER_LARGEST_SIZE, .words = same,
      .meaning = "zeros added on every side; \"same\": as many as keep the size, at stride 1" },
    { "dilation", FIELD_PAIR, offsetof(Conv2d, dilation), 1, LAYER_LARGEST_SIZE,
      .meaning = "pixels from one of the kernel's numbers to the next" },
    { "groups", FIELD_SIZE, offsetof(Conv2d, groups), 1, LAYER_LARGEST_SIZE,
      .meaning = "parts that the channels are cut into: each part of out sees one of the input" },
    { "bias", FIELD_BOOLEAN, offsetof(Conv2d, bias), .meaning = "a number is added to every map" },
    LAYER_NAME,
    { .name = NULL },
};

static const Conv2d initial = {
    .stride = { 1, 1 }, .dilation = { 1, 1 }, .groups = 1, .bias = true
};

/* ---- By Winograd's algorithm ----------------------------------------------------------------- */

/* The convolution forward as winograd.h sees it, and that of the gradient back to the input. */
static Winograd winograd_forward(const Conv2d *conv, size_t n) {
    const Shape *in = &conv->layer.in, *out = &conv->layer.out;
    return (Winograd){ n,           in->height, in->width, in->channels,
                       out->height, out->width, conv->out, { conv->before[0], conv->before[1] } };
}

static Winograd winograd_backward(const Conv2d *conv, size_t n) {
    const Shape *in = &conv->layer.in, *out = &conv->layer.out;
    return (Winograd){
        n,          out->height, out->width,   conv->out,
        in->height, in->width,   in->channels, { 2 - conv->before[0], 2 - conv->before[1] }
    };
}

static bool suits_winograd(const Conv2d *conv) {
    const size_t *kernel = conv->kernel, *stride = conv->stride, *dilation = conv->dilation;
    return kernel[0] == 3 && kernel[1] == 3 && stride[0] == 1 && stride[1] == 1 &&
           dilation[0] == 1 && dilation[1] == 1 && conv->groups == 1 && conv->before[0] <= 2 &&
           conv->before[1] <= 2;
}

static void choose_algorithms(Conv2d *conv) {
    Winograd forward = winograd_forward(conv, 1), backward = winograd_backward(conv, 1);
    bool suits = suits_winograd(conv);
    conv->winograd_forward = suits && winograd_pays(&forward);
    conv->winograd_backward = suits && winograd_pays(&backward);
}

/* ---- Configuration ----------------------------------------------------------------------------
 */

static bool check_groups(const Conv2d *conv, Error *err) {
    size_t in = conv->layer.in.channels;
    return (in % conv->groups == 0 && conv->out % conv->groups == 0) ||
           error_set(err, ERROR_ARGUMENT,
                     "groups: expected a number that divides the input's %zu channels and the "
                     "output's %zu maps, got %zu",
                     in, conv->out, conv->groups);
}

static bool is_too_large(const Conv2d *conv, const size_t spread[2], Error *err) {
    char text[64], reach[64] = "";
    if (conv->dilation[0] > 1 || conv->dilation[1] > 1)
        snprintf(reach, sizeof reach, ", with its dilation %zu x %zu,", spread[0], spread[1]);
    return error_set(err, ERROR_ARGUMENT,
                     "a kernel of %zu x %zu%s is larger than the input %s with a padding of "
                     "%zu, %zu",
                     conv->kernel[0], conv->kernel[1], reach, shape_text(conv->layer.in, text),
                     conv->padding[0], conv->padding[1]);
}

/* As many pixels as before: where the zeros that it takes are odd, the last side has one more, as
 * in PyTorch. */
static bool keep_size(Conv2d *conv, const size_t spread[2], Error *err) {
    for (int i = 0; i < 2; i++) {
        if (conv->stride[i] != 1)
            return error_set(err, ERROR_ARGUMENT,
                             "padding: \"same\" needs a stride of 1, but it is %zu",
                             conv->stride[i]);
        conv->before[i] = (spread[i] - 1) / 2;
        conv->padded = conv->padded || spread[i] > 1;
    }
    conv->layer.out.height = conv->layer.in.height;
    conv->layer.out.width = conv->layer.in.width;
    return true;
}

/* The shape of the output, and where it begins. */
static bool find_output(Conv2d *conv, Error *err) {
    const size_t *stride = conv->stride, *padding = conv->padding;
    const Shape *in = &conv->layer.in;
    size_t spread[2];
    for (int i = 0; i < 2; i++)
        spread[i] = conv->dilation[i] * (conv->kernel[i] - 1) + 1;
    conv->layer.out.channels = conv->out;
    conv->padded = false;
    if (padding[0] == FIELD_PAIR_WORD)
        return keep_size(conv, spread, err);
    size_t height = layer_window_count(in->height, spread[0], stride[0], padding[0]);
    size_t width = layer_window_count(in->width, spread[1], stride[1], padding[1]);
    if (height == 0 || width == 0)
        return is_too_large(conv, spread, err);
    memcpy(conv->before, padding, sizeof conv->before);
    conv->padded = padding[0] + padding[1] > 0;
    conv->layer.out.height = height;
    conv->layer.out.width = width;
    return true;
}

static bool configure(Layer *layer, Error *err) {
    Conv2d *conv = (Conv2d *)layer;
    const size_t *kernel = conv->kernel;
    if (!layer_wants_image(layer, err) || !check_groups(conv, err) || !find_output(conv, err))
        return false;
    conv->in_group = layer->in.channels / conv->groups;
    conv->out_group = conv->out / conv->groups;
    conv->solid = conv->groups == 1 && (conv->dilation[1] == 1 || kernel[1] == 1);
    conv->depth = layer->fan_in = conv->in_group * kernel[0] * kernel[1];
    conv->wide = (conv->depth + 15) / 16 * 16;
    choose_algorithms(conv);
    const Sizes weight = { 4, { conv->out, conv->in_group, kernel[0], kernel[1] } };
    return layer_add_parameter(layer, "weight", &weight, err) &&
           (!conv->bias || layer_add_parameter(layer, "bias", &(Sizes){ 1, { conv->out } }, err));
}

/* Patches, and with groups the gradients of one group's maps; or what Winograd's takes. */
static size_t scratch(const Layer *layer) {
    const Conv2d *conv = (const Conv2d *)layer;
    Winograd images = winograd_forward(conv, 1), back = winograd_backward(conv, 1);
    size_t patches = CHUNK * (conv->wide + (conv->groups > 1 ? conv->out_group : 0));
    size_t forward = conv->winograd_forward ? winograd_outer_scratch(&images) : 0;
    size_t backward = conv->winograd_backward ? winograd_scratch(&back) : 0;
    size_t most = forward > backward ? forward : backward;
    return most > patches ? most : patches;
}

/* A group's part of the weights, and of their gradient. */
static size_t group_offset(const Chunk *chunk) {
    return chunk->group * chunk->conv->depth * chunk->conv->out_group;
}

/* Output pixels of all samples. */
static size_t count_pixels(const Layer *layer, const LayerCall *call) {
    return call->tile->n * layer->out.height * layer->out.width;
}

/* ---- Forward --------------------------------------------------------------------------------- */

static void forward_panel(const Chunk *chunk, const float *bias, float *y) {
    const float *at[CHUNK];
    float *out[CHUNK];
    const Conv2d *conv = chunk->conv;
    PanelRows rows = chunk_rows(chunk, at);
    for (size_t i = 0; i < chunk->count; i++)
        out[i] = y + i * conv->out;
    panel_multiply(&rows, chunk->call->weights + group_offset(chunk), conv->out_group, bias, out);
}

static void forward_product(const Chunk *chunk, float *y) {
    const Conv2d *conv = chunk->conv;
    size_t depth = conv->depth;
    float *patch = chunk->call->tile->scratch;
    chunk_gather(chunk, patch);
    blas_sgemm(false, false, chunk->count, conv->out_group, depth, 1, patch, depth,
               chunk->call->weights + group_offset(chunk), conv->out_group, 1, y, conv->out);
}

/* What the sums of a chunk's pixels start from: the bias, or 0. */
static void start_pixels(const Chunk *chunk, float *y) {
    size_t channels = chunk->conv->out;
    const float *bias = conv_bias(chunk->conv, chunk->call->weights);
    if (!bias)
        memset(y, 0, chunk->count * channels * sizeof *y);
    for (size_t i = 0; bias && i < chunk->count; i++)
        memcpy(y + i * channels, bias, channels * sizeof *y);
}

static void forward_chunk(Chunk *chunk, float *y) {
    const Conv2d *conv = chunk->conv;
    const float *bias = conv_bias(conv, chunk->call->weights);
    bool panel = panel_fits(conv->out_group);
    if (!panel || !bias)
        start_pixels(chunk, y);
    for (; chunk->group < conv->groups; chunk->group++, y += conv->out_group)
        if (panel)
            forward_panel(chunk, bias ? bias + chunk->group * conv->out_group : NULL, y);
        else
            forward_product(chunk, y);
}

static void forward_chunks(const Conv2d *conv, const LayerCall *call) {
    size_t pixels = count_pixels(&conv->layer, call);
    Chunk chunk;
    for (size_t first = 0; first < pixels; first += CHUNK) {
        chunk_start(&chunk, conv, call, first);
        forward_chunk(&chunk, call->y + first * conv->out);
    }
}

static void forward(const Layer *layer, const LayerCall *call) {
    const Conv2d *conv = (const Conv2d *)layer;
    if (conv->winograd_forward) {
        Winograd images = winograd_forward(conv, call->tile->n);
        winograd_convolve(&(WinogradCall){ &images, call->x, call->tile->scratch },
                          call->tile->prepared, conv_bias(conv, call->weights), call->y);
    } else if (conv_is_depthwise(conv))
        conv_depthwise_forward(conv, call);
    else
        forward_chunks(conv, call);
}

/* ---- Backward -------------------------------------------------------------------------------- */

/* Do panels write the first of the weights' gradient, so that nobody clears it? */
static bool starts_weights(const Conv2d *conv, const LayerCall *call) {
    return call->fresh && !conv->winograd_forward && !conv_is_depthwise(conv) &&
           panel_fits(conv->out_group);
}

/* What they do not. */
static void clear_weights(const Conv2d *conv, const LayerCall *call) {
    const Layer *layer = &conv->layer;
    size_t skip = starts_weights(conv, call) ? layer->parameter[0].count : 0;
    memset(call->dweights + skip, 0, (layer->parameter_count - skip) * sizeof *call->dweights);
}

static void backward_weights(const Chunk *chunk, const float *slope) {
    size_t maps = chunk->conv->out_group, depth = chunk->conv->depth;
    const LayerCall *call = chunk->call;
    float *dweights = call->dweights + group_offset(chunk);
    const float *at[CHUNK];
    if (panel_fits(maps)) {
        PanelRows rows = chunk_rows(chunk, at);
        panel_outer(&rows, slope, maps, starts_weights(chunk->conv, call) && chunk->first == 0,
                    dweights);
        return;
    }
    float *patch = call->tile->scratch;
    chunk_gather(chunk, patch);
    blas_sgemm(true, false, depth, maps, chunk->count, 1, patch, depth, slope, maps, 1, dweights,
               maps);
}

/* Input gradients by panels need each kernel position's weights transposed, out × in. */
static bool transposes(const Conv2d *conv) {
    return panel_fits(conv->in_group);
}

/* Where there are too few channels for that, a panel makes the gradients of whole patches, from all
 * weights transposed, out × depth, and with zeros to as many columns as fit. */
static bool widens(const Conv2d *conv) {
    return !transposes(conv) && panel_fits(conv->wide) && !conv_is_depthwise(conv);
}

/* What is prepared: the filter forward, then the transposed weights (where the gradient goes
 * Winograd's way with the kernel turned round), then the filter backward. Behind widened weights
 * there are as many zeros as columns: what their sums start from. */
static size_t turned_place(const Conv2d *conv) {
    return conv->winograd_forward ? WINOGRAD_PLACES * conv->out * conv->in_group : 0;
}

static size_t backward_place(const Conv2d *conv) {
    size_t turned = transposes(conv) ? conv->layer.parameter[0].count
                    : widens(conv)   ? (conv->out + 1) * conv->wide
                                     : 0;
    return turned_place(conv) + turned;
}

static size_t prepared(const Layer *layer) {
    const Conv2d *conv = (const Conv2d *)layer;
    size_t kernels = WINOGRAD_PLACES * conv->out * conv->in_group;
    return backward_place(conv) + (conv->winograd_backward ? kernels : 0);
}

static void transpose_weights(const Conv2d *conv, const float *weights, float *turned) {
    size_t in = conv->in_group, out = conv->out_group;
    size_t positions = conv->groups * conv->kernel[0] * conv->kernel[1];
    for (size_t k = 0; k < positions; k++, weights += in * out) {
        float *to = turned + (conv->winograd_backward ? positions - 1 - k : k) * in * out;
        for (size_t o = 0; o < out; o++)
            for (size_t c = 0; c < in; c++)
                to[o * in + c] = weights[c * out + o];
    }
}

static void widen_weights(const Conv2d *conv, const float *weights, float *turned) {
    size_t maps = conv->out_group, depth = conv->depth;
    memset(turned, 0, (conv->out + 1) * conv->wide * sizeof *turned);
    for (size_t g = 0; g < conv->groups; g++, weights += depth * maps)
        for (size_t o = 0; o < maps; o++, turned += conv->wide)
            for (size_t k = 0; k < depth; k++)
                turned[k] = weights[k * maps + o];
}

static void prepare(const Layer *layer, const float *weights, float *prepared) {
    const Conv2d *conv = (const Conv2d *)layer;
    float *turned = prepared + turned_place(conv);
    if (conv->winograd_forward)
        winograd_filter(weights, conv->in_group, conv->out, prepared);
    if (transposes(conv))
        transpose_weights(conv, weights, turned);
    if (widens(conv))
        widen_weights(conv, weights, turned);
    if (conv->winograd_backward)
        winograd_filter(turned, conv->out, conv->in_group, prepared + backward_place(conv));
}

/* Where a kernel position's part of the input's gradient comes from and goes: of the chunk's pixels
 * those from which it meets the image. */
typedef struct Position {
    const float *at[CHUNK];
    float *to[CHUNK];
    size_t used;
} Position;

/* Kernel position (ky, kx) counts from the corners of patches in the input. Without padding it
 * meets the image from every pixel. */
static void place_position(const Chunk *chunk, const float *slope, size_t k, Position *position) {
    const Conv2d *conv = chunk->conv;
    const Layer *layer = &conv->layer;
    size_t width = layer->in.width, channels = layer->in.channels, used = 0;
    ptrdiff_t ky = (ptrdiff_t)(k / conv->kernel[1] * conv->dilation[0]);
    ptrdiff_t kx = (ptrdiff_t)(k % conv->kernel[1] * conv->dilation[1]);
    float *dx = chunk->call->dx + chunk->group * conv->in_group;
    for (size_t i = 0; i < chunk->count; i++) {
        const Corner *corner = &chunk->corner[i];
        ptrdiff_t y = corner->y + ky, x = corner->x + kx;
        if (y < 0 || y >= (ptrdiff_t)layer->in.height || x < 0 || x >= (ptrdiff_t)width)
            continue;
        position->at[used] = slope + i * conv->out_group;
        position->to[used++] = dx + corner->image + ((size_t)y * width + (size_t)x) * channels;
    }
    position->used = used;
}

/* The same from position k to the next, where all pixels have both. */
static void move_position(const Conv2d *conv, size_t k, Position *position) {
    size_t channels = conv->layer.in.channels, right = conv->dilation[1] * channels;
    size_t down = conv->dilation[0] * conv->layer.in.width * channels;
    bool last = (k + 1) % conv->kernel[1] == 0; /* of its row */
    ptrdiff_t offset = (ptrdiff_t)right;
    if (last)
        offset = (ptrdiff_t)down - (ptrdiff_t)(right * (conv->kernel[1] - 1));
    for (size_t i = 0; i < position->used; i++)
        position->to[i] += offset;
}

/* dx += slope · turned weights, one kernel position after the other: different pixels each, so that
 * none is added to twice in one panel. */
static void backward_positions(const Chunk *chunk, const float *slope) {
    const Conv2d *conv = chunk->conv;
    size_t in = conv->in_group, out = conv->out_group;
    size_t positions = conv->kernel[0] * conv->kernel[1];
    const float *turned = chunk->call->tile->prepared + turned_place(conv) + group_offset(chunk);
    Position position;
    for (size_t k = 0; k < positions; k++, turned += in * out) {
        if (k == 0 || conv->padded)
            place_position(chunk, slope, k, &position);
        PanelRows rows = { position.at, position.used, 1, out, 0 };
        panel_multiply(&rows, turned, in, NULL, position.to);
        if (!conv->padded && k + 1 < positions)
            move_position(conv, k, &position);
    }
}

/* The gradients of whole patches at once, which are then added to their pixels. */
static void backward_patches(const Chunk *chunk, const float *slope) {
    const Conv2d *conv = chunk->conv;
    const LayerCall *call = chunk->call;
    size_t maps = conv->out_group, depth = conv->depth, wide = conv->wide;
    float *patch = call->tile->scratch, *to[CHUNK];
    const float *at[CHUNK], *turned = call->tile->prepared + turned_place(conv);
    if (!widens(conv)) {
        blas_sgemm(false, true, chunk->count, depth, maps, 1, slope, maps,
                   call->weights + group_offset(chunk), maps, 0, patch, depth);
        chunk_scatter(chunk, &(Patches){ patch, depth });
        return;
    }
    for (size_t i = 0; i < chunk->count; i++) {
        at[i] = slope + i * maps;
        to[i] = patch + i * wide;
    }
    panel_multiply(&(PanelRows){ at, chunk->count, 1, maps, 0 },
                   turned + chunk->group * maps * wide, wide, turned + conv->out * wide, to);
    chunk_scatter(chunk, &(Patches){ patch, wide });
}

static void backward_input(const Chunk *chunk, const float *slope) {
    if (transposes(chunk->conv))
        backward_positions(chunk, slope);
    else
        backward_patches(chunk, slope);
}

/* The gradients of the group's maps at the chunk's pixels, row by row: where they lie, or behind
 * the patches in scratch. */
static const float *group_slopes(const Chunk *chunk) {
    const Conv2d *conv = chunk->conv;
    const float *dy = chunk->call->dy + chunk->first * conv->out;
    if (conv->groups == 1)
        return dy;
    float *slope = chunk->call->tile->scratch + CHUNK * conv->wide;
    for (size_t i = 0; i < chunk->count; i++)
        memcpy(slope + i * conv->out_group, dy + i * conv->out + chunk->group * conv->out_group,
               conv->out_group * sizeof *slope);
    return slope;
}

/* What the slopes of some output pixels add to the gradient of the bias. */
static void backward_bias(const Conv2d *conv, const LayerCall *call, size_t first, size_t count) {
    if (conv->bias)
        layer_add_columns(call->dy + first * conv->out, count, conv->out,
                          call->dweights + conv->layer.parameter[1].offset);
}

/* The input's gradient, which is added to, starts from 0: in the images that begin in this chunk,
 * so that they are in the cache when it comes to them. */
static void clear_images(const Chunk *chunk) {
    const Layer *layer = &chunk->conv->layer;
    size_t pixels = layer->out.height * layer->out.width, size = shape_size(layer->in);
    size_t from = (chunk->first + pixels - 1) / pixels;
    size_t end = (chunk->first + chunk->count - 1) / pixels + 1;
    memset(chunk->call->dx + from * size, 0, (end - from) * size * sizeof *chunk->call->dx);
}

/* What Winograd's algorithm does not. */
static void backward_chunks(const Conv2d *conv, const LayerCall *call) {
    size_t pixels = count_pixels(&conv->layer, call);
    bool weights = call->dweights && !conv->winograd_forward;
    bool input = call->dx && !conv->winograd_backward;
    Chunk chunk;
    for (size_t first = 0; (weights || input) && first < pixels; first += CHUNK) {
        chunk_start(&chunk, conv, call, first);
        if (weights)
            backward_bias(conv, call, first, chunk.count);
        if (input)
            clear_images(&chunk);
        for (; chunk.group < conv->groups; chunk.group++) {
            const float *slope = group_slopes(&chunk);
            if (weights)
                backward_weights(&chunk, slope);
            if (input)
                backward_input(&chunk, slope);
        }
    }
}

static void backward_winograd(const Conv2d *conv, const LayerCall *call) {
    const Tile *tile = call->tile;
    Winograd images = winograd_forward(conv, tile->n), back = winograd_backward(conv, tile->n);
    if (call->dweights && conv->winograd_forward)
        winograd_outer(&(WinogradCall){ &images, call->x, tile->scratch }, call->dy,
                       call->dweights);
    if (call->dx && conv->winograd_backward)
        winograd_convolve(&(WinogradCall){ &back, call->dy, tile->scratch },
                          tile->prepared + backward_place(conv), NULL, call->dx);
}

static void backward(const Layer *layer, const LayerCall *call) {
    const Conv2d *conv = (const Conv2d *)layer;
    if (call->fresh)
        clear_weights(conv, call);
    if (call->dweights && (conv->winograd_forward || conv_is_depthwise(conv)))
        backward_bias(conv, call, 0, count_pixels(layer, call));
    if (conv_is_depthwise(conv)) {
        if (call->dx)
            memset(call->dx, 0, call->tile->n * shape_size(layer->in) * sizeof *call->dx);
        conv_depthwise_backward(conv, call);
        return;
    }
    backward_winograd(conv, call);
    backward_chunks(conv, call);
}

/* ---- Files ----------------------------------------------------------------------------------- */

/* Where PyTorch's number (o, c, k) of the weight lies in ours; c counts through a group. */
static size_t own_place(const Conv2d *conv, size_t o, size_t c, size_t k) {
    size_t maps = conv->out_group, taps = conv->kernel[0] * conv->kernel[1];
    if (conv_is_depthwise(conv))
        return k * conv->out + o;
    return ((o / maps * taps + k) * conv->in_group + c) * maps + o % maps;
}

/* (out, in, kh, kw) from ours. */
static void export(const Layer *layer, int p, const float *own, float *torch) {
    const Conv2d *conv = (const Conv2d *)layer;
    size_t in = conv->in_group, taps = conv->kernel[0] * conv->kernel[1];
    if (p == 1) {
        memcpy(torch, own, layer->parameter[p].count * sizeof *torch);
        return;
    }
    for (size_t o = 0; o < conv->out; o++)
        for (size_t c = 0; c < in; c++)
            for (size_t k = 0; k < taps; k++)
                *torch++ = own[own_place(conv, o, c, k)];
}

static void import(const Layer *layer, int p, const ParameterPiece *piece, float *own) {
    const Conv2d *conv = (const Conv2d *)layer;
    if (p == 1) {
        memcpy(own + piece->first, piece->values, piece->n * sizeof *own);
        return;
    }
    size_t in = conv->in_group, taps = conv->kernel[0] * conv->kernel[1];
    size_t k = piece->first % taps, c = piece->first / taps % in, o = piece->first / conv->depth;
    for (size_t i = 0; i < piece->n; i++) {
        own[own_place(conv, o, c, k)] = piece->values[i];
        if (++k < taps)
            continue;
        k = 0;
        o += ++c == in;
        c = c == in ? 0 : c;
    }
}

const LayerKind layer_conv2d = {
    .name = "conv2d",
    .label = "conv",
    .summary = "Convolution of images: out maps, each a weighted sum under a kernel that slides by "
               "stride.",
    .example = "local layer = nn.conv2d { out = 8, kernel = 5, stride = 2, name = \"conv\" }\n"
               "print(nn.new { input = { 1, 28, 28 }, layer })",
    .fields = { fields, &initial },
    .size = sizeof(Conv2d),
    .backward_reads_x = true,
    .starts_weights = true,
    .configure = configure,
    .scratch = scratch,
    .prepared = prepared,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .export = export,
    .import = import,
};
