#include "grad/operations.h"

#include "grad/slopes.h"

#include <string.h>

/* clang-format off */
#define PULL(name, inputs, keeps, pull) { name, inputs, keeps, pull, NULL, NULL },
#define CONSTANT(name) { name, 0, KEEPS_NOTHING, NULL, NULL, NULL },
#define SLOPE(name, inputs, keeps) { #name, inputs, keeps, pull_slope, slope_##name, NULL },

static const Operation operations[] = {
    /* Elementwise: slopes.h has the slopes. */
    SLOPE(add, 2, KEEPS_NOTHING) SLOPE(sub, 2, KEEPS_NOTHING) SLOPE(mul, 2, KEEPS_OTHERS)
    SLOPE(div, 2, KEEPS_X | KEEPS_Y) SLOPE(pow, 2, KEEPS_X | KEEPS_Y) SLOPE(mod, 2, KEEPS_X)
    SLOPE(maximum, 2, KEEPS_X) SLOPE(minimum, 2, KEEPS_X)
    SLOPE(where, 3, KEEPS_X) SLOPE(clip, 3, KEEPS_X)
    SLOPE(neg, 1, KEEPS_NOTHING) SLOPE(abs, 1, KEEPS_X) SLOPE(square, 1, KEEPS_X)
    SLOPE(sqrt, 1, KEEPS_Y) SLOPE(exp, 1, KEEPS_Y) SLOPE(expm1, 1, KEEPS_Y)
    SLOPE(log, 1, KEEPS_X) SLOPE(log1p, 1, KEEPS_X) SLOPE(log2, 1, KEEPS_X)
    SLOPE(log10, 1, KEEPS_X) SLOPE(sin, 1, KEEPS_X) SLOPE(cos, 1, KEEPS_X)
    SLOPE(tan, 1, KEEPS_Y) SLOPE(tanh, 1, KEEPS_Y) SLOPE(relu, 1, KEEPS_Y)
    SLOPE(sigmoid, 1, KEEPS_Y) SLOPE(softplus, 1, KEEPS_Y)

    /* Reductions and running sums: the binding tells its Reduce, cumsum's an axis. */
    PULL("sum", 1, KEEPS_NOTHING, pull_sum) PULL("mean", 1, KEEPS_NOTHING, pull_mean)
    PULL("prod", 1, KEEPS_X, pull_prod)
    PULL("var", 1, KEEPS_X, pull_deviation) PULL("std", 1, KEEPS_X | KEEPS_Y, pull_deviation)
    PULL("min", 1, KEEPS_X | KEEPS_Y, pull_extreme) PULL("max", 1, KEEPS_X | KEEPS_Y, pull_extreme)
    PULL("norm", 1, KEEPS_X | KEEPS_Y, pull_norm)
    PULL("logsumexp", 1, KEEPS_X | KEEPS_Y, pull_logsumexp)
    PULL("cumsum", 1, KEEPS_NOTHING, pull_cumsum)

    /* The same elements in another shape or order: transpose's axes, slices, positions, an order,
     * an axis are told. */
    PULL("reshape", 1, KEEPS_NOTHING, pull_reshape) PULL("flatten", 1, KEEPS_NOTHING, pull_reshape)
    PULL("squeeze", 1, KEEPS_NOTHING, pull_reshape)
    PULL("expand_dims", 1, KEEPS_NOTHING, pull_reshape)
    PULL("transpose", 1, KEEPS_NOTHING, pull_transpose)
    PULL("broadcast_to", 1, KEEPS_NOTHING, pull_same)
    PULL("copy", 1, KEEPS_NOTHING, pull_same) PULL("astype", 1, KEEPS_NOTHING, pull_same)
    PULL("new", 1, KEEPS_NOTHING, pull_same)
    PULL("slice", 1, KEEPS_NOTHING, pull_slice) PULL("at", 1, KEEPS_NOTHING, pull_slice)
    PULL("take", 1, KEEPS_NOTHING, pull_chosen) PULL("compress", 1, KEEPS_NOTHING, pull_chosen)
    PULL("concatenate", 0, KEEPS_NOTHING, pull_concatenate)
    PULL("stack", 0, KEEPS_NOTHING, pull_stack)
    PULL("sort", 1, KEEPS_X, pull_sort)

    /* Products. */
    PULL("matmul", 2, KEEPS_OTHERS, pull_matmul) PULL("dot", 2, KEEPS_OTHERS, pull_matmul)
    PULL("outer", 2, KEEPS_OTHERS, pull_outer)

    /* Models: models.h makes what their way back needs. */
    { "scores", 0, KEEPS_NOTHING, pull_scores, NULL, forget_scores },
    { "forward", 0, KEEPS_NOTHING, pull_layers, NULL, forget_layers },
    { "layer_scores", 0, KEEPS_NOTHING, pull_rows, NULL, forget_rows },

    /* What networks are made of: an axis, strides and paddings, a window are told. */
    PULL("softmax", 1, KEEPS_Y, pull_softmax)
    PULL("log_softmax", 1, KEEPS_Y, pull_log_softmax) PULL("linear", 3, KEEPS_OTHERS, pull_linear)
    PULL("conv2d", 3, KEEPS_OTHERS, pull_conv2d) PULL("maxpool", 1, KEEPS_X, pull_maxpool)

    /* By place or rank: positions, a diagonal, a ToldQuantile are told. */
    PULL("gather", 1, KEEPS_NOTHING, pull_gather) PULL("diag", 1, KEEPS_NOTHING, pull_diag)
    PULL("median", 1, KEEPS_X, pull_quantile) PULL("percentile", 1, KEEPS_X, pull_quantile)

    /* Matrices; svd tells whether all of its vectors were asked for. */
    PULL("solve", 2, KEEPS_X | KEEPS_Y, pull_solve) PULL("inv", 1, KEEPS_Y, pull_inv)
    PULL("eigh", 1, KEEPS_Y, pull_eigh) PULL("svd", 1, KEEPS_Y, pull_svd)

    /* What does not change with its inputs, or in steps alone. */
    CONSTANT("eq") CONSTANT("ne") CONSTANT("lt") CONSTANT("le") CONSTANT("gt") CONSTANT("ge")
    CONSTANT("logical_and") CONSTANT("logical_or") CONSTANT("logical_xor") CONSTANT("logical_not")
    CONSTANT("truth") CONSTANT("isnan") CONSTANT("isinf") CONSTANT("isfinite")
    CONSTANT("sign") CONSTANT("floor") CONSTANT("ceil") CONSTANT("round") CONSTANT("trunc")
    CONSTANT("idiv") CONSTANT("onehot") CONSTANT("any") CONSTANT("all") CONSTANT("count_nonzero")
    CONSTANT("nonzero") CONSTANT("argmin") CONSTANT("argmax") CONSTANT("argsort")
    CONSTANT("zeros_like") CONSTANT("ones_like") CONSTANT("full_like")
    CONSTANT("equal") CONSTANT("allclose") CONSTANT("item")
    CONSTANT("predict")
};
/* clang-format on */

const Operation *operation_at(size_t i) {
    return i < sizeof operations / sizeof *operations ? &operations[i] : NULL;
}

const Operation *operation_find(const char *name) {
    const Operation *operation;
    for (size_t i = 0; (operation = operation_at(i)) && strcmp(operation->name, name) != 0; i++)
        ;
    return operation;
}
