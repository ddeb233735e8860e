/* normalise.c — y = (x − mean) / std, each channel its own: what a net was trained behind. As a
 * net's first layer it keeps what stands around the net, bounds and distances of attacks, in the
 * units of the pixels. */
#include "core/fail.h"
#include "core/simd.h"
#include "nn/layer.h"

#include <math.h>

typedef struct Normalise {
    Layer layer;
    FieldNumbers mean, std; /* one for all channels, or one each */
} Normalise;

static const Field fields[] = {
    { "mean", FIELD_NUMBERS, offsetof(Normalise, mean), -INFINITY, INFINITY,
      FIELD_ABOVE_LOW | FIELD_BELOW_HIGH, .required = true,
      .meaning = "what is taken off: a number, or one for each channel (of 32 at most)" },
    { "std", FIELD_NUMBERS, offsetof(Normalise, std), 0, INFINITY,
      FIELD_ABOVE_LOW | FIELD_BELOW_HIGH, .required = true,
      .meaning = "what the rest is divided by, in the same way" },
    LAYER_NAME,
    { .name = NULL },
};

static bool check_count(const Layer *layer, const char *name, const FieldNumbers *numbers,
                        Error *err) {
    return numbers->count == 1 || numbers->count == layer->in.channels ||
           error_set(err, ERROR_ARGUMENT,
                     "%s: expected a number, or one for each of %zu channels, got %zu", name,
                     layer->in.channels, numbers->count);
}

static bool configure(Layer *layer, Error *err) {
    const Normalise *normalise = (const Normalise *)layer;
    return check_count(layer, "mean", &normalise->mean, err) &&
           check_count(layer, "std", &normalise->std, err);
}

/* What is done to some numbers in turn; a row of channels repeats, so that loops over few channels
 * are long enough for the processor's vectors. */
enum { PATTERN = 4 * FIELD_NUMBERS_MOST };
typedef struct Pattern {
    float mean[PATTERN], factor[PATTERN];
    size_t length;
} Pattern;

static Pattern pattern_of(const Layer *layer) {
    const Normalise *normalise = (const Normalise *)layer;
    const FieldNumbers *mean = &normalise->mean, *std = &normalise->std;
    size_t channels = mean->count > std->count ? mean->count : std->count;
    Pattern pattern = { .length = PATTERN / channels * channels };
    for (size_t i = 0; i < pattern.length; i++) {
        pattern.mean[i] = (float)mean->number[i % channels % mean->count];
        pattern.factor[i] = (float)(1 / std->number[i % channels % std->count]);
    }
    return pattern;
}

SIMD_CLONES
static void forward(const Layer *layer, const LayerCall *call) {
    const Pattern pattern = pattern_of(layer);
    size_t count = call->tile->n * shape_size(layer->out);
    for (size_t at = 0; at < count; at += pattern.length) {
        size_t n = count - at < pattern.length ? count - at : pattern.length;
        for (size_t i = 0; i < n; i++)
            call->y[at + i] = (call->x[at + i] - pattern.mean[i]) * pattern.factor[i];
    }
}

SIMD_CLONES
static void backward(const Layer *layer, const LayerCall *call) {
    const Pattern pattern = pattern_of(layer);
    size_t count = call->dx ? call->tile->n * shape_size(layer->out) : 0;
    for (size_t at = 0; at < count; at += pattern.length) {
        size_t n = count - at < pattern.length ? count - at : pattern.length;
        for (size_t i = 0; i < n; i++)
            call->dx[at + i] = call->dy[at + i] * pattern.factor[i];
    }
}

const LayerKind layer_normalise = {
    .name = "normalise",
    .label = "normalise",
    .summary = "(x - mean) / std, channel by channel. As a net's first layer it leaves samples, "
               "bounds and distances of attacks in pixels.",
    .example = "local rgb = nn.normalise { mean = { 0.5, 0.4, 0.4 }, std = 0.25 }\n"
               "print(nn.new { input = { 3, 32, 32 }, rgb })",
    .fields = { .field = fields },
    .size = sizeof(Normalise),
    .in_place = true,
    .configure = configure,
    .forward = forward,
    .backward = backward,
};
