/* pull_linalg.c — the way back through products of vectors and matrices. */
#include "core/array.h"
#include "core/array_linalg.h"
#include "core/array_math.h"
#include "core/array_shape.h"
#include "core/fail.h"
#include "grad/operations.h"

/* With the last two axes exchanged: a view. */
static Array *turned(const Array *a, Error *err) {
    int axes[ARRAY_MAX_DIMS];
    for (int d = 0; d < a->ndim; d++)
        axes[d] = d;
    axes[a->ndim - 2] = a->ndim - 1;
    axes[a->ndim - 1] = a->ndim - 2;
    return array_transpose("grad", a, axes, err);
}

/* a · b, both taken over. */
static Array *product(Array *a, Array *b, Error *err) {
    Array *made = a && b ? array_matmul(a, b, err) : NULL;
    array_free(a);
    array_free(b);
    return made;
}

/* y = a · b of matrices, or stacks of them: da = dy · bᵀ, db = aᵀ · dy. A vector on the left was a
 * row, one on the right a column. */
static Array *matrix_share(const Pull *pull, Error *err) {
    bool row = pull->node->input[0].form.sizes.ndim == 1;
    bool column = pull->node->input[1].form.sizes.ndim == 1;
    const Array *other = pull_x(pull, 1 - pull->k);
    Array *tall =
        column ? array_expand_dims(pull->dy, pull->dy->ndim, err) : array_share(pull->dy, err);
    Array *dy = !tall ? NULL
                : row ? array_expand_dims(tall, tall->ndim - 1, err)
                      : array_share(tall, err);
    array_free(tall);
    bool vector = other->ndim == 1;
    Array *matrix = !dy       ? NULL
                    : !vector ? array_share(other, err)
                              : array_expand_dims(other, pull->k == 0 ? 1 : 0, err);
    Array *factor = matrix ? turned(matrix, err) : NULL;
    array_free(matrix);
    return pull->k == 0 ? product(dy, factor, err) : product(factor, dy, err);
}

/* Without the axis of 1 that the vector's matrix had, so that broadcast axes can be summed. */
static Array *as_vector(const Pull *pull, Array *dx, Error *err) {
    if (!dx || pull_input(pull)->form.sizes.ndim != 1)
        return dx;
    Array *vector = array_squeeze(dx, pull->k == 0 ? dx->ndim - 2 : dx->ndim - 1, err);
    array_free(dx);
    return vector;
}

/* matmul and dot, which of two vectors gives a number. */
bool pull_matmul(const Pull *pull, Error *err) {
    bool vectors =
        pull->node->input[0].form.sizes.ndim == 1 && pull->node->input[1].form.sizes.ndim == 1;
    if (vectors)
        return pull_give(pull, array_binary("mul", pull_x(pull, 1 - pull->k), pull->dy, err), err);
    return pull_give(pull, as_vector(pull, matrix_share(pull, err), err), err);
}

/* y[i, j] = a[i] b[j] of the flattened: da = dy · b, db = dyᵀ · a. */
bool pull_outer(const Pull *pull, Error *err) {
    const Sizes flat = { 1, { SIZE_REST } };
    Array *dy = pull->k == 0 ? array_share(pull->dy, err) : turned(pull->dy, err);
    Array *other = dy ? array_reshape("grad", pull_x(pull, 1 - pull->k), &flat, err) : NULL;
    Array *line = dy ? product(dy, other, err) : NULL;
    Array *dx = line ? array_reshape("grad", line, &pull_input(pull)->form.sizes, err) : NULL;
    array_free(line);
    return pull_give(pull, dx, err);
}
