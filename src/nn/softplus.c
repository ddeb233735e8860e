/* softplus.c — y = log(1 + exp(beta x)) / beta: a max(x, 0) without the corner. Written as max(x,
 * 0)
 * + log(1 + e) / beta with e = exp(−beta |x|), which neither overflows nor loses a small e. */
#include "core/simd.h"
#include "core/vecmath.h"
#include "nn/elementwise.h"

typedef struct Softplus {
    Layer layer;
    double beta;
} Softplus;

static const Field fields[] = {
    { "beta", FIELD_NUMBER, offsetof(Softplus, beta), 0, 1e6, FIELD_ABOVE_LOW,
      .meaning = "how sharply it bends" },
    LAYER_NAME,
    { .name = NULL },
};

static const Softplus initial = { .beta = 1 };

/* log(1 + e): what rounding 1 + e takes away comes back as a factor. */
SIMD_CLONES
static void log_of_one_and(const float *e, float *y, size_t n) {
    for (size_t i = 0; i < n; i++)
        y[i] = 1 + e[i];
    vec_logf(y, y, n);
    for (size_t i = 0; i < n; i++) {
        float rounded = (1 + e[i]) - 1;
        y[i] = rounded > 0 ? y[i] * (e[i] / rounded) : e[i];
    }
}

SIMD_CLONES
static void values(const Layer *layer, const float *x, float *y, size_t n) {
    float beta = (float)((const Softplus *)layer)->beta;
    float e[ELEMENTWISE_BLOCK] = { 0 }, log[ELEMENTWISE_BLOCK];
    for (size_t i = 0; i < n; i++)
        e[i] = -beta * (x[i] < 0 ? -x[i] : x[i]);
    vec_expf(e, e, n);
    log_of_one_and(e, log, n);
    for (size_t i = 0; i < n; i++)
        y[i] = (x[i] < 0 ? 0 : x[i]) + log[i] / beta;
}

/* 1 / (1 + exp(−beta x)) is 1 − exp(−beta y), and that 2t / (1 + t) with t = tanh(beta y / 2). */
SIMD_CLONES
static void slopes(const Layer *layer, const float *y, float *slope, size_t n) {
    float half = (float)((const Softplus *)layer)->beta / 2;
    for (size_t i = 0; i < n; i++)
        slope[i] = half * y[i];
    vec_tanhf(slope, slope, n);
    for (size_t i = 0; i < n; i++)
        slope[i] = 2 * slope[i] / (1 + slope[i]);
}

ELEMENTWISE_FUNCTIONS

const LayerKind layer_softplus = {
    .name = "softplus",
    .label = "softplus",
    .summary = "log(1 + exp(beta x)) / beta of every number.",
    .example = "print(nn.new { input = { 3 }, nn.softplus { beta = 2 } })",
    .fields = { fields, &initial },
    .size = sizeof(Softplus),
    .in_place = true,
    .backward_reads_y = true,
    .forward = forward,
    .backward = backward,
};
