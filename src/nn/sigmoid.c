/* sigmoid.c — y = 1 / (1 + exp(−x)). */
#include "core/simd.h"
#include "core/vecmath.h"
#include "nn/elementwise.h"

SIMD_CLONES
static void values(const Layer *layer, const float *x, float *y, size_t n) {
    (void)layer;
    for (size_t i = 0; i < n; i++)
        y[i] = -x[i];
    vec_expf(y, y, n);
    for (size_t i = 0; i < n; i++)
        y[i] = 1 / (1 + y[i]);
}

SIMD_CLONES
static void slopes(const Layer *layer, const float *y, float *slope, size_t n) {
    (void)layer;
    for (size_t i = 0; i < n; i++)
        slope[i] = y[i] * (1 - y[i]);
}

ELEMENTWISE_FUNCTIONS

const LayerKind layer_sigmoid = {
    .name = "sigmoid",
    .label = "sigmoid",
    .summary = "1 / (1 + exp(-x)) of every number.",
    .example = "print(nn.new { input = { 3 }, nn.sigmoid() }:forward(array.new { -1, 0, 2 }))",
    .fields = { .field = layer_name_only },
    .size = sizeof(Layer),
    .in_place = true,
    .backward_reads_y = true,
    .forward = forward,
    .backward = backward,
};
