/* array_conv_shapes.c — the sizes of a convolution, and how its work is cut. */
#include "core/array.h"
#include "core/array_conv.h"
#include "core/array_conv_inside.h"
#include "core/array_shape.h"
#include "core/fail.h"

#include <string.h>

/* A patch matrix has about so many elements, which the second-level cache holds, and rows, for
 * which BLAS is fast; a LARGE map has as many of its own. A batch is cut into so many items at
 * least. */
enum { ELEMENTS = 1 << 16, FEWEST = 128, MOST = 1024, LARGE = 64, ITEMS = 16 };

/* How often a window fits, or 0. */
static size_t fits(const Plan *p, size_t in, size_t kernel, int axis) {
    size_t wide = in + 2 * p->padding[axis];
    return kernel > 0 && wide >= kernel ? (wide - kernel) / p->stride[axis] + 1 : 0;
}

static bool refuse_shapes(const Convolution *conv, Error *err) {
    const Array *x = conv->x, *weight = conv->weight, *bias = conv->bias;
    char first[128], second[128];
    array_shape_text(x->ndim, x->shape, first);
    array_shape_text(weight->ndim, weight->shape, second);
    if ((x->ndim != 3 && x->ndim != 4) || weight->ndim != 4 ||
        x->shape[x->ndim - 3] != weight->shape[1])
        return error_set(err, ERROR_ARGUMENT,
                         "conv2d: x %s and weight %s: expected (n, c, h, w) or (c, h, w), and "
                         "(out, c, kh, kw)",
                         first, second);
    if (bias && (bias->ndim != 1 || bias->shape[0] != weight->shape[0]))
        return error_set(err, ERROR_ARGUMENT, "conv2d: bias %s and weight %s: expected (%zu,)",
                         array_shape_text(bias->ndim, bias->shape, first), second,
                         weight->shape[0]);
    return true;
}

/* Cut by the shapes alone. */
static void cut(Plan *p) {
    size_t rows = p->depth ? ELEMENTS / p->depth : MOST;
    rows = rows < FEWEST ? FEWEST : least(rows, MOST);
    p->group = least(rows / p->pixels, p->n / ITEMS);
    p->group = p->group ? p->group : 1;
    p->band = p->oh;
    p->large = p->pixels >= LARGE;
    if (p->group == 1 && p->pixels > rows)
        p->band = p->ow < rows ? rows / p->ow : 1;
}

bool conv_plan(const Convolution *conv, Plan *p, Error *err) {
    const Array *x = conv->x, *weight = conv->weight;
    char first[128], second[128];
    if (!refuse_shapes(conv, err))
        return false;
    const size_t *image = x->shape + x->ndim - 3;
    *p = (Plan){ .where = "conv2d",
                 .n = x->ndim == 4 ? x->shape[0] : 1,
                 .c = image[0],
                 .h = image[1],
                 .w = image[2],
                 .o = weight->shape[0],
                 .kh = weight->shape[2],
                 .kw = weight->shape[3] };
    memcpy(p->stride, conv->stride, sizeof p->stride);
    memcpy(p->padding, conv->padding, sizeof p->padding);
    p->dtype = array_common_dtype((const Array *[]){ x, weight, conv->bias ? conv->bias : x }, 3);
    p->dtype = result_dtype(RESULT_FLOAT, p->dtype);
    p->size = dtype_size(p->dtype);
    p->oh = fits(p, p->h, p->kh, 0);
    p->ow = fits(p, p->w, p->kw, 1);
    if (p->oh == 0 || p->ow == 0)
        return error_set(err, ERROR_ARGUMENT,
                         "conv2d: the kernel of weight %s does not fit into x %s with a padding of "
                         "(%zu, %zu)",
                         array_shape_text(weight->ndim, weight->shape, first),
                         array_shape_text(x->ndim, x->shape, second), p->padding[0], p->padding[1]);
    p->pixels = p->oh * p->ow;
    p->depth = p->c * p->kh * p->kw;
    cut(p);
    return true;
}

/* The shape of x with other channels, height and width. */
Sizes conv_output_shape(const Convolution *conv, const Plan *p) {
    Sizes shape = array_sizes(conv->x);
    size_t *image = shape.size + shape.ndim - 3;
    image[0] = p->o;
    image[1] = p->oh;
    image[2] = p->ow;
    return shape;
}

bool conv_check_slope(const Convolution *conv, const Plan *p, const Array *dy, Error *err) {
    char first[128], second[128];
    Sizes shape = conv_output_shape(conv, p);
    Array y = { .ndim = shape.ndim };
    memcpy(y.shape, shape.size, sizeof y.shape);
    return array_same_shape(&y, dy) ||
           error_set(err, ERROR_ARGUMENT, "conv2d: a gradient of shape %s for an output of %s",
                     array_shape_text(dy->ndim, dy->shape, first),
                     array_shape_text(y.ndim, y.shape, second));
}
