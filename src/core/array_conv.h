/* array_conv.h — convolution of images, and its gradients.
 *
 *     y[s][o][i][j] = bias[o] + Σ_{c, p, q} weight[o][c][p][q] · x[s][c][i·stride + p −
 * padding][j·…]
 *
 * x (n, c, h, w), or one image (c, h, w); weight (o, c, kh, kw), PyTorch's layout; bias (o), or
 * NULL; y (n, o, (h + 2·padding − kh) / stride + 1, …), or without n. Types by the rule of
 * array_types.h; int32 is computed in double and gives f64. Patches of some samples at a time are
 * laid side by side as a matrix, and BLAS multiplies; samples are shared among the workers in
 * pieces that follow from the shapes, so that any number of threads gives the same bits. */
#ifndef PERIGEE_CORE_ARRAY_CONV_H
#define PERIGEE_CORE_ARRAY_CONV_H

#include "core/types.h"

#include <stddef.h>

typedef struct Convolution {
    const Array *x, *weight, *bias;
    size_t stride[2], padding[2]; /* downwards, to the right; strides of 1 at least */
} Convolution;

Array *array_conv2d(const Convolution *conv, Error *err);

/* The gradients of Σ y·dy with respect to x and to the weight, of their shapes; dy has y's shape.
 * (The bias's is the sum of dy along the other axes.) */
Array *array_conv2d_pull_x(const Convolution *conv, const Array *dy, Error *err);
Array *array_conv2d_pull_weight(const Convolution *conv, const Array *dy, Error *err);

#endif
