/* Shapes and types: reshape, transpose, squeeze, …, astype, copy. */
#include "bind/bind_array.h"

#include "core/array_shape.h"

/* Integers as arguments first … or as one table there; returns how many. */
static int check_integers(lua_State *L, int first, const char *where, const char *name,
                          lua_Integer values[ARRAY_MAX_DIMS]) {
    bool table = lua_istable(L, first);
    if (table)
        bind_end(L, first);
    lua_Integer n = table ? (lua_Integer)lua_rawlen(L, first) : lua_gettop(L) - first + 1;
    if (n > ARRAY_MAX_DIMS)
        luaL_error(L, "%s: %I dimensions; an array has at most %d", where, n, ARRAY_MAX_DIMS);
    for (int i = 0; i < n; i++) {
        if (table)
            lua_rawgeti(L, first, i + 1);
        else
            lua_pushvalue(L, first + i);
        values[i] = bind_integer(L, -1, where, name, LUA_MININTEGER, LUA_MAXINTEGER);
        lua_pop(L, 1);
    }
    return (int)n;
}

static int reshape(lua_State *L) {
    const Array *a = bind_array_input(L, 1, "reshape");
    lua_Integer sizes[ARRAY_MAX_DIMS];
    ptrdiff_t shape[ARRAY_MAX_DIMS];
    if (lua_isnoneornil(L, 2))
        return bind_expected(L, 2, "reshape", "size", "sizes, as in (2, 3) or {2, -1}");
    int ndim = check_integers(L, 2, "reshape", "size", sizes);
    for (int d = 0; d < ndim; d++)
        shape[d] = (ptrdiff_t)sizes[d];
    void **box = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *box, array_reshape("reshape", a, ndim, shape, &err));
    return 1;
}

static int flatten(lua_State *L) {
    const Array *a = bind_array_input(L, 1, "flatten");
    void **box = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *box, array_reshape("flatten", a, 1, &(ptrdiff_t){ -1 }, &err));
    return 1;
}

int bind_array_get_T(lua_State *L, const Array *a) {
    void **box = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *box, array_transpose("T", a, NULL, &err));
    return 1;
}

/* transpose(x), transpose(x, 2, 1, 3), transpose(x, {2, 1, 3}). */
static int transpose(lua_State *L) {
    const Array *a = bind_array_input(L, 1, "transpose");
    lua_Integer given[ARRAY_MAX_DIMS];
    int axes[ARRAY_MAX_DIMS], count = 0;
    if (!lua_isnoneornil(L, 2))
        count = check_integers(L, 2, "transpose", "axis", given);
    if (count && count != a->ndim)
        return luaL_error(L, "transpose: expected %d axes, got %d", a->ndim, count);
    for (int d = 0; d < count; d++) {
        lua_pushinteger(L, given[d]);
        axes[d] = bind_array_axis(L, -1, "transpose", a, 0);
        lua_pop(L, 1);
    }
    void **box = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *box, array_transpose("transpose", a, count ? axes : NULL, &err));
    return 1;
}

static int squeeze(lua_State *L) {
    const Array *a = bind_array_input(L, 1, "squeeze");
    int axis = bind_array_axis(L, 2, "squeeze", a, -1);
    void **box = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *box, array_squeeze("squeeze", a, axis, &err));
    return 1;
}

/* expand_dims(x, axis): the new axis gets this number; −1 puts it last. */
static int expand_dims(lua_State *L) {
    const Array *a = bind_array_input(L, 1, "expand_dims");
    lua_Integer n = a->ndim + 1, axis = bind_integer(L, 2, "expand_dims", "axis", -n, n);
    if (axis == 0)
        return bind_expected(L, 2, "expand_dims", "axis", "a number from 1, or from -1 at the end");
    int place = (int)(axis < 0 ? n + axis : axis - 1);
    void **box = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *box, array_expand_dims("expand_dims", a, place, &err));
    return 1;
}

/* A copy: the view itself repeats elements, and writing to it would surprise. */
static int broadcast_to(lua_State *L) {
    const Array *a = bind_array_input(L, 1, "broadcast_to");
    size_t shape[ARRAY_MAX_DIMS];
    int end, ndim = bind_array_shape(L, 2, "broadcast_to", shape, &end);
    bind_end(L, lua_istable(L, 2) ? 2 : end - 1);
    void **view = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *view, array_broadcast_to("broadcast_to", a, ndim, shape, &err));
    void **box = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *box, array_copy("broadcast_to", *view, &err));
    bind_account(L, array_bytes(*box));
    return 1;
}

static int copy(lua_State *L) {
    const Array *a = bind_array_input(L, 1, "copy");
    void **box = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *box, array_copy("copy", a, &err));
    bind_account(L, array_bytes(*box));
    return 1;
}

/* astype(x, dtype): always a copy. Floats going to i32 lose their fraction. */
static int astype(lua_State *L) {
    const Array *a = bind_array_input(L, 1, "astype");
    DType dtype = bind_array_dtype(L, 2, "astype");
    if (a->dtype == dtype) {
        lua_settop(L, 1);
        return copy(L);
    }
    void **box = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *box, array_contiguous("astype", a, dtype, &err));
    bind_account(L, array_bytes(*box));
    return 1;
}

const BindFunction bind_array_shape_functions[] = {
    BIND("reshape", reshape, BIND_ANY),
    BIND("flatten", flatten, 1),
    BIND("transpose", transpose, BIND_ANY),
    BIND("squeeze", squeeze, 2),
    BIND("expand_dims", expand_dims, 2),
    BIND("broadcast_to", broadcast_to, BIND_ANY),
    BIND("copy", copy, 1),
    BIND("astype", astype, 2),
    BIND_LAST,
};
