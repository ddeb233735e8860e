/* tanh.c — y = tanh(x). */
#include "core/simd.h"
#include "core/vecmath.h"
#include "nn/elementwise.h"

static void values(const Layer *layer, const float *x, float *y, size_t n) {
    (void)layer;
    vec_tanhf(x, y, n);
}

SIMD_CLONES
static void slopes(const Layer *layer, const float *y, float *slope, size_t n) {
    (void)layer;
    for (size_t i = 0; i < n; i++)
        slope[i] = 1 - y[i] * y[i];
}

ELEMENTWISE_FUNCTIONS

const LayerKind layer_tanh = {
    .name = "tanh",
    .label = "tanh",
    .summary = "The hyperbolic tangent of every number.",
    .example = "print(nn.new { input = { 3 }, nn.tanh() }:forward(array.new { -1, 0, 2 }))",
    .fields = { .field = layer_name_only },
    .size = sizeof(Layer),
    .in_place = true,
    .backward_reads_y = true,
    .forward = forward,
    .backward = backward,
};
