/* Products, sorting and distinct values. */
#include "bind/bind_array.h"

#include "core/array_linalg.h"
#include "core/array_sort.h"

#include <math.h>

static int call_matmul(lua_State *L) {
    const Array *a = bind_array_input(L, 1, "matmul"), *b = bind_array_input(L, 2, "matmul");
    void **box = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *box, array_matmul("matmul", a, b, &err));
    bind_account(L, array_bytes(*box));
    return 1;
}

/* dot(x, y): a number for two 1-d arrays, else as matmul. */
static int call_dot(lua_State *L) {
    const Array *a = bind_array_input(L, 1, "dot"), *b = bind_array_input(L, 2, "dot");
    Error err = { 0 };
    double value;
    if (a->ndim != 1 || b->ndim != 1)
        return call_matmul(L);
    if (!array_dot("dot", a, b, &value, &err))
        return bind_raise(L, &err);
    bool integers = a->dtype == DTYPE_I32 && b->dtype == DTYPE_I32;
    /* Of what does not fit even Lua's integers the float is left. */
    bind_array_push_number(L, value, integers && fabs(value) < 0x1p53 ? DTYPE_I32 : DTYPE_F64);
    return 1;
}

static int call_outer(lua_State *L) {
    const Array *a = bind_array_input(L, 1, "outer"), *b = bind_array_input(L, 2, "outer");
    void **box = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *box, array_outer("outer", a, b, &err));
    bind_account(L, array_bytes(*box));
    return 1;
}

/* f(x, axis, {descending=}): the last axis by default. Returns the axis. */
static int check_sort(lua_State *L, const char *where, const Array *a, bool *descending) {
    static const char *const options[] = { "descending", NULL };
    lua_settop(L, 3);
    if (lua_istable(L, 2) && lua_isnil(L, 3)) {
        lua_pushnil(L);
        lua_insert(L, 2);
        lua_settop(L, 3);
    }
    if (a->ndim == 0)
        luaL_error(L, "%s: a scalar array has no axis to sort along", where);
    bind_options(L, 3, where, options);
    *descending = bind_opt_boolean(L, 3, where, "descending", false);
    return bind_array_axis(L, 2, where, a, a->ndim - 1);
}

static int call_sort(lua_State *L) {
    const Array *a = bind_array_input(L, 1, "sort");
    bool descending;
    int axis = check_sort(L, "sort", a, &descending);
    void **box = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *box, array_sort("sort", a, axis, descending, &err));
    bind_account(L, array_bytes(*box));
    return 1;
}

static int call_argsort(lua_State *L) {
    const Array *a = bind_array_input(L, 1, "argsort");
    bool descending;
    int axis = check_sort(L, "argsort", a, &descending);
    void **box = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *box, array_argsort("argsort", a, axis, descending, 1, &err));
    bind_account(L, array_bytes(*box));
    return 1;
}

/* unique(x) → the distinct values, and how often each comes. */
static int call_unique(lua_State *L) {
    const Array *a = bind_array_input(L, 1, "unique");
    void **box = bind_new_box(L, &bind_array_type);
    void **counts = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *box, array_unique("unique", a, (Array **)counts, &err));
    bind_account(L, 2 * array_bytes(*box));
    return 2;
}

const BindFunction bind_array_linalg_functions[] = {
    BIND("matmul", call_matmul, 2),
    BIND("dot", call_dot, 2),
    BIND("outer", call_outer, 2),
    BIND("sort", call_sort, 3),
    BIND("argsort", call_argsort, 3),
    BIND("unique", call_unique, 1),
    BIND_LAST,
};
