/* Products, sorting and distinct values. */
#include "bind/bind_array.h"
#include "bind/bind_array_parts.h"
#include "bind/bind_array_table.h"

#include "core/array_linalg.h"
#include "core/array_sort.h"
#include "core/error.h"

static int matmul(lua_State *L) {
    const Array *a = bind_array_input(L, 1), *b = bind_array_input(L, 2);
    BIND_ARRAY_RETURN(L, array_matmul(bind_array_name(L), a, b, &err));
}

/* dot(x, y): a number for two 1-d arrays, else as matmul. */
static int dot(lua_State *L) {
    const Array *pair[2] = { bind_array_input(L, 1), bind_array_input(L, 2) };
    Error err = { 0 };
    double value;
    if (pair[0]->ndim != 1 || pair[1]->ndim != 1)
        return matmul(L);
    if (!array_dot(pair[0], pair[1], &value, &err))
        return bind_raise(L, &err);
    bind_array_push_number(L, value, array_common_dtype(pair, 2));
    return 1;
}

static int outer(lua_State *L) {
    const Array *a = bind_array_input(L, 1), *b = bind_array_input(L, 2);
    BIND_ARRAY_RETURN(L, array_outer(a, b, &err));
}

/* f(x, axis, {descending=}): the last axis by default. */
static SortOrder check_order(lua_State *L, const Array *a) {
    static const char *const options[] = { "descending", NULL };
    const char *where = bind_array_name(L);
    if (a->ndim == 0)
        luaL_error(L, "%s: a scalar array has no axis to sort along", where);
    bind_array_axis_options(L, options);
    return (SortOrder){ .axis = bind_array_axis(L, 2, a, a->ndim - 1),
                        .descending = bind_opt_boolean(L, 3, where, "descending", false),
                        .origin = 1 };
}

static int sort(lua_State *L) {
    const Array *a = bind_array_input(L, 1);
    SortOrder order = check_order(L, a);
    BIND_ARRAY_RETURN(L, array_sort(a, &order, &err));
}

static int argsort(lua_State *L) {
    const Array *a = bind_array_input(L, 1);
    SortOrder order = check_order(L, a);
    BIND_ARRAY_RETURN(L, array_argsort(a, &order, &err));
}

/* unique(x) → the distinct values, and how often each comes. */
static int unique(lua_State *L) {
    const Array *a = bind_array_input(L, 1);
    void **values = bind_new_box(L, &bind_array_type), **counts = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *values, array_unique(a, (Array **)counts, &err));
    bind_account(L, array_bytes(*values) + array_bytes(*counts));
    return 2;
}

const BindFunction bind_array_linalg_functions[] = {
    BIND("matmul", matmul, 2),
    BIND("dot", dot, 2),
    BIND("outer", outer, 2),
    BIND("sort", sort, 3),
    BIND("argsort", argsort, 3),
    BIND("unique", unique, 1),
    BIND_LAST,
};
