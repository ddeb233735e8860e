/* pull_layers.c — the way back through what networks are made of, and through what picks elements
 * by their place or rank. */
#include "core/array.h"
#include "core/array_conv.h"
#include "core/array_create.h"
#include "core/array_index.h"
#include "core/array_linalg.h"
#include "core/array_pool.h"
#include "core/array_quantile.h"
#include "core/array_reduce.h"
#include "core/array_shape.h"
#include "core/array_softmax.h"
#include "core/fail.h"
#include "grad/operations.h"

#include <string.h>

/* The attribute is the axis. */
bool pull_softmax(const Pull *pull, Error *err) {
    int axis = *(const int *)pull->node->attributes;
    return pull_give(pull, array_softmax_pull(pull_y(pull), pull->dy, axis, err), err);
}

bool pull_log_softmax(const Pull *pull, Error *err) {
    int axis = *(const int *)pull->node->attributes;
    return pull_give(pull, array_log_softmax_pull(pull_y(pull), pull->dy, axis, err), err);
}

/* ---- y = x · weightᵀ + bias ------------------------------------------------------------------ */

/* As a matrix whose rows are the last axis. */
static Array *rows_of(const Array *a, Error *err) {
    size_t columns = a->shape[a->ndim - 1], rows = 1;
    for (int d = 0; d < a->ndim - 1; d++)
        rows *= a->shape[d];
    return array_reshape("grad", a, &(Sizes){ 2, { rows, columns } }, err);
}

/* dyᵀ · x, over all rows. */
static Array *weight_share(const Pull *pull, Error *err) {
    Array *dy = rows_of(pull->dy, err);
    Array *turned = dy ? array_transpose("grad", dy, NULL, err) : NULL;
    Array *x = turned ? rows_of(pull_x(pull, 0), err) : NULL;
    Array *dw = x ? array_matmul(turned, x, err) : NULL;
    array_free(x);
    array_free(turned);
    array_free(dy);
    return dw;
}

bool pull_linear(const Pull *pull, Error *err) {
    if (pull->k == 0)
        return pull_give(pull, array_matmul(pull->dy, pull_x(pull, 1), err), err);
    return pull_give(pull, pull->k == 1 ? weight_share(pull, err) : array_share(pull->dy, err),
                     err);
}

/* ---- Images ---------------------------------------------------------------------------------- */

/* An input, of whose numbers nothing may be kept. */
static Array header_of(const NodeInput *input) {
    Array header = { .dtype = input->form.dtype };
    array_set_shape(&header, &input->form.sizes);
    return input->value ? *input->value : header;
}

/* The sums of dy for each channel. */
static Array *bias_share(const Pull *pull, Error *err) {
    Reduce what = { .reduction = REDUCE_SUM };
    for (int d = 0; d < pull->dy->ndim; d++)
        what.along[d] = d != pull->dy->ndim - 3;
    return array_reduce(pull->dy, &what, err);
}

/* The attributes are a Convolution's strides and paddings. */
bool pull_conv2d(const Pull *pull, Error *err) {
    Convolution conv = *(const Convolution *)pull->node->attributes;
    Array x = header_of(&pull->node->input[0]), weight = header_of(&pull->node->input[1]);
    conv.x = &x;
    conv.weight = &weight;
    conv.bias = NULL;
    return pull_give(pull,
                     pull->k == 0   ? array_conv2d_pull_x(&conv, pull->dy, err)
                     : pull->k == 1 ? array_conv2d_pull_weight(&conv, pull->dy, err)
                                    : bias_share(pull, err),
                     err);
}

/* The attributes are a PoolWindow. */
bool pull_maxpool(const Pull *pull, Error *err) {
    const PoolWindow *window = pull->node->attributes;
    return pull_give(pull, array_maxpool_pull(pull_x(pull, 0), pull->dy, window, err), err);
}

/* ---- Elements by their place or rank --------------------------------------------------------- */

bool pull_gather(const Pull *pull, Error *err) {
    const Chosen *chosen = pull->node->attributes;
    Places places = { chosen->axis, chosen->position, chosen->count };
    const Sizes *sizes = &pull_input(pull)->form.sizes;
    return pull_give(pull, array_gather_pull(pull->dy, sizes, &places, err), err);
}

/* The attribute is the number of the diagonal. */
bool pull_diag(const Pull *pull, Error *err) {
    int k = *(const int *)pull->node->attributes;
    const Sizes *sizes = &pull_input(pull)->form.sizes;
    return pull_give(pull,
                     sizes->ndim == 1 ? array_diag(pull->dy, k, err)
                                      : array_diag_matrix(pull->dy, sizes->size, k, err),
                     err);
}

bool pull_quantile(const Pull *pull, Error *err) {
    const ToldQuantile *told = pull->node->attributes;
    Quantile what = told->what;
    what.where = pull->node->operation->name;
    what.p = told->p;
    return pull_give(pull, array_quantile_pull(pull_x(pull, 0), pull->dy, &what, err), err);
}
