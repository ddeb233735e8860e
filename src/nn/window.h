/* window.h — where the window of a pooling layer stands: along each axis kernel taps, dilation
 * apart, at steps of stride, over an input with padding around it. Sizes as PyTorch counts them. */
#ifndef PERIGEE_NN_WINDOW_H
#define PERIGEE_NN_WINDOW_H

#include "nn/layer.h"

/* The options that pooling layers share, height and width each. */
typedef struct Window {
    size_t kernel[2], stride[2], padding[2], dilation[2];
    bool ceil_mode; /* a last window may reach beyond the padding, if it starts before it */
} Window;

/* The fields of a kind whose struct has a Window under that name. */
#define WINDOW_KERNEL(type, window)                                                                \
    {                                                                                              \
        "kernel", FIELD_PAIR, offsetof(type, window.kernel), 1, LAYER_LARGEST_SIZE,                \
            .required = true, .meaning = "the window's size, or { height, width }"                 \
    }
#define WINDOW_STRIDE(type, window)                                                                \
    {                                                                                              \
        "stride", FIELD_PAIR, offsetof(type, window.stride), 1, LAYER_LARGEST_SIZE,                \
            .initial = "the kernel", .meaning = "pixels from one window to the next"               \
    }
#define WINDOW_PADDING(type, window)                                                               \
    {                                                                                              \
        "padding", FIELD_PAIR, offsetof(type, window.padding), 0, LAYER_LARGEST_SIZE,              \
            .meaning = "pixels added on every side, half a kernel at most"                         \
    }
#define WINDOW_CEIL(type, window)                                                                  \
    {                                                                                              \
        "ceil_mode", FIELD_BOOLEAN, offsetof(type, window.ceil_mode),                              \
            .meaning = "a last window that hangs over the edge counts too"                         \
    }

/* The taps of one axis that lie inside the input, first … last − 1, and the input pixel under the
 * first of them. */
typedef struct WindowSpan {
    size_t first, last, at;
} WindowSpan;

/* Fill in the stride that was left open, and the layer's output; refuse a window that does not fit,
 * or that sees nothing but padding somewhere. */
bool window_configure(Window *window, Layer *layer, Error *err);

/* Of output pixel `out` along axis 0 (height) or 1 (width), over an input of `in` pixels. */
WindowSpan window_span(const Window *window, int axis, size_t in, size_t out);

#endif
