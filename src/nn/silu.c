/* silu.c — y = x / (1 + exp(−x)), also called swish. */
#include "core/simd.h"
#include "core/vecmath.h"
#include "nn/elementwise.h"

SIMD_CLONES
static void sigmoid(const float *x, float *s, size_t n) {
    for (size_t i = 0; i < n; i++)
        s[i] = -x[i];
    vec_expf(s, s, n);
    for (size_t i = 0; i < n; i++)
        s[i] = 1 / (1 + s[i]);
}

SIMD_CLONES
static void values(const Layer *layer, const float *x, float *y, size_t n) {
    float s[ELEMENTWISE_BLOCK];
    (void)layer;
    sigmoid(x, s, n);
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] * s[i];
}

SIMD_CLONES
static void slopes(const Layer *layer, const float *x, float *slope, size_t n) {
    (void)layer;
    sigmoid(x, slope, n);
    for (size_t i = 0; i < n; i++)
        slope[i] = slope[i] * (1 + x[i] * (1 - slope[i]));
}

ELEMENTWISE_FUNCTIONS

const LayerKind layer_silu = {
    .name = "silu",
    .label = "silu",
    .summary = "x / (1 + exp(-x)) of every number.",
    .example = "print(nn.new { input = { 3 }, nn.silu() }:forward(array.new { -1, 0, 2 }))",
    .fields = { .field = layer_name_only },
    .size = sizeof(Layer),
    .backward_reads_x = true,
    .forward = forward,
    .backward = backward,
};
