/* Reductions and percentiles: whole arrays to Lua numbers, axes to arrays. */
#include "bind/bind_array.h"
#include "bind/bind_grad.h"

#include "core/array_quantile.h"
#include "core/array_reduce.h"
#include "core/error.h"
#include "core/nan.h"
#include "grad/node.h"

#include <math.h>
#include <string.h>

/* An axis, {axes} or nil at arg. Answers whether an axis was given. */
static bool check_axes(lua_State *L, int arg, const Array *a, bool along[ARRAY_MAX_DIMS]) {
    if (lua_istable(L, arg)) {
        bind_array_list_options(L, arg, NULL);
        lua_Integer n = (lua_Integer)lua_rawlen(L, arg);
        for (lua_Integer i = 1; i <= n; i++) {
            lua_rawgeti(L, arg, i);
            along[bind_array_axis(L, -1, a, 0)] = true;
            lua_pop(L, 1);
        }
    } else if (!lua_isnil(L, arg)) {
        along[bind_array_axis(L, arg, a, 0)] = true;
    }
    return !lua_isnil(L, arg);
}

static Reduction check_order(lua_State *L, double order) {
    if (order != 1 && order != 2 && order != HUGE_VAL)
        bind_error(L, "norm: ord: expected 1, 2 or math.huge, got %f", nan_unsigned(order));
    return order == 1 ? REDUCE_NORM1 : order == 2 ? REDUCE_NORM2 : REDUCE_NORM_INF;
}

/* The whole array as a Lua value: an integer of int32, true or false where masks are made. */
static int push_whole(lua_State *L, const Array *a, const Reduce *what) {
    double value;
    BIND_TRY(L, array_reduce_all(a, what, &value, &err));
    ResultKind kind = reduction_result(what->reduction);
    if (kind == RESULT_MASK)
        lua_pushboolean(L, value != 0);
    else
        bind_array_push_number(L, value, result_dtype(kind, a->dtype));
    return 1;
}

static int reduce(lua_State *L) {
    const BindFunction *here = bind_here(L);
    const Array *a = bind_array_input(L, 1);
    ArrayOptions options = bind_array_axis_options(L, 2, here->options->field);
    Reduce what = { .reduction = *(const Reduction *)here->data,
                    .keepdims = options.keepdims,
                    .ddof = options.ddof };
    if (here->options->field == array_norm_fields)
        what.reduction = check_order(L, options.ord);
    bool given = check_axes(L, 2, a, what.along);
    bind_tell(L, &what, sizeof what);
    if (!given && !what.keepdims)
        return push_whole(L, a, &what);
    BIND_ARRAY_RETURN(L, array_reduce(a, &what, &err));
}

/* argmin and argmax: a 1-based position, over all elements one of the flattened array. */
static int arg_extreme(lua_State *L) {
    const Array *a = bind_array_input(L, 1);
    ArrayOptions options = bind_array_axis_options(L, 2, bind_here(L)->options->field);
    ExtremePlace what = { .greatest = bind_here(L)->data != NULL,
                          .axis = bind_array_axis(L, 2, a, -1),
                          .keepdims = options.keepdims,
                          .origin = 1 };
    BIND_ARRAY_PUSH(L, array_arg_extreme(a, &what, &err));
    if (what.axis < 0 && !what.keepdims)
        lua_pushinteger(L, *array_i32(bind_test_array(L, -1)));
    return 1;
}

/* A copy, for the way back (grad/node.h). */
static void tell_quantile(lua_State *L, const Quantile *what) {
    size_t bytes = what->count * sizeof *what->p;
    if (!bind_records(L))
        return;
    ToldQuantile *told = lua_newuserdatauv(L, sizeof *told + bytes, 0);
    told->what = *what;
    memcpy(told->p, what->p, bytes);
    bind_tell(L, told, sizeof *told + bytes);
    lua_pop(L, 1);
}

/* Percentiles of x along the axes at `arg`, the options behind; of the whole, a number. */
static int quantile(lua_State *L, int arg, Quantile *what) {
    const Array *a = bind_test_array(L, 1);
    what->where = bind_where(L);
    bool given = check_axes(L, arg, a, what->along);
    tell_quantile(L, what);
    BIND_ARRAY_PUSH(L, array_quantile(a, what, &err));
    const Array *out = bind_test_array(L, -1);
    if (!given && !what->several && !what->keepdims)
        bind_array_push_number(L, array_get(out, (size_t[ARRAY_MAX_DIMS]){ 0 }), out->dtype);
    return 1;
}

/* median(x, axis, options). */
static int median(lua_State *L) {
    static const double half = 50;
    bind_array_input(L, 1);
    ArrayOptions options = bind_array_axis_options(L, 2, bind_here(L)->options->field);
    return quantile(L, 2, &(Quantile){ .p = &half, .count = 1, .keepdims = options.keepdims });
}

/* percentile(x, p | {p, …}, axis, options). */
static int percentile(lua_State *L) {
    char text[128];
    bind_array_input(L, 1);
    ArrayOptions options = bind_array_axis_options(L, 3, bind_here(L)->options->field);
    const Array *p = bind_to_array(L, 2, "percentile", "p", DTYPE_F64);
    if (p->ndim > 1)
        bind_error(L, "percentile: p: expected a number or a list of numbers, got shape %s",
                   array_shape_text(p->ndim, p->shape, text));
    return quantile(L, 3,
                    &(Quantile){ .p = array_f64(p),
                                 .count = array_size(p),
                                 .several = p->ndim == 1,
                                 .keepdims = options.keepdims });
}

#define ALONG(user, function, what, fields)                                                        \
    { user, function, .most = 3, .data = what, .options = ARRAY_OPTIONS(array_##fields##_fields) }
#define REDUCE(user, reduction, fields)                                                            \
    ALONG(user, reduce, (&(const Reduction){ REDUCE_##reduction }), fields)

/* clang-format off */
const BindFunction bind_array_reduce_functions[] = {
    REDUCE("sum", SUM, reduce), REDUCE("prod", PROD, reduce), REDUCE("mean", MEAN, reduce),
    REDUCE("var", VAR, deviation), REDUCE("std", STD, deviation), REDUCE("norm", NORM2, norm),
    REDUCE("min", MIN, reduce), REDUCE("max", MAX, reduce), REDUCE("any", ANY, reduce),
    REDUCE("all", ALL, reduce), REDUCE("count_nonzero", COUNT, reduce), REDUCE("logsumexp", LOGSUMEXP, reduce),
    ALONG("argmin", arg_extreme, NULL, reduce), ALONG("argmax", arg_extreme, "greatest", reduce),
    BIND_WITH("median", median, 3, ARRAY_OPTIONS(array_reduce_fields)),
    BIND_WITH("percentile", percentile, 4, ARRAY_OPTIONS(array_reduce_fields)),
    BIND_LAST,
};
/* clang-format on */
