/* Reductions: whole arrays to Lua numbers, axes to arrays. */
#include "bind/bind_array.h"

#include "core/array_reduce.h"

#include <math.h>
#include <string.h>

/* ---- Axes and options ------------------------------------------------------------------------ */

static int axis_of(lua_State *L, lua_Integer axis, const char *where, const Array *a) {
    lua_Integer place = axis < 0 ? a->ndim + axis : axis - 1;
    char text[128];
    if (axis == 0 || place < 0 || place >= a->ndim)
        luaL_error(L,
                   "%s: axis %I is out of range for an array of shape %s (from 1, or from -1 at "
                   "the end)",
                   where, axis, array_shape_text(a->ndim, a->shape, text));
    return (int)place;
}

int bind_array_axis(lua_State *L, int arg, const char *where, const Array *a, int fallback) {
    if (lua_isnoneornil(L, arg))
        return fallback;
    lua_Integer axis = bind_integer(L, arg, where, "axis", LUA_MININTEGER, LUA_MAXINTEGER);
    return axis_of(L, axis, where, a);
}

/* x:mean{keepdims = true} leaves the axis out: the options go to their place at 3. */
static void leave_out_axis(lua_State *L) {
    if (!lua_istable(L, 2) || lua_rawlen(L, 2) > 0 || !lua_isnil(L, 3))
        return;
    lua_pushnil(L);
    lua_insert(L, 2);
    lua_settop(L, 3);
}

/* f(x, axis | {axes} | nil, options). Returns whether an axis was given; the options are at 3
 * afterwards. */
static bool check_axes(lua_State *L, const char *where, const Array *a, const char *const *valid,
                       ReduceAxes *axes) {
    *axes = (ReduceAxes){ .keepdims = false };
    lua_settop(L, 3);
    leave_out_axis(L);
    bool given = !lua_isnil(L, 2);
    if (lua_istable(L, 2)) {
        lua_Integer n = (lua_Integer)lua_rawlen(L, 2);
        for (lua_Integer i = 1; i <= n; i++) {
            lua_rawgeti(L, 2, i);
            axes->along[bind_array_axis(L, -1, where, a, 0)] = true;
            lua_pop(L, 1);
        }
    } else if (given) {
        axes->along[bind_array_axis(L, 2, where, a, 0)] = true;
    }
    bind_options(L, 3, where, valid);
    axes->keepdims = bind_opt_boolean(L, 3, where, "keepdims", false);
    return given;
}

/* ---- Reductions ------------------------------------------------------------------------------ */

typedef enum Shown { FLOAT, AS_DTYPE, INTEGER, BOOLEAN } Shown;

static const char *const plain_options[] = { "keepdims", NULL };
static const char *const deviation_options[] = { "keepdims", "ddof", NULL };
static const char *const norm_options[] = { "keepdims", "ord", NULL };

static const struct Entry {
    const char *name;
    Reduction reduction;
    Shown shown; /* how a whole array's result is shown */
    const char *const *options;
} entries[] = {
    { "sum", REDUCE_SUM, AS_DTYPE, plain_options },
    { "prod", REDUCE_PROD, AS_DTYPE, plain_options },
    { "mean", REDUCE_MEAN, FLOAT, plain_options },
    { "var", REDUCE_VAR, FLOAT, deviation_options },
    { "std", REDUCE_STD, FLOAT, deviation_options },
    { "min", REDUCE_MIN, AS_DTYPE, plain_options },
    { "max", REDUCE_MAX, AS_DTYPE, plain_options },
    { "any", REDUCE_ANY, BOOLEAN, plain_options },
    { "all", REDUCE_ALL, BOOLEAN, plain_options },
    { "count_nonzero", REDUCE_COUNT, INTEGER, plain_options },
    { "norm", REDUCE_NORM2, FLOAT, norm_options },
};

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

static int push_whole(lua_State *L, const Array *a, const struct Entry *e, Reduction reduction,
                      double ddof) {
    Error err = { 0 };
    ReduceAxes axes = { .ddof = ddof };
    void **box = bind_new_box(L, &bind_array_type);
    *box = array_reduce(e->name, a, reduction, &axes, &err);
    if (!*box)
        return bind_raise(L, &err);
    double value = *array_f64(*box);
    bool integral = e->shown == INTEGER || (e->shown == AS_DTYPE && a->dtype == DTYPE_I32);
    if (e->shown == BOOLEAN)
        lua_pushboolean(L, value != 0);
    else if (integral && fabs(value) < 0x1p53)
        lua_pushinteger(L, (lua_Integer)value);
    else
        lua_pushnumber(L, value);
    return 1;
}

static int reduce(lua_State *L) {
    const struct Entry *e = bind_here(L)->data;
    const Array *a = bind_array_input(L, 1, e->name);
    ReduceAxes axes;
    bool given = check_axes(L, e->name, a, e->options, &axes);
    Reduction reduction = e->reduction;
    if (e->options == norm_options)
        reduction = check_order(L);
    if (e->options == deviation_options)
        axes.ddof = bind_opt_number(L, 3, e->name, "ddof", 0, HUGE_VAL, 0);
    if (!given && !axes.keepdims)
        return push_whole(L, a, e, reduction, axes.ddof);
    void **box = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *box, array_reduce(e->name, a, reduction, &axes, &err));
    bind_account(L, array_bytes(*box));
    return 1;
}

/* argmin and argmax: a 1-based position, over all elements one of the flattened array. */
static int arg_extreme(lua_State *L) {
    const char *where = bind_here(L)->name;
    bool greatest = strcmp(where, "argmax") == 0;
    const Array *a = bind_array_input(L, 1, where);
    lua_settop(L, 3);
    leave_out_axis(L);
    ExtremePlace what = { .greatest = greatest, .origin = 1 };
    what.axis = bind_array_axis(L, 2, where, a, -1);
    bind_options(L, 3, where, plain_options);
    what.keepdims = bind_opt_boolean(L, 3, where, "keepdims", false);
    void **box = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *box, array_arg_extreme(where, a, &what, &err));
    bind_account(L, array_bytes(*box));
    const Array *places = *box;
    if (what.axis < 0 && !what.keepdims)
        lua_pushinteger(L, *array_i32(places));
    return 1;
}

static int cumsum(lua_State *L) {
    const Array *a = bind_array_input(L, 1, "cumsum");
    int axis = bind_array_axis(L, 2, "cumsum", a, -1);
    void **box = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *box, array_cumsum("cumsum", a, axis, &err));
    bind_account(L, array_bytes(*box));
    return 1;
}

/* ---- Opening --------------------------------------------------------------------------------- */

void bind_array_open_reduce(lua_State *L, int library, int methods) {
    static const BindFunction others[] = { BIND("argmin", arg_extreme, 3),
                                           BIND("argmax", arg_extreme, 3),
                                           BIND("cumsum", cumsum, 2), BIND_LAST };
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        BindFunction f = BIND_AS(entries[i].name, reduce, 3, &entries[i]);
        bind_array_set_both(L, &f, library, methods);
    }
    for (const BindFunction *f = others; f->name; f++)
        bind_array_set_both(L, f, library, methods);
}
