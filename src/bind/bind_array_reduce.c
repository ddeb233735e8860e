/* Reductions: whole arrays to Lua numbers, axes to arrays. */
#include "bind/bind_array.h"
#include "bind/bind_array_parts.h"
#include "bind/bind_array_table.h"

#include "core/array_reduce.h"
#include "core/error.h"

#include <math.h>

static const char *const plain_options[] = { "keepdims", NULL };
static const char *const deviation_options[] = { "keepdims", "ddof", NULL };
static const char *const norm_options[] = { "keepdims", "ord", NULL };

/* f(x, axis | {axes} | nil, options). Answers whether an axis was given; the options are at 3
 * afterwards. */
static bool check_axes(lua_State *L, const Array *a, const char *const *valid, Reduce *what) {
    static const char *const none[] = { NULL };
    bind_array_axis_options(L, valid);
    what->keepdims = bind_opt_boolean(L, 3, bind_array_name(L), "keepdims", false);
    if (lua_istable(L, 2)) {
        bind_options_list(L, 2, bind_array_name(L), none);
        lua_Integer n = (lua_Integer)lua_rawlen(L, 2);
        for (lua_Integer i = 1; i <= n; i++) {
            lua_rawgeti(L, 2, i);
            what->along[bind_array_axis(L, -1, a, 0)] = true;
            lua_pop(L, 1);
        }
    } else if (!lua_isnil(L, 2)) {
        what->along[bind_array_axis(L, 2, a, 0)] = true;
    }
    return !lua_isnil(L, 2);
}

/* The option ord: 1, 2, math.huge. */
static Reduction check_order(lua_State *L) {
    double order = 2;
    if (bind_opt_push(L, 3, "ord") != LUA_TNIL)
        order = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
    if (order != 1 && order != 2 && order != HUGE_VAL)
        bind_expected(L, -1, "norm", "ord", "1, 2 or math.huge");
    lua_pop(L, 1);
    return order == 1 ? REDUCE_NORM1 : order == 2 ? REDUCE_NORM2 : REDUCE_NORM_INF;
}

/* The whole array as a Lua value: an integer of int32, true or false where masks are made. */
static int push_whole(lua_State *L, const Array *a, const Reduce *what) {
    double value;
    BIND_ARRAY_TRY(L, array_reduce_all(a, what, &value, &err));
    ResultKind kind = reduction_result(what->reduction);
    if (kind == RESULT_MASK)
        lua_pushboolean(L, value != 0);
    else
        bind_array_push_number(L, value, result_dtype(kind, a->dtype));
    return 1;
}

typedef struct Entry {
    Reduction reduction;
    const char *const *options;
} Entry;

static int reduce(lua_State *L) {
    const Entry *e = bind_here(L)->data;
    const Array *a = bind_array_input(L, 1);
    Reduce what = { .reduction = e->reduction };
    bool given = check_axes(L, a, e->options, &what);
    if (e->options == norm_options)
        what.reduction = check_order(L);
    if (e->options == deviation_options)
        what.ddof = bind_opt_number(L, 3, bind_array_name(L), "ddof", 0, HUGE_VAL, 0);
    if (!given && !what.keepdims)
        return push_whole(L, a, &what);
    BIND_ARRAY_RETURN(L, array_reduce(a, &what, &err));
}

/* argmin and argmax: a 1-based position, over all elements one of the flattened array. */
static int arg_extreme(lua_State *L) {
    const Array *a = bind_array_input(L, 1);
    bind_array_axis_options(L, plain_options);
    ExtremePlace what = { .greatest = bind_here(L)->data != NULL,
                          .axis = bind_array_axis(L, 2, a, -1),
                          .keepdims = bind_opt_boolean(L, 3, bind_array_name(L), "keepdims", false),
                          .origin = 1 };
    BIND_ARRAY_PUSH(L, array_arg_extreme(a, &what, &err));
    if (what.axis < 0 && !what.keepdims)
        lua_pushinteger(L, *array_i32(bind_test_array(L, -1)));
    return 1;
}

#define REDUCE(name, reduction, options)                                                           \
    BIND_AS(name, reduce, 3, (&(const Entry){ REDUCE_##reduction, options##_options }))

/* clang-format off */
const BindFunction bind_array_reduce_functions[] = {
    REDUCE("sum", SUM, plain), REDUCE("prod", PROD, plain), REDUCE("mean", MEAN, plain),
    REDUCE("var", VAR, deviation), REDUCE("std", STD, deviation), REDUCE("norm", NORM2, norm),
    REDUCE("min", MIN, plain), REDUCE("max", MAX, plain), REDUCE("any", ANY, plain),
    REDUCE("all", ALL, plain), REDUCE("count_nonzero", COUNT, plain),
    BIND("argmin", arg_extreme, 3), BIND_AS("argmax", arg_extreme, 3, "greatest"), BIND_LAST,
};
/* clang-format on */
