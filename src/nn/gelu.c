/* gelu.c — y = x · Φ(x), Φ being the normal distribution's: ½ (1 + erf(x / √2)), or by way of tanh
 * what many nets were trained with, ½ (1 + tanh(√(2/π) (x + 0.044715 x³))). */
#include "core/simd.h"
#include "core/vecmath.h"
#include "nn/elementwise.h"

typedef struct Gelu {
    Layer layer;
    int approximate;
} Gelu;

enum { EXACT, BY_TANH };
static const char *const ways[] = { "none", "tanh", NULL };

static const Field fields[] = {
    { "approximate", FIELD_WORD, offsetof(Gelu, approximate), .words = ways,
      .meaning = "the exact function, or the one by tanh that stands in for it" },
    LAYER_NAME,
    { .name = NULL },
};

static const Gelu initial = { .approximate = EXACT };

static const float ROOT_HALF = 0.70710678f, DENSITY_AT_0 = 0.39894228f;
static const float TANH_SCALE = 0.79788456f, TANH_CUBE = 0.044715f;

static bool by_tanh(const Layer *layer) {
    return ((const Gelu *)layer)->approximate == BY_TANH;
}

/* 2Φ(x) − 1. */
SIMD_CLONES
static void odd_part(const Layer *layer, const float *x, float *odd, size_t n) {
    if (by_tanh(layer)) {
        for (size_t i = 0; i < n; i++)
            odd[i] = TANH_SCALE * x[i] * (1 + TANH_CUBE * x[i] * x[i]);
        vec_tanhf(odd, odd, n);
    } else {
        for (size_t i = 0; i < n; i++)
            odd[i] = ROOT_HALF * x[i];
        vec_erff(odd, odd, n);
    }
}

SIMD_CLONES
static void values(const Layer *layer, const float *x, float *y, size_t n) {
    float odd[ELEMENTWISE_BLOCK];
    odd_part(layer, x, odd, n);
    for (size_t i = 0; i < n; i++)
        y[i] = 0.5f * x[i] * (1 + odd[i]);
}

SIMD_CLONES
static void tanh_slopes(const float *x, const float *odd, float *slope, size_t n) {
    for (size_t i = 0; i < n; i++) {
        float inner = TANH_SCALE * (1 + 3 * TANH_CUBE * x[i] * x[i]);
        slope[i] = 0.5f * (1 + odd[i]) + 0.5f * x[i] * (1 - odd[i] * odd[i]) * inner;
    }
}

SIMD_CLONES
static void exact_slopes(const float *x, const float *odd, float *slope, size_t n) {
    for (size_t i = 0; i < n; i++)
        slope[i] = -0.5f * x[i] * x[i];
    vec_expf(slope, slope, n);
    for (size_t i = 0; i < n; i++)
        slope[i] = 0.5f * (1 + odd[i]) + x[i] * DENSITY_AT_0 * slope[i];
}

static void slopes(const Layer *layer, const float *x, float *slope, size_t n) {
    float odd[ELEMENTWISE_BLOCK];
    odd_part(layer, x, odd, n);
    (by_tanh(layer) ? tanh_slopes : exact_slopes)(x, odd, slope, n);
}

ELEMENTWISE_FUNCTIONS

const LayerKind layer_gelu = {
    .name = "gelu",
    .label = "gelu",
    .summary = "x times the share of a gaussian that lies below x, of every number.",
    .example = "print(nn.new { input = { 3 }, nn.gelu { approximate = \"tanh\" } })",
    .fields = { fields, &initial },
    .size = sizeof(Gelu),
    .backward_reads_x = true,
    .forward = forward,
    .backward = backward,
};
