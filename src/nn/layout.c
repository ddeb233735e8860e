#include "nn/layout.h"

#include "core/parallel.h"

#include <string.h>

bool layout_is_same(Shape shape) {
    return shape.channels == 1 || shape.height * shape.width == 1;
}

void layout_to_inner(Shape shape, size_t n, const float *chw, float *hwc) {
    size_t pixels = shape.height * shape.width, channels = shape.channels;
    if (layout_is_same(shape)) {
        memcpy(hwc, chw, n * pixels * channels * sizeof *hwc);
        return;
    }
    for (size_t i = 0; i < n; i++, chw += pixels * channels, hwc += pixels * channels)
        for (size_t p = 0; p < pixels; p++)
            for (size_t c = 0; c < channels; c++)
                hwc[p * channels + c] = chw[c * pixels + p];
}

void layout_to_outer(Shape shape, size_t n, const float *hwc, float *chw) {
    size_t pixels = shape.height * shape.width, channels = shape.channels;
    if (layout_is_same(shape)) {
        memcpy(chw, hwc, n * pixels * channels * sizeof *chw);
        return;
    }
    for (size_t i = 0; i < n; i++, chw += pixels * channels, hwc += pixels * channels)
        for (size_t c = 0; c < channels; c++)
            for (size_t p = 0; p < pixels; p++)
                chw[c * pixels + p] = hwc[p * channels + c];
}

/* A batch on its way from one order to the other. */
typedef struct Turning {
    Shape shape;
    const float *from;
    float *to;
    bool outer;
} Turning;

static void turn_some(void *context, size_t first, size_t last, int worker) {
    const Turning *turning = context;
    size_t at = first * shape_size(turning->shape);
    (void)worker;
    (turning->outer ? layout_to_outer : layout_to_inner)(turning->shape, last - first,
                                                         turning->from + at, turning->to + at);
}

static void turn_batch(Turning *turning, size_t n) {
    parallel_for(n, parallel_piece(1 << 16, shape_size(turning->shape)), turn_some, turning);
}

void layout_batch_to_inner(Shape shape, size_t n, const float *chw, float *hwc) {
    turn_batch(&(Turning){ shape, chw, hwc, false }, n);
}

void layout_batch_to_outer(Shape shape, size_t n, const float *hwc, float *chw) {
    turn_batch(&(Turning){ shape, hwc, chw, true }, n);
}

void layout_add_inner(Shape shape, size_t n, const float *chw, float *hwc) {
    size_t pixels = shape.height * shape.width, channels = shape.channels;
    for (size_t i = 0; i < n; i++, chw += pixels * channels, hwc += pixels * channels)
        for (size_t p = 0; p < pixels; p++)
            for (size_t c = 0; c < channels; c++)
                hwc[p * channels + c] += chw[c * pixels + p];
}
