/* What networks are made of, as functions of arrays: softmax and its logarithm, linear, conv2d,
 * maxpool, onehot. */
#include "bind/bind_array.h"
#include "bind/bind_fields.h"
#include "bind/bind_grad.h"

#include "core/array_conv.h"
#include "core/array_create.h"
#include "core/array_linalg.h"
#include "core/array_pool.h"
#include "core/array_softmax.h"

#include <string.h>

/* x and the axis, which is told. */
static const Array *check_axis(lua_State *L, int *axis) {
    const Array *x = bind_array_input(L, 1);
    if (x->ndim == 0)
        bind_expected(L, 1, bind_where(L), "x", "an array of one axis at least");
    *axis = bind_array_axis(L, 2, x, x->ndim - 1);
    bind_tell(L, axis, sizeof *axis);
    return x;
}

int bind_array_softmax(lua_State *L) {
    int axis;
    const Array *x = check_axis(L, &axis);
    BIND_ARRAY_RETURN(L, array_softmax(x, axis, &err));
}

static int log_softmax(lua_State *L) {
    int axis;
    const Array *x = check_axis(L, &axis);
    BIND_ARRAY_RETURN(L, array_log_softmax(x, axis, &err));
}

/* The classes at arg: a list of labels, or n for 0 … n − 1. */
static const Array *check_classes(lua_State *L, int arg) {
    if (lua_type(L, arg) != LUA_TNUMBER)
        return bind_to_array(L, arg, "onehot", "classes", DTYPE_I32);
    lua_Integer count = bind_integer(L, arg, "onehot", "classes", 1, INT32_MAX);
    Range range = { 0, (double)count, 1 };
    BIND_ARRAY_PUSH(L, array_arange(DTYPE_I32, &range, &err));
    return bind_test_array(L, -1);
}

/* onehot(labels, classes, {dtype=}). */
static int onehot(lua_State *L) {
    char text[128];
    lua_settop(L, 3);
    ArrayOptions options = bind_array_options(L, 3, bind_here(L)->options->field);
    DType dtype = array_options_dtype(&options, DTYPE_F32);
    const Array *labels = bind_to_array(L, 1, "onehot", "labels", DTYPE_I32);
    if (lua_isnoneornil(L, 2))
        return bind_expected(L, 2, "onehot", "classes",
                             "a list of labels (a dataset's or model's classes), or how many "
                             "there are from 0 on");
    const Array *classes = check_classes(L, 2);
    if (classes->ndim != 1)
        return bind_error(L, "onehot: classes: expected a list of labels, got shape %s",
                          array_shape_text(classes->ndim, classes->shape, text));
    BIND_ARRAY_RETURN(L, array_onehot(labels, classes, dtype, &err));
}

/* The bias at 3, which may be nil. */
static const Array *check_bias(lua_State *L) {
    return lua_isnoneornil(L, 3) ? NULL : bind_array_input(L, 3);
}

/* linear(x, weight [, bias]). */
static int linear(lua_State *L) {
    const Array *x = bind_array_input(L, 1), *weight = bind_array_input(L, 2);
    const Array *bias = check_bias(L);
    BIND_ARRAY_RETURN(L, array_linear(x, weight, bias, &err));
}

/* conv2d(x, weight [, bias], {stride=, padding=}). */
static int conv2d(lua_State *L) {
    ArrayOptions options = bind_array_axis_options(L, 3, bind_here(L)->options->field);
    Convolution conv = { .x = bind_array_input(L, 1), .weight = bind_array_input(L, 2) };
    conv.bias = check_bias(L);
    memcpy(conv.stride, options.stride[0] ? options.stride : (size_t[]){ 1, 1 },
           sizeof conv.stride);
    memcpy(conv.padding, options.padding, sizeof conv.padding);
    bind_tell(L, &conv, sizeof conv);
    BIND_ARRAY_RETURN(L, array_conv2d(&conv, &err));
}

/* maxpool(x, {kernel=, stride=}), maxpool(x, kernel). */
static int maxpool(lua_State *L) {
    const Array *x = bind_array_input(L, 1);
    PoolWindow window;
    ArrayOptions options = array_options_initial;
    if (lua_type(L, 2) == LUA_TNUMBER) {
        lua_createtable(L, 0, 1);
        lua_pushvalue(L, 2);
        lua_setfield(L, -2, "kernel");
        lua_replace(L, 2);
    }
    bind_fields(L, 2, "maxpool", bind_here(L)->options->field, &options);
    memcpy(window.kernel, options.kernel, sizeof window.kernel);
    memcpy(window.stride, options.stride[0] ? options.stride : options.kernel,
           sizeof window.stride);
    bind_tell(L, &window, sizeof window);
    BIND_ARRAY_RETURN(L, array_maxpool(x, &window, &err));
}

const BindFunction bind_array_layer_functions[] = {
    BIND("softmax", bind_array_softmax, 2),
    BIND("log_softmax", log_softmax, 2),
    BIND_WITH("onehot", onehot, 3, ARRAY_OPTIONS(array_create_fields)),
    BIND("linear", linear, 3),
    BIND_WITH("conv2d", conv2d, 4, ARRAY_OPTIONS(array_conv_fields)),
    BIND_WITH("maxpool", maxpool, 2, ARRAY_OPTIONS(array_pool_fields)),
    BIND_LAST,
};
