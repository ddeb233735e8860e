/* Shapes and types: reshape, transpose, squeeze, …, astype, copy. */
#include "bind/bind_array.h"
#include "bind/bind_array_parts.h"
#include "bind/bind_array_table.h"

#include "core/array_shape.h"
#include "core/array_transfer.h"

/* Integers as arguments 2 … or as one table there; returns how many. */
static int check_integers(lua_State *L, const char *name, lua_Integer values[ARRAY_MAX_DIMS]) {
    static const char *const none[] = { NULL };
    const char *where = bind_array_name(L);
    bool table = lua_istable(L, 2);
    if (table) {
        bind_end(L, 2);
        bind_options_list(L, 2, where, none);
    }
    lua_Integer n = table ? (lua_Integer)lua_rawlen(L, 2) : lua_gettop(L) - 1;
    if (n > ARRAY_MAX_DIMS)
        luaL_error(L, "%s: %I dimensions; an array has at most %d", where, n, ARRAY_MAX_DIMS);
    for (int i = 0; i < n; i++) {
        if (table)
            lua_rawgeti(L, 2, i + 1);
        else
            lua_pushvalue(L, 2 + i);
        values[i] = bind_integer(L, -1, where, name, LUA_MININTEGER, LUA_MAXINTEGER);
        lua_pop(L, 1);
    }
    return (int)n;
}

static int reshape(lua_State *L) {
    const Array *a = bind_array_input(L, 1);
    lua_Integer given[ARRAY_MAX_DIMS];
    if (lua_isnoneornil(L, 2))
        return bind_expected(L, 2, "reshape", "size", "sizes, as in (2, 3) or {2, -1}");
    Sizes sizes = { .ndim = check_integers(L, "size", given) };
    for (int d = 0; d < sizes.ndim; d++)
        sizes.size[d] = (size_t)given[d]; /* −1 is SIZE_REST, and what is less never fits */
    BIND_ARRAY_RETURN(L, array_reshape("reshape", a, &sizes, &err));
}

static int flatten(lua_State *L) {
    const Array *a = bind_array_input(L, 1);
    BIND_ARRAY_RETURN(L, array_reshape("flatten", a, &(Sizes){ 1, { SIZE_REST } }, &err));
}

/* transpose(x), transpose(x, 2, 1, 3), transpose(x, {2, 1, 3}). */
static int transpose(lua_State *L) {
    const Array *a = bind_array_input(L, 1);
    lua_Integer given[ARRAY_MAX_DIMS];
    int axes[ARRAY_MAX_DIMS], count = lua_isnoneornil(L, 2) ? 0 : check_integers(L, "axis", given);
    if (count && count != a->ndim)
        return luaL_error(L, "transpose: expected %d axes, got %d", a->ndim, count);
    for (int d = 0; d < count; d++) {
        lua_pushinteger(L, given[d]);
        axes[d] = bind_array_axis(L, -1, a, 0);
        lua_pop(L, 1);
    }
    BIND_ARRAY_RETURN(L, array_transpose("transpose", a, count ? axes : NULL, &err));
}

static int squeeze(lua_State *L) {
    const Array *a = bind_array_input(L, 1);
    int axis = bind_array_axis(L, 2, a, -1);
    BIND_ARRAY_RETURN(L, array_squeeze("squeeze", a, axis, &err));
}

/* expand_dims(x, axis): the new axis gets this number; −1 puts it last. */
static int expand_dims(lua_State *L) {
    const Array *a = bind_array_input(L, 1);
    int axis = bind_array_new_axis(L, 2, a, -1);
    BIND_ARRAY_RETURN(L, array_expand_dims("expand_dims", a, axis, &err));
}

/* A copy: the view itself repeats elements, and writing to it would surprise. */
static int broadcast_to(lua_State *L) {
    const Array *a = bind_array_input(L, 1);
    Sizes sizes;
    int end = bind_array_sizes(L, 2, &sizes);
    bind_end(L, lua_istable(L, 2) ? 2 : end - 1);
    BIND_ARRAY_PUSH(L, array_broadcast_to("broadcast_to", a, &sizes, &err));
    const Array *view = bind_test_array(L, -1);
    BIND_ARRAY_RETURN(L, array_copy("broadcast_to", view, &err));
}

static int copy(lua_State *L) {
    const Array *a = bind_array_input(L, 1);
    BIND_ARRAY_RETURN(L, array_copy("copy", a, &err));
}

/* astype(x, dtype): always a copy, and no mask. */
static int astype(lua_State *L) {
    const Array *a = bind_array_input(L, 1);
    DType dtype = bind_array_dtype(L, 2);
    BIND_ARRAY_RETURN(L, array_astype("astype", a, dtype, &err));
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
