/* Functions of whole arrays: shapes and types, products, order, joining. */
#include "bind/bind_array.h"
#include "bind/bind_grad.h"
#include "bind/bind_samples.h"

#include "core/array_create.h"
#include "core/array_index.h"
#include "core/array_linalg.h"
#include "core/array_reduce.h"
#include "core/array_shape.h"
#include "core/array_sort.h"
#include "core/array_transfer.h"

/* ---- Shapes and types ------------------------------------------------------------------------ */

/* Integers as arguments 2 … or as one list there: as arguments afterwards. Answers how many. */
static int spread_integers(lua_State *L, const char *name) {
    const char *where = bind_where(L);
    if (lua_istable(L, 2)) {
        bind_end(L, 2);
        bind_array_list_options(L, 2, NULL);
        lua_Integer n = (lua_Integer)lua_rawlen(L, 2);
        for (lua_Integer i = 1; i <= n && i <= ARRAY_MAX_DIMS + 1; i++)
            lua_rawgeti(L, 2, i);
        lua_remove(L, 2);
    }
    int count = lua_gettop(L) - 1;
    if (count > ARRAY_MAX_DIMS)
        bind_error(L, "%s: more than the %d dimensions of an array", where, ARRAY_MAX_DIMS);
    for (int i = 0; i < count; i++)
        bind_integer(L, 2 + i, where, name, LUA_MININTEGER, LUA_MAXINTEGER);
    return count;
}

static int reshape(lua_State *L) {
    const Array *a = bind_array_input(L, 1);
    if (lua_isnoneornil(L, 2))
        return bind_expected(L, 2, "reshape", "size", "sizes, as in (2, 3) or {2, -1}");
    Sizes sizes = { .ndim = spread_integers(L, "size") };
    for (int d = 0; d < sizes.ndim; d++) /* −1 is SIZE_REST, and what is less never fits */
        sizes.size[d] = (size_t)lua_tointeger(L, 2 + d);
    BIND_ARRAY_RETURN(L, array_reshape("reshape", a, &sizes, &err));
}

/* transpose(x), transpose(x, 2, 1, 3), transpose(x, {2, 1, 3}). */
static int transpose(lua_State *L) {
    const Array *a = bind_array_input(L, 1);
    int axes[ARRAY_MAX_DIMS], count = lua_isnoneornil(L, 2) ? 0 : spread_integers(L, "axis");
    if (count && count != a->ndim)
        return bind_error(L, "transpose: expected %d axes, got %d", a->ndim, count);
    for (int d = 0; d < count; d++)
        axes[d] = bind_array_axis(L, 2 + d, a, 0);
    if (count)
        bind_tell(L, axes, sizeof axes);
    BIND_ARRAY_RETURN(L, array_transpose("transpose", a, count ? axes : NULL, &err));
}

static int flatten(lua_State *L) {
    const Array *a = bind_array_input(L, 1);
    BIND_ARRAY_RETURN(L, array_reshape("flatten", a, &(Sizes){ 1, { SIZE_REST } }, &err));
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

static int astype(lua_State *L) {
    const Array *a = bind_array_input(L, 1);
    DType dtype = bind_array_dtype(L, 2);
    BIND_ARRAY_RETURN(L, array_astype("astype", a, dtype, &err));
}

/* ---- Functions of one form: `data` has core's --------------------------------------------------
 */

/* The number of an axis that is yet to be made, from 1; −1 puts it last. */
static int check_new_axis(lua_State *L, const Array *a) {
    lua_Integer n = a->ndim + 1;
    lua_Integer axis = bind_integer(L, 2, bind_where(L), "axis", -n, n);
    if (axis == 0)
        bind_expected(L, 2, bind_where(L), "axis", "a number from 1, or from -1 at the end");
    return (int)place_of(axis, (size_t)n);
}

/* f(x, axis). */
typedef struct Along {
    Array *(*make)(const Array *a, int axis, Error *err);
    bool new_axis;
} Along;

static int along(lua_State *L) {
    const Along *f = bind_here(L)->data;
    const Array *a = bind_array_input(L, 1);
    int axis = f->new_axis ? check_new_axis(L, a) : bind_array_axis(L, 2, a, -1);
    bind_tell(L, &axis, sizeof axis);
    BIND_ARRAY_RETURN(L, f->make(a, axis, &err));
}

/* f({a, b, …} [, axis = 1]). */
typedef struct Joining {
    Array *(*make)(const Array *const *parts, size_t count, int axis, Error *err);
    bool new_axis;
} Joining;

static int join(lua_State *L) {
    const Joining *f = bind_here(L)->data;
    static const char expected[] = "a list of arrays, as in {a, b} (data.concat joins datasets, "
                                   "and data.new{ x =, y = } makes one of arrays)";
    lua_settop(L, 2);
    if (!lua_istable(L, 1) || lua_rawlen(L, 1) == 0)
        bind_expected(L, 1, bind_where(L), "arrays", expected);
    bind_array_list_options(L, 1, NULL);
    size_t count = lua_rawlen(L, 1);
    const Array **parts = lua_newuserdatauv(L, count * sizeof *parts, 0);
    lua_newtable(L); /* keeps their boxes */
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 1, (lua_Integer)i + 1);
        if (bind_test(L, -1, &bind_dataset_type))
            bind_expected(L, -1, bind_where(L), "arrays", expected);
        parts[i] = bind_array_input(L, lua_gettop(L));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    if (parts[0]->ndim == 0 && !f->new_axis)
        return bind_error(L, "concatenate: scalar arrays have no axis to join along; use stack");
    bool new_axis = f->new_axis && !lua_isnil(L, 2);
    int axis = new_axis ? check_new_axis(L, parts[0]) : bind_array_axis(L, 2, parts[0], 0);
    bind_tell(L, &axis, sizeof axis);
    bind_tell_inputs(L, parts, count);
    BIND_ARRAY_RETURN(L, f->make(parts, count, axis, &err));
}

/* f(x, y). */
typedef Array *Pairing(const Array *a, const Array *b, Error *err);

static int pair(lua_State *L) {
    Pairing *const *make = bind_here(L)->data;
    const Array *a = bind_array_input(L, 1), *b = bind_array_input(L, 2);
    BIND_ARRAY_RETURN(L, (*make)(a, b, &err));
}

/* dot(x, y): a number for two 1-d arrays, else as matmul. */
static int dot(lua_State *L) {
    const Array *both[2] = { bind_array_input(L, 1), bind_array_input(L, 2) };
    double value;
    if (both[0]->ndim != 1 || both[1]->ndim != 1)
        return pair(L);
    BIND_TRY(L, array_dot(both[0], both[1], &value, &err));
    bind_array_push_number(L, value, array_common_dtype(both, 2));
    return 1;
}

/* f(x, axis, {descending=}): the last axis by default. */
typedef Array *Ordering(const Array *a, const SortOrder *order, Error *err);

static int ordered(lua_State *L) {
    Ordering *const *make = bind_here(L)->data;
    const Array *a = bind_array_input(L, 1);
    if (a->ndim == 0)
        bind_error(L, "%s: a scalar array has no axis to sort along", bind_where(L));
    bool descending = bind_array_axis_options(L, 2, bind_here(L)->options->field).descending;
    SortOrder order = { bind_array_axis(L, 2, a, a->ndim - 1), descending, .origin = 1 };
    bind_tell(L, &order, sizeof order);
    BIND_ARRAY_RETURN(L, (*make)(a, &order, &err));
}

/* unique(x) → the distinct values, and how often each comes. */
static int unique(lua_State *L) {
    const Array *a = bind_array_input(L, 1);
    void **values = bind_new_box(L, &bind_array_type), **counts = bind_new_box(L, &bind_array_type);
    BIND_TRY_MAKE(L, *values, array_unique(a, (Array **)counts, &err));
    bind_account(L, array_bytes(*values) + array_bytes(*counts));
    return 2;
}

/* diag(x, {k=}). */
static int diag(lua_State *L) {
    const Array *a = bind_array_input(L, 1);
    ArrayOptions options = bind_array_options(L, 2, bind_here(L)->options->field);
    bind_tell(L, &options.diagonal, sizeof options.diagonal);
    BIND_ARRAY_RETURN(L, array_diag(a, options.diagonal, &err));
}

#define ALONG(name, ...) BIND_AS(name, along, 2, (&(const Along){ __VA_ARGS__ }))
#define JOIN(name, ...) BIND_AS(name, join, 2, (&(const Joining){ __VA_ARGS__ }))
#define PAIR(name, call, make) BIND_AS(name, call, 2, (&(Pairing *const){ make }))
#define ORDERED(user, make)                                                                        \
    { user, ordered, 3, (&(Ordering *const){ make }), ARRAY_OPTIONS(array_sort_fields) }

const BindFunction bind_array_joiners[] = { JOIN("concatenate", array_concatenate, false),
                                            JOIN("stack", array_stack, true), BIND_LAST };

/* clang-format off */
const BindFunction bind_array_functions[] = {
    BIND("reshape", reshape, BIND_ANY), BIND("transpose", transpose, BIND_ANY),
    BIND("broadcast_to", broadcast_to, BIND_ANY), BIND("flatten", flatten, 1),
    BIND("copy", copy, 1), BIND("astype", astype, 2), BIND("unique", unique, 1),
    ALONG("squeeze", array_squeeze, false), ALONG("expand_dims", array_expand_dims, true),
    ALONG("cumsum", array_cumsum, false),
    PAIR("matmul", pair, array_matmul), PAIR("dot", dot, array_matmul),
    PAIR("outer", pair, array_outer),
    BIND_WITH("diag", diag, 2, ARRAY_OPTIONS(array_diag_fields)),
    ORDERED("sort", array_sort), ORDERED("argsort", array_argsort),
    BIND_LAST,
};
/* clang-format on */
