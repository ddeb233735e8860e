/* Choosing and writing elements: slice, take, put, compress, nonzero, fill, assign; joining. */
#include "bind/bind_array.h"

#include "core/array_index.h"
#include "core/array_shape.h"

/* ---- Slices ---------------------------------------------------------------------------------- */

/* The number t[i] of the table on the top, or the fallback; from the end where it is negative, as a
 * 1-based place that may lie outside the axis. */
static lua_Integer slice_end(lua_State *L, int i, int empty_end, lua_Integer n,
                             lua_Integer fallback) {
    lua_Integer place = fallback;
    if (lua_rawgeti(L, -1, i) != LUA_TNIL) {
        place = bind_integer(L, -1, "slice", "range", LUA_MININTEGER, LUA_MAXINTEGER);
        if (place == 0 && i != empty_end) /* {1, 0} is nothing, as s:sub(1, 0) */
            luaL_error(L, "slice: a range counts from 1, or from -1 at the end; got 0");
        place = place < 0 ? n + place + 1 : place;
    }
    lua_pop(L, 1);
    return place;
}

/* The first of place, place + step, … that is 0 or more, for a place below 0; without overflow. */
static lua_Integer first_on_grid(lua_Integer place, lua_Integer step) {
    lua_Integer rest = place % step; /* −step < rest ≤ 0 */
    return rest < 0 ? rest + step : 0;
}

/* {first, last [, step]}, both included, on the top of the stack. What lies outside is left out. */
static Slice slice_range(lua_State *L, size_t size) {
    lua_Integer n = (lua_Integer)size, step = 1;
    if (lua_rawgeti(L, -1, 3) != LUA_TNIL)
        step = bind_integer(L, -1, "slice", "step", LUA_MININTEGER + 1, LUA_MAXINTEGER);
    lua_pop(L, 1);
    if (step == 0)
        luaL_error(L, "slice: a step of 0");
    int empty_end = step > 0 ? 2 : 0;
    lua_Integer first = slice_end(L, 1, empty_end, n, step > 0 ? 1 : n);
    lua_Integer last = slice_end(L, 2, empty_end, n, step > 0 ? n : 1);
    if (step > 0) {
        first = first < 1 ? 1 + first_on_grid(first - 1, step) : first;
        last = last > n ? n : last;
    } else {
        first = first > n ? n - first_on_grid(n - first, -step) : first;
        last = last < 1 ? 1 : last;
    }
    bool empty = n == 0 || (step > 0 ? first > last : first < last);
    if (empty)
        return (Slice){ .first = 0, .count = 0, .step = 1 };
    return (Slice){ .first = (size_t)first - 1,
                    .count = (size_t)((last - first) / step) + 1,
                    .step = (ptrdiff_t)step };
}

/* slice(x, {i1, i2 [, step]} | i | nil, …): a view; nil takes a whole axis, a number drops it. */
static int slice(lua_State *L) {
    const Array *a = bind_array_input(L, 1, "slice");
    Slice slices[ARRAY_MAX_DIMS];
    int given = lua_gettop(L) - 1;
    if (given > a->ndim)
        return luaL_error(L, "slice: %d ranges for an array of %d dimensions", given, a->ndim);
    for (int d = 0; d < a->ndim; d++) {
        slices[d] = (Slice){ .first = 0, .count = a->shape[d], .step = 1 };
        if (d >= given || lua_isnil(L, d + 2))
            continue;
        lua_pushvalue(L, d + 2);
        if (lua_istable(L, -1)) {
            slices[d] = slice_range(L, a->shape[d]);
        } else if (lua_type(L, -1) == LUA_TNUMBER) {
            lua_Integer i = bind_integer(L, -1, "slice", "index", LUA_MININTEGER, LUA_MAXINTEGER);
            size_t place = bind_array_index(L, i, a->shape[d], d, "slice");
            slices[d] = (Slice){ .first = place, .count = 1, .step = 1, .drop = true };
        } else {
            return bind_expected(L, -1, "slice", "range",
                                 "{first, last [, step]}, an index or nil");
        }
        lua_pop(L, 1);
    }
    void **box = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *box, array_slice(a, slices, &err));
    return 1;
}

/* ---- Positions and masks --------------------------------------------------------------------- */

/* The 1-based positions at arg, checked, as 0-based ones in a new userdata on the stack. */
static size_t *check_positions(lua_State *L, int arg, const char *where, const Array *a, int axis,
                               size_t *count) {
    const Array *given = bind_to_array(L, arg, where, "positions", DTYPE_I32);
    char text[128];
    if (given->ndim > 1)
        luaL_error(L, "%s: positions: expected a 1-d array, got shape %s", where,
                   array_shape_text(given->ndim, given->shape, text));
    *count = array_size(given);
    size_t *positions = lua_newuserdatauv(L, (*count + 1) * sizeof *positions, 0);
    for (size_t i = 0; i < *count; i++)
        positions[i] = bind_array_index(L, array_i32(given)[i], a->shape[axis], axis, where);
    return positions;
}

static int axis_or_first(lua_State *L, int arg, const char *where, const Array *a) {
    if (a->ndim == 0)
        luaL_error(L, "%s: a scalar array has no positions", where);
    return bind_array_axis(L, arg, where, a, 0);
}

/* take(x, positions [, axis = 1]). */
static int take(lua_State *L) {
    const Array *a = bind_array_input(L, 1, "take");
    int axis = axis_or_first(L, 3, "take", a);
    size_t count, *positions = check_positions(L, 2, "take", a, axis, &count);
    void **box = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *box, array_take("take", a, axis, positions, count, &err));
    bind_account(L, array_bytes(*box));
    return 1;
}

/* put(x, positions, values [, axis = 1]) → x. */
static int put(lua_State *L) {
    Array *a = bind_check_array(L, 1, "put", "array");
    int axis = axis_or_first(L, 4, "put", a);
    Error err = { 0 };
    const Array *values = bind_test_array(L, 3);
    if (!values)
        values = bind_to_array(L, 3, "put", "values", a->dtype);
    size_t count, *positions = check_positions(L, 2, "put", a, axis, &count);
    if (!array_put_at("put", values, axis, positions, count, a, &err))
        return bind_raise(L, &err);
    lua_settop(L, 1);
    return 1;
}

/* compress(x, mask [, axis]): the elements where the mask is not 0; with an axis whole rows of it.
 */
static int compress(lua_State *L) {
    const Array *a = bind_array_input(L, 1, "compress");
    const Array *mask = bind_array_input(L, 2, "compress");
    bool rows = mask->ndim == 1 && a->ndim > 1;
    int axis = bind_array_axis(L, 3, "compress", a, rows ? 0 : -1);
    void **box = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *box, array_compress("compress", a, mask, axis, &err));
    bind_account(L, array_bytes(*box));
    return 1;
}

static int nonzero(lua_State *L) {
    const Array *a = bind_array_input(L, 1, "nonzero");
    void **box = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *box, array_nonzero("nonzero", a, 1, &err));
    bind_account(L, array_bytes(*box));
    return 1;
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* assign(x, values) → x: the values broadcast to x. */
static int assign_values(lua_State *L, const char *where) {
    Array *a = bind_check_array(L, 1, where, "array");
    Operand values;
    Error err = { 0 };
    bool tried = false, ok;
    bind_array_operand(L, 2, where, a->dtype, &values);
    do
        ok = array_assign(where, values.array, a, &err);
    while (!ok && bind_retry(L, &err, &tried));
    if (!ok)
        return bind_raise(L, &err);
    lua_settop(L, 1);
    return 1;
}

static int assign(lua_State *L) {
    return assign_values(L, "assign");
}

static int fill(lua_State *L) {
    bind_number(L, 2, "fill", "value");
    return assign_values(L, "fill");
}

/* ---- Joining --------------------------------------------------------------------------------- */

/* The arrays (or tables) in the list at 1, as pointers in a userdata; their boxes stay in a table.
 */
static const Array **check_parts(lua_State *L, const char *where, size_t *count) {
    if (!lua_istable(L, 1) || lua_rawlen(L, 1) == 0)
        bind_expected(L, 1, where, "arrays", "a list of arrays, as in {a, b}");
    *count = lua_rawlen(L, 1);
    const Array **parts = lua_newuserdatauv(L, *count * sizeof *parts, 0);
    lua_newtable(L);
    for (size_t i = 0; i < *count; i++) {
        lua_rawgeti(L, 1, (lua_Integer)i + 1);
        parts[i] = bind_array_input(L, lua_gettop(L), where);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return parts;
}

/* concatenate({a, b, …} [, axis = 1]). */
static int concatenate(lua_State *L) {
    size_t count;
    lua_settop(L, 2);
    const Array **parts = check_parts(L, "concatenate", &count);
    if (parts[0]->ndim == 0)
        return luaL_error(L, "concatenate: scalar arrays have no axis to join along; use stack");
    int axis = bind_array_axis(L, 2, "concatenate", parts[0], 0);
    void **box = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *box, array_concatenate("concatenate", parts, count, axis, &err));
    bind_account(L, array_bytes(*box));
    return 1;
}

/* stack({a, b, …} [, axis = 1]): the new axis gets this number. */
static int stack(lua_State *L) {
    size_t count;
    lua_settop(L, 2);
    const Array **parts = check_parts(L, "stack", &count);
    lua_Integer n = parts[0]->ndim + 1, axis = 1;
    if (!lua_isnil(L, 2))
        axis = bind_integer(L, 2, "stack", "axis", -n, n);
    if (axis == 0)
        return bind_expected(L, 2, "stack", "axis", "a number from 1, or from -1 at the end");
    int place = (int)(axis < 0 ? n + axis : axis - 1);
    void **box = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *box, array_stack("stack", parts, count, place, &err));
    bind_account(L, array_bytes(*box));
    return 1;
}

const BindFunction bind_array_index_functions[] = {
    BIND("slice", slice, BIND_ANY),
    BIND("take", take, 3),
    BIND("put", put, 4),
    BIND("compress", compress, 3),
    BIND("nonzero", nonzero, 1),
    BIND("assign", assign, 2),
    BIND("fill", fill, 2),
    BIND_LAST,
};

const BindFunction bind_array_joiners[] = {
    BIND("concatenate", concatenate, 2),
    BIND("stack", stack, 2),
    BIND_LAST,
};
