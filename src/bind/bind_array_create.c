/* Arrays from nothing: array.new, zeros, …. */
#include "bind/bind_array.h"

#include <stdio.h>
#include <string.h>

/* ---- Types and sizes as arguments ---------------------------------------------------------------
 */

DType bind_array_dtype(lua_State *L, int arg, const char *where) {
    static const struct {
        const char *word;
        DType dtype;
    } words[] = {
        { "f32", DTYPE_F32 },     { "f64", DTYPE_F64 },     { "i32", DTYPE_I32 },
        { "float32", DTYPE_F32 }, { "float64", DTYPE_F64 }, { "int32", DTYPE_I32 },
    };
    const char *word = lua_type(L, arg) == LUA_TSTRING ? lua_tostring(L, arg) : "";
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i].word, word) == 0)
            return words[i].dtype;
    bind_expected(L, arg, where, "dtype",
                  "\"f32\" (\"float32\"), \"f64\" (\"float64\") or \"i32\" (\"int32\")");
    return DTYPE_F32;
}

DType bind_array_opt_dtype(lua_State *L, int arg, const char *where, DType fallback) {
    DType dtype = fallback;
    if (bind_opt_push(L, arg, "dtype") != LUA_TNIL)
        dtype = bind_array_dtype(L, -1, where);
    lua_pop(L, 1);
    return dtype;
}

static size_t check_size(lua_State *L, int arg, const char *where) {
    return (size_t)bind_integer(L, arg, where, "size", 0, LUA_MAXINTEGER);
}

int bind_array_shape(lua_State *L, int first, const char *where, size_t shape[ARRAY_MAX_DIMS],
                     int *options) {
    int ndim = 0;
    if (lua_istable(L, first)) {
        lua_Integer n = (lua_Integer)lua_rawlen(L, first);
        for (lua_Integer i = 1; i <= n && ndim < ARRAY_MAX_DIMS; i++) {
            lua_rawgeti(L, first, i);
            shape[ndim++] = check_size(L, -1, where);
            lua_pop(L, 1);
        }
        if (n > ARRAY_MAX_DIMS)
            luaL_error(L, "%s: %I dimensions; an array has at most %d", where, n, ARRAY_MAX_DIMS);
        /* zeros{2, 3, dtype = "i32"}: the table is its own options. */
        *options = lua_isnoneornil(L, first + 1) ? first : first + 1;
        return ndim;
    }
    int arg = first, top = lua_gettop(L);
    for (; arg <= top && !lua_istable(L, arg) && !lua_isnil(L, arg); arg++) {
        if (ndim == ARRAY_MAX_DIMS)
            luaL_error(L, "%s: more than %d dimensions", where, ARRAY_MAX_DIMS);
        shape[ndim++] = check_size(L, arg, where);
    }
    if (ndim == 0)
        bind_expected(L, first, where, "size", "sizes, as in (2, 3) or {2, 3}");
    *options = arg;
    return ndim;
}

/* ---- Creation ---------------------------------------------------------------------------------
 */

static const char *const dtype_option[] = { "dtype", NULL };

static int array_zeros(lua_State *L) {
    size_t shape[ARRAY_MAX_DIMS];
    int options, ndim = bind_array_shape(L, 1, "zeros", shape, &options);
    bind_options(L, options, "zeros", dtype_option);
    DType dtype = bind_array_opt_dtype(L, options, "zeros", DTYPE_F32);
    void **box = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *box, array_new("zeros", dtype, ndim, shape, &err));
    bind_account(L, array_bytes(*box));
    return 1;
}

/* array.new(values [, {dtype=}]): from a table, a number, or an array (a copy). */
static int array_from(lua_State *L) {
    const Array *a = bind_test_array(L, 1);
    bind_options(L, 2, "new", dtype_option);
    DType dtype = bind_array_opt_dtype(L, 2, "new", a ? a->dtype : DTYPE_F32);
    if (a && a->dtype == dtype) {
        void **box = bind_new_box(L, &bind_array_type);
        BIND_ARRAY_MAKE(L, *box, array_copy("new", a, &err));
        bind_account(L, array_bytes(*box));
    } else {
        bind_to_array(L, 1, "new", "values", dtype);
    }
    return 1;
}

const luaL_Reg bind_array_creators[] = {
    { "new", array_from },
    { "zeros", array_zeros },
    { NULL, NULL },
};
