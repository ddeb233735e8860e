/* softmax.c — y_c = exp(x_c) / Σ exp(x_k): of a flat vector, or over an image's channels at each
 * pixel. Both are rows that lie together. */
#include "core/simd.h"
#include "core/vecmath.h"
#include "nn/layer.h"

static size_t count_rows(const Layer *layer, const LayerCall *call) {
    return call->tile->n * layer->out.height * layer->out.width;
}

SIMD_CLONES
static float largest(const float *x, size_t n) {
    float most = x[0];
#pragma omp simd reduction(max : most)
    for (size_t i = 0; i < n; i++)
        most = x[i] > most ? x[i] : most;
    return most;
}

SIMD_CLONES
static float sum(const float *x, size_t n) {
    float total = 0;
#pragma omp simd reduction(+ : total)
    for (size_t i = 0; i < n; i++)
        total += x[i];
    return total;
}

SIMD_CLONES
static float inner_product(const float *a, const float *b, size_t n) {
    float total = 0;
#pragma omp simd reduction(+ : total)
    for (size_t i = 0; i < n; i++)
        total += a[i] * b[i];
    return total;
}

SIMD_CLONES
static void forward(const Layer *layer, const LayerCall *call) {
    size_t rows = count_rows(layer, call), n = layer->out.channels;
    const float *x = call->x;
    float *y = call->y;
    for (size_t r = 0; r < rows; r++, x += n, y += n) {
        float most = largest(x, n);
        for (size_t i = 0; i < n; i++)
            y[i] = x[i] - most;
        vec_expf(y, y, n);
        float scale = 1 / sum(y, n);
        for (size_t i = 0; i < n; i++)
            y[i] *= scale;
    }
}

/* dx = y (dy − Σ y dy) */
SIMD_CLONES
static void backward(const Layer *layer, const LayerCall *call) {
    size_t rows = call->dx ? count_rows(layer, call) : 0, n = layer->out.channels;
    const float *y = call->y, *dy = call->dy;
    float *dx = call->dx;
    for (size_t r = 0; r < rows; r++, y += n, dy += n, dx += n) {
        float mean = inner_product(y, dy, n);
        for (size_t i = 0; i < n; i++)
            dx[i] = y[i] * (dy[i] - mean);
    }
}

const LayerKind layer_softmax = {
    .name = "softmax",
    .label = "softmax",
    .summary =
        "exp(x) / sum of exp(x): of a flat vector, or over an image's maps at each pixel. Of "
        "numbers (an array, a list, scores) nn.softmax is array.softmax.",
    .example = "print(nn.new { input = { 3 }, nn.softmax() }:forward(array.new { -1, 0, 2 }))\n"
               "print(nn.softmax { 1, 2, 3 })",
    .fields = { .field = layer_name_only },
    .size = sizeof(Layer),
    .in_place = true,
    .backward_reads_y = true,
    .forward = forward,
    .backward = backward,
};
