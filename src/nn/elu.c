/* elu.c — y = x above 0, alpha · (exp(x) − 1) below, which is 2t / (1 − t) with t = tanh(x/2):
 * small numbers keep their digits. */
#include "core/simd.h"
#include "core/vecmath.h"
#include "nn/elementwise.h"

#include <math.h>

typedef struct Elu {
    Layer layer;
    double alpha;
} Elu;

static const Field fields[] = {
    { "alpha", FIELD_NUMBER, offsetof(Elu, alpha), 0, INFINITY, FIELD_BELOW_HIGH,
      .meaning = "how far below 0 it goes" },
    LAYER_NAME,
    { .name = NULL },
};

static const Elu initial = { .alpha = 1 };

SIMD_CLONES
static void values(const Layer *layer, const float *x, float *y, size_t n) {
    float alpha = (float)((const Elu *)layer)->alpha, t[ELEMENTWISE_BLOCK] = { 0 };
    for (size_t i = 0; i < n; i++)
        t[i] = x[i] < 0 ? 0.5f * x[i] : 0;
    vec_tanhf(t, t, n);
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] < 0 ? alpha * (2 * t[i] / (1 - t[i])) : x[i];
}

/* Below 0, alpha · exp(x) is y + alpha. */
SIMD_CLONES
static void slopes(const Layer *layer, const float *y, float *slope, size_t n) {
    float alpha = (float)((const Elu *)layer)->alpha;
    for (size_t i = 0; i < n; i++)
        slope[i] = y[i] > 0 ? 1 : y[i] + alpha;
}

ELEMENTWISE_FUNCTIONS

const LayerKind layer_elu = {
    .name = "elu",
    .label = "elu",
    .summary = "Every number as it is above 0, and alpha (exp(x) - 1) below.",
    .example = "print(nn.new { input = { 3 }, nn.elu { alpha = 0.5 } })",
    .fields = { fields, &initial },
    .size = sizeof(Elu),
    .in_place = true,
    .backward_reads_y = true,
    .forward = forward,
    .backward = backward,
};
