#include "nn/window.h"

#include "core/fail.h"

#include <string.h>

/* Pixels from the first tap to the last, both counted. */
static size_t reach(const Window *window, int axis) {
    return (window->kernel[axis] - 1) * window->dilation[axis] + 1;
}

/* Windows along an axis; 0 where there is no room for one. */
static size_t count_windows(const Window *window, int axis, size_t in) {
    size_t padding = window->padding[axis], stride = window->stride[axis];
    size_t padded = in + 2 * padding, length = reach(window, axis);
    if (length > padded) /* the one window hangs over the edge */
        return window->ceil_mode && length - padded < stride;
    size_t steps = (padded - length) / stride;
    bool more = window->ceil_mode && (padded - length) % stride > 0;
    return steps + 1 + (more && (steps + 1) * stride < in + padding);
}

WindowSpan window_span(const Window *window, int axis, size_t in, size_t out) {
    size_t dilation = window->dilation[axis], padding = window->padding[axis];
    size_t start = out * window->stride[axis]; /* counted from the padding's edge */
    WindowSpan span = { 0 };
    if (start < padding)
        span.first = (padding - start + dilation - 1) / dilation;
    if (start < in + padding)
        span.last = (in + padding - start - 1) / dilation + 1;
    if (span.last > window->kernel[axis])
        span.last = window->kernel[axis];
    if (span.first < span.last)
        span.at = start + span.first * dilation - padding;
    return span;
}

/* Does each window see a pixel? */
static bool see_something(const Window *window, int axis, size_t in, size_t out) {
    for (size_t o = 0; o < out; o++) {
        WindowSpan span = window_span(window, axis, in, o);
        if (span.first >= span.last)
            return false;
    }
    return true;
}

static bool check_padding(const Window *window, Error *err) {
    for (int axis = 0; axis < 2; axis++)
        if (window->padding[axis] > reach(window, axis) / 2)
            return error_set(err, ERROR_ARGUMENT,
                             "padding: expected at most half the kernel, %zu here, got %zu",
                             reach(window, axis) / 2, window->padding[axis]);
    return true;
}

bool window_configure(Window *window, Layer *layer, Error *err) {
    char text[64];
    if (window->stride[0] == 0)
        memcpy(window->stride, window->kernel, sizeof window->stride);
    if (!layer_wants_image(layer, err) || !check_padding(window, err))
        return false;
    size_t height = layer->in.height, width = layer->in.width;
    layer->out.height = count_windows(window, 0, height);
    layer->out.width = count_windows(window, 1, width);
    if (layer->out.height == 0 || layer->out.width == 0)
        return error_set(err, ERROR_ARGUMENT, "a kernel of %zu x %zu is larger than the input %s",
                         reach(window, 0), reach(window, 1), shape_text(layer->in, text));
    return (see_something(window, 0, height, layer->out.height) &&
            see_something(window, 1, width, layer->out.width)) ||
           error_set(err, ERROR_ARGUMENT, "a window over the input %s sees nothing but padding",
                     shape_text(layer->in, text));
}
