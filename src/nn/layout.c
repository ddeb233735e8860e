#include "nn/layout.h"

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

void layout_add_inner(Shape shape, size_t n, const float *chw, float *hwc) {
    size_t pixels = shape.height * shape.width, channels = shape.channels;
    for (size_t i = 0; i < n; i++, chw += pixels * channels, hwc += pixels * channels)
        for (size_t p = 0; p < pixels; p++)
            for (size_t c = 0; c < channels; c++)
                hwc[p * channels + c] += chw[c * pixels + p];
}
