/* leaky_relu.c — y = x above 0, negative_slope · x below: the slope is not negative, so that y has
 * the sign of x and backward needs no more. At 0 it is the lower one, as in PyTorch. */
#include "core/simd.h"
#include "nn/elementwise.h"

#include <math.h>

typedef struct LeakyRelu {
    Layer layer;
    double negative_slope;
} LeakyRelu;

static const Field fields[] = {
    { "negative_slope", FIELD_NUMBER, offsetof(LeakyRelu, negative_slope), 0, INFINITY,
      FIELD_BELOW_HIGH, .meaning = "what numbers below 0 are multiplied by" },
    LAYER_NAME,
    { .name = NULL },
};

static const LeakyRelu initial = { .negative_slope = 0.01 };

SIMD_CLONES
static void values(const Layer *layer, const float *x, float *y, size_t n) {
    float low = (float)((const LeakyRelu *)layer)->negative_slope;
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] > 0 ? x[i] : low * x[i];
}

SIMD_CLONES
static void slopes(const Layer *layer, const float *y, float *slope, size_t n) {
    float low = (float)((const LeakyRelu *)layer)->negative_slope;
    for (size_t i = 0; i < n; i++)
        slope[i] = y[i] > 0 ? 1 : low;
}

ELEMENTWISE_FUNCTIONS

const LayerKind layer_leaky_relu = {
    .name = "leaky_relu",
    .label = "leaky_relu",
    .summary = "Every number as it is above 0, and times negative_slope below.",
    .example = "print(nn.new { input = { 3 }, nn.leaky_relu { negative_slope = 0.1 } })",
    .fields = { fields, &initial },
    .size = sizeof(LeakyRelu),
    .in_place = true,
    .backward_reads_y = true,
    .forward = forward,
    .backward = backward,
};
