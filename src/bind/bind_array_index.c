/* Choosing and writing elements: slice, take, put, compress, nonzero, fill, assign. */
#include "bind/bind_array.h"
#include "bind/bind_grad.h"
#include "bind/bind_samples.h"

#include "core/array_index.h"
#include "core/array_shape.h"
#include "core/array_transfer.h"
#include "core/progress.h"

/* ---- Slices ---------------------------------------------------------------------------------- */

/* Number i of the range on the top, or the fallback. */
static lua_Integer range_number(lua_State *L, const char *where, int i, lua_Integer fallback) {
    lua_Integer number = fallback;
    if (lua_rawgeti(L, -1, i) != LUA_TNIL)
        number = bind_integer(L, -1, where, i == 3 ? "step" : "range", LUA_MININTEGER + (i == 3),
                              LUA_MAXINTEGER);
    lua_pop(L, 1);
    return number;
}

Slice bind_range(lua_State *L, const char *where, size_t n) {
    char got[128];
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        lua_Integer i = lua_isinteger(L, -2) ? lua_tointeger(L, -2) : 0;
        if (i < 1 || i > 3)
            bind_error(L, "%s: expected {first, last [, step]}, got the key %s as well", where,
                       bind_describe(L, -2, got));
    }
    lua_Integer step = range_number(L, where, 3, 1);
    lua_Integer first = range_number(L, where, 1, step > 0 ? 1 : -1);
    lua_Integer last = range_number(L, where, 2, step > 0 ? -1 : 1);
    if (step == 0)
        bind_error(L, "%s: a step of 0", where);
    if (first == 0 || (last == 0 && step < 0)) /* {1, 0} is nothing, as s:sub(1, 0) */
        bind_error(L, "%s: a range counts from 1, or from -1 at the end; got 0", where);
    if (0 < first && first < last && last < step) /* NumPy's list of positions looks so */
        bind_error(
            L,
            "%s: {%I, %I, %I} is a range from %I to %I in steps of %I, larger than all of it; "
            "positions are an array, array.new{%I, %I, %I}, or :take's",
            where, first, last, step, first, last, step, first, last, step);
    return slice_between(first, last, step, n);
}

/* What stands at arg for axis d: nil takes it whole, a number drops it. */
static Slice check_slice(lua_State *L, int arg, const Array *a, int d) {
    Slice slice = { .first = 0, .count = a->shape[d], .step = 1 };
    if (lua_istable(L, arg)) {
        lua_pushvalue(L, arg);
        slice = bind_range(L, "slice", a->shape[d]);
        lua_pop(L, 1);
    } else if (lua_type(L, arg) == LUA_TNUMBER) {
        lua_Integer i = bind_integer(L, arg, "slice", "index", LUA_MININTEGER, LUA_MAXINTEGER);
        size_t place = bind_array_index(L, i, a, d);
        slice = (Slice){ .first = place, .count = 1, .step = 1, .drop = true };
    } else if (!lua_isnoneornil(L, arg)) {
        bind_expected(L, arg, "slice", "range", "{first, last [, step]}, an index or nil");
    }
    return slice;
}

/* slice(x, {i1, i2 [, step]} | i | nil, …): a view. */
static int slice(lua_State *L) {
    const Array *a = bind_array_input(L, 1);
    Slice slices[ARRAY_MAX_DIMS];
    int given = lua_gettop(L) - 1;
    if (given > a->ndim)
        return bind_error(L, "slice: %d ranges for an array of %d dimensions", given, a->ndim);
    lua_settop(L, a->ndim + 1); /* what is left out takes all */
    for (int d = 0; d < a->ndim; d++)
        slices[d] = check_slice(L, d + 2, a, d);
    bind_tell(L, slices, sizeof slices);
    BIND_ARRAY_RETURN(L, array_slice(a, slices, &err));
}

/* ---- Positions and masks --------------------------------------------------------------------- */

static void raise_interrupted(lua_State *L, const char *where) {
    Error err = { 0 };
    error_interrupted(&err, where);
    bind_raise(L, &err);
}

/* 1-based positions, checked, as 0-based ones in a new userdata on the stack. */
static Places read_places(lua_State *L, const Array *given, const Array *a, int axis) {
    const char *where = bind_where(L);
    size_t count = array_size(given);
    size_t *positions = lua_newuserdatauv(L, (count + 1) * sizeof *positions, 0);
    double started = progress_clock();
    for (size_t i = 0; i < count; i++) {
        if (progress_gives_up_at(i, started))
            raise_interrupted(L, where);
        positions[i] = bind_array_index(L, array_i32(given)[i], a, axis);
    }
    return (Places){ axis, positions, count };
}

/* Those at arg, one after the other. */
static Places check_places(lua_State *L, int arg, const Array *a, int axis) {
    const Array *given = bind_to_array(L, arg, bind_where(L), "positions", DTYPE_I32);
    char text[128];
    if (given->ndim > 1)
        bind_error(L, "%s: positions: expected a 1-d array, got shape %s", bind_where(L),
                   array_shape_text(given->ndim, given->shape, text));
    return read_places(L, given, a, axis);
}

static int axis_or_first(lua_State *L, int arg, const Array *a) {
    if (a->ndim == 0)
        bind_error(L, "%s: a scalar array has no positions", bind_where(L));
    return bind_array_axis(L, arg, a, 0);
}

/* take(x, positions [, axis = 1]). */
static int take(lua_State *L) {
    const Array *a = bind_array_input(L, 1);
    Places places = check_places(L, 2, a, axis_or_first(L, 3, a));
    bind_tell_chosen(L, places.axis, places.position, places.count);
    BIND_ARRAY_RETURN(L, array_take("take", a, &places, &err));
}

/* gather(x, positions [, axis = the last]). */
static int gather(lua_State *L) {
    const Array *a = bind_array_input(L, 1);
    if (a->ndim == 0)
        bind_error(L, "gather: a scalar array has no positions");
    int axis = bind_array_axis(L, 3, a, a->ndim - 1);
    const Array *positions = bind_to_array(L, 2, "gather", "positions", DTYPE_I32);
    Places places = read_places(L, positions, a, axis);
    bind_tell_chosen(L, axis, places.position, places.count);
    BIND_ARRAY_RETURN(L, array_gather(a, positions, &places, &err));
}

/* put(x, positions, values [, axis = 1]) → x. */
static int put(lua_State *L) {
    Array *a = bind_check_array(L, 1, "put", "array");
    int axis = axis_or_first(L, 4, a);
    lua_settop(L, 4);
    const Array *values = bind_array_input(L, 3);
    Places places = check_places(L, 2, a, axis);
    BIND_TRY(L, array_put_at(values, &places, a, &err));
    lua_settop(L, 1);
    return 1;
}

/* compress(x, mask [, axis]): the elements where the mask is not 0; with an axis whole rows of it.
 */
static int compress(lua_State *L) {
    const Array *a = bind_array_input(L, 1);
    const Array *mask = bind_array_input(L, 2);
    bool rows = mask->ndim == 1 && a->ndim > 1;
    int axis = bind_array_axis(L, 3, a, rows ? 0 : -1);
    bind_array_tell_mask(L, mask, axis);
    BIND_ARRAY_RETURN(L, array_compress(a, mask, axis, &err));
}

static int nonzero(lua_State *L) {
    const Array *a = bind_array_input(L, 1);
    BIND_ARRAY_RETURN(L, array_nonzero(a, 1, &err));
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* assign(x, values) → x: the values broadcast to x. */
static int assign(lua_State *L) {
    Array *a = bind_check_array(L, 1, bind_where(L), "array");
    Operand values;
    bind_array_operand(L, 2, &values);
    BIND_TRY(L, array_assign(bind_where(L), values.array, a, &err));
    lua_settop(L, 1);
    return 1;
}

/* fill(x, value) → x. */
static int fill(lua_State *L) {
    bind_number(L, 2, "fill", "value");
    return assign(L);
}

const BindFunction bind_array_index_functions[] = {
    BIND("slice", slice, BIND_ANY),
    BIND("take", take, 3),
    BIND("gather", gather, 3),
    BIND("put", put, 4),
    BIND("compress", compress, 3),
    BIND("nonzero", nonzero, 1),
    BIND("assign", assign, 2),
    BIND("fill", fill, 2),
    BIND_LAST,
};
