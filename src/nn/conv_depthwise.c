/* conv_depthwise.c — a convolution of every channel by a kernel of its own: no sums over channels,
 * so that channels side by side are vectors and nothing is gathered. */
#include "core/simd.h"
#include "nn/conv2d.h"

#include <string.h>

/* Where tap k of the kernel at an output pixel, counted through the tile's samples, meets the
 * input: the pixel's offset; or −1 in the padding. */
static ptrdiff_t meet(const Conv2d *conv, size_t pixel, size_t k) {
    const Shape *in = &conv->layer.in, *out = &conv->layer.out;
    size_t pixels = out->height * out->width, inside = pixel % pixels;
    size_t oy = inside / out->width, ox = inside % out->width;
    ptrdiff_t y = (ptrdiff_t)(oy * conv->stride[0] + k / conv->kernel[1] * conv->dilation[0]) -
                  (ptrdiff_t)conv->before[0];
    ptrdiff_t x = (ptrdiff_t)(ox * conv->stride[1] + k % conv->kernel[1] * conv->dilation[1]) -
                  (ptrdiff_t)conv->before[1];
    if (y < 0 || y >= (ptrdiff_t)in->height || x < 0 || x >= (ptrdiff_t)in->width)
        return -1;
    return (ptrdiff_t)(pixel / pixels * shape_size(*in)) +
           (y * (ptrdiff_t)in->width + x) * (ptrdiff_t)in->channels;
}

static size_t count_pixels(const Conv2d *conv, const LayerCall *call) {
    return call->tile->n * conv->layer.out.height * conv->layer.out.width;
}

SIMD_CLONES
void conv_depthwise_forward(const Conv2d *conv, const LayerCall *call) {
    size_t channels = conv->out, taps = conv->kernel[0] * conv->kernel[1];
    size_t pixels = count_pixels(conv, call);
    const float *bias = conv_bias(conv, call->weights);
    for (size_t p = 0; p < pixels; p++) {
        float *y = call->y + p * channels;
        for (size_t c = 0; c < channels; c++)
            y[c] = bias ? bias[c] : 0;
        for (size_t k = 0; k < taps; k++) {
            ptrdiff_t at = meet(conv, p, k);
            if (at < 0)
                continue;
            const float *x = call->x + at, *weight = call->weights + k * channels;
            for (size_t c = 0; c < channels; c++)
                // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it has weights
                y[c] += weight[c] * x[c];
        }
    }
}

SIMD_CLONES
void conv_depthwise_backward(const Conv2d *conv, const LayerCall *call) {
    size_t channels = conv->out, taps = conv->kernel[0] * conv->kernel[1];
    size_t pixels = count_pixels(conv, call);
    for (size_t p = 0; p < pixels; p++) {
        const float *dy = call->dy + p * channels;
        for (size_t k = 0; k < taps; k++) {
            ptrdiff_t at = meet(conv, p, k);
            if (at < 0)
                continue;
            const float *x = call->x + at, *weight = call->weights + k * channels;
            float *dx = call->dx ? call->dx + at : NULL;
            float *dweight = call->dweights ? call->dweights + k * channels : NULL;
            for (size_t c = 0; dx && c < channels; c++)
                dx[c] += weight[c] * dy[c];
            for (size_t c = 0; dweight && c < channels; c++)
                dweight[c] += x[c] * dy[c];
        }
    }
}
