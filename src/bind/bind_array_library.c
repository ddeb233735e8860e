/* The array as an object — its elements, fields and rows — and the `array` library. */
#include "bind/bind_array.h"
#include "bind/bind_fields.h"
#include "bind/bind_grad.h"
#include "bind/libraries.h"

#include "core/array_math.h"
#include "core/array_shape.h"
#include "core/array_transfer.h"

/* ---- Elements -------------------------------------------------------------------------------- */

/* The 0-based index from the a->ndim arguments at first …. */
static void check_index(lua_State *L, int first, const Array *a, size_t index[ARRAY_MAX_DIMS]) {
    const char *where = bind_where(L);
    int given = lua_gettop(L) - first + 1;
    if (given != a->ndim)
        bind_error(L, "%s: expected %d indices, one an axis, got %d", where, a->ndim, given);
    for (int d = 0; d < a->ndim; d++) {
        lua_Integer i = bind_integer(L, first + d, where, "index", LUA_MININTEGER, LUA_MAXINTEGER);
        index[d] = bind_array_index(L, i, a, d);
    }
}

/* One element, or the rows of all but the first axes. */
static void tell_element(lua_State *L, const Array *a, const size_t *index, int count) {
    Slice slices[ARRAY_MAX_DIMS];
    if (!bind_wants_attributes(L))
        return;
    for (int d = 0; d < a->ndim; d++)
        slices[d] = d < count ? (Slice){ index[d], 1, 1, .drop = true }
                              : (Slice){ 0, a->shape[d], 1, .drop = false };
    bind_tell(L, slices, sizeof slices);
}

/* at(x, i, j, …): one element. */
static int array_at(lua_State *L) {
    const Array *a = bind_array_input(L, 1);
    size_t index[ARRAY_MAX_DIMS];
    check_index(L, 2, a, index);
    tell_element(L, a, index, a->ndim);
    bind_array_push_number(L, array_get(a, index), a->dtype);
    return 1;
}

/* set(x, value, i, j, …) → x. */
static int array_set(lua_State *L) {
    Array *a = bind_check_array(L, 1, "set", "array");
    BIND_TRY(L, array_writable("set", a, &err));
    double value = bind_number(L, 2, "set", "value");
    size_t index[ARRAY_MAX_DIMS];
    check_index(L, 3, a, index);
    const Array one = { .dtype = DTYPE_F64, .data = &value };
    BIND_TRY(L, array_mask_takes("set", &one, a, &err));
    BIND_TRY(L, array_put(a, index, value) || dtype_refuse("set", a->dtype, value, &err));
    lua_settop(L, 1);
    return 1;
}

static int array_item(lua_State *L) {
    const Array *a = bind_array_input(L, 1);
    char text[128];
    if (array_size(a) != 1)
        return bind_error(L, "item: expected an array with one element, got shape %s",
                          array_shape_text(a->ndim, a->shape, text));
    bind_array_push_number(L, array_get(a, (size_t[ARRAY_MAX_DIMS]){ 0 }), a->dtype);
    return 1;
}

/* ---- Fields ---------------------------------------------------------------------------------- */

static void push_shape(lua_State *L, const void *object) {
    const Array *a = object;
    bind_push_sizes(L, a->ndim, a->shape);
}

static void push_ndim(lua_State *L, const void *object) {
    lua_pushinteger(L, ((const Array *)object)->ndim);
}

static void push_size(lua_State *L, const void *object) {
    lua_pushinteger(L, (lua_Integer)array_size(object));
}

static void push_dtype(lua_State *L, const void *object) {
    lua_pushstring(L, dtype_name(((const Array *)object)->dtype));
}

static void push_T(lua_State *L, const void *object) {
    BIND_ARRAY_PUSH(L, array_transpose("T", object, NULL, &err));
    if (bind_grad_hears(L, object)) /* and nothing told: axes in reverse */
        bind_grad_result(L, "transpose", object);
}

static const BindProperty properties[] = {
    BIND_PROPERTY("shape", push_shape), BIND_PROPERTY("ndim", push_ndim),
    BIND_PROPERTY("size", push_size),   BIND_PROPERTY("dtype", push_dtype),
    BIND_PROPERTY("T", push_T),         BIND_LAST,
};

/* ---- Rows ------------------------------------------------------------------------------------ */

static void refuse_scalar(lua_State *L, const Array *a) {
    if (a->ndim == 0)
        bind_error(L, "a scalar array has no rows; it is read by :item() and written by :fill(v)");
}

/* x[i]: a row as a view, or an element of a 1-d array. nil just past the end lets ipairs finish. */
static int push_row(lua_State *L, void *object, lua_Integer index) {
    const Array *a = object;
    refuse_scalar(L, a);
    if (index == (lua_Integer)a->shape[0] + 1)
        return 0;
    size_t i = bind_array_index(L, index, a, 0);
    if (a->ndim > 1)
        BIND_ARRAY_PUSH(L, array_row(a, i, &err));
    else
        bind_array_push_number(L, array_get(a, &i), a->dtype);
    if (bind_grad_hears(L, a)) {
        tell_element(L, a, &i, 1);
        bind_grad_result(L, "slice", a);
    }
    return 1;
}

/* x[i] = a number, an array or a table that broadcasts to the row. */
static int meta_newindex(lua_State *L) {
    Array *a = bind_check_array(L, 1, "array", "array");
    Operand values;
    if (bind_array_assign_chosen(L, a))
        return 0;
    if (lua_type(L, 2) != LUA_TNUMBER)
        return bind_expected(L, 2, "array", "index",
                             "an integer, a range {first, last}, a mask or positions (fields "
                             "cannot be set)");
    refuse_scalar(L, a);
    lua_Integer index = bind_integer(L, 2, "array", "index", LUA_MININTEGER, LUA_MAXINTEGER);
    size_t i = bind_array_index(L, index, a, 0);
    bind_array_operand(L, 3, &values);
    BIND_ARRAY_PUSH(L, array_row(a, i, &err));
    BIND_TRY(L, array_assign("array", values.array, bind_test_array(L, -1), &err));
    return 0;
}

static int meta_len(lua_State *L) {
    const Array *a = bind_check_array(L, 1, "#", "array");
    lua_pushinteger(L, a->ndim ? (lua_Integer)a->shape[0] : 0);
    return 1;
}

/* x < y: masks cannot come from Lua's comparison operators, which make their result a boolean. */
static int refuse_order(lua_State *L) {
    return bind_error(L,
                      "array: arrays are compared by methods, which give masks: x:lt(y), x:le(y), "
                      "x:gt(y), x:ge(y), x:eq(y)");
}

/* Numbers that a tape traces are compared as numbers. */
static int meta_less(lua_State *L) {
    double pair[2];
    if (!bind_grad_compare(L, pair))
        return refuse_order(L);
    lua_pushboolean(L, pair[0] < pair[1]);
    return 1;
}

static int meta_less_or_equal(lua_State *L) {
    double pair[2];
    if (!bind_grad_compare(L, pair))
        return refuse_order(L);
    lua_pushboolean(L, pair[0] <= pair[1]);
    return 1;
}

/* x == y gives a mask in NumPy and Octave; here it would be false without a word. Other values are
 * no array. */
static int meta_equal(lua_State *L) {
    if (bind_test_array(L, 1) && bind_test_array(L, 2))
        return bind_error(L, "array: two arrays are not compared by ==: x:eq(y) gives a mask, "
                             "array.equal(x, y) compares them as a whole, rawequal(x, y) tells "
                             "whether they are one object");
    lua_pushboolean(L, false);
    return 1;
}

/* ---- The library ----------------------------------------------------------------------------- */

static const BindFunction element_functions[] = {
    BIND("at", array_at, BIND_ANY),
    BIND("set", array_set, BIND_ANY),
    BIND("item", array_item, 1),
    BIND("totable", bind_array_totable, 1),
    BIND("tobytes", bind_array_tobytes, 1),
    BIND_LAST,
};

static const luaL_Reg meta[] = {
    { "__len", meta_len }, { "__tostring", bind_array_tostring }, { "__eq", meta_equal },
    { "__lt", meta_less }, { "__le", meta_less_or_equal },        { NULL, NULL },
};

/* Every operation of core, into the table on the top; or by `mark`, add_ beside add, unless the
 * result is a mask or the first argument no place for it (where's). */
static void set_operations(lua_State *L, const char *mark, lua_CFunction call) {
    const ArrayOp *op;
    for (size_t i = 0; (op = array_op_at(i)) != NULL; i++) {
        if (*mark && (array_op_is_mask(op) || array_op_selects(op)))
            continue;
        const char *name =
            lua_pushfstring(L, "%s%s", array_op_name(op), mark); /* the key keeps it */
        bind_push_function(L, &(BindFunction)BIND_AS(name, call, array_op_inputs(op), op));
        lua_settable(L, -3);
    }
}

/* Of the metatable on the top; __newindex is a function named "array". */
static void set_events(lua_State *L) {
    static const struct {
        const char *event, *name;
        lua_CFunction call;
    } events[] = { { "__newindex", "array", meta_newindex }, { "__add", "add", bind_array_apply },
                   { "__sub", "sub", bind_array_apply },     { "__mul", "mul", bind_array_apply },
                   { "__div", "div", bind_array_apply },     { "__pow", "pow", bind_array_apply },
                   { "__mod", "mod", bind_array_apply },     { "__idiv", "idiv", bind_array_apply },
                   { "__unm", "neg", bind_array_apply } };
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        const char *name = events[i].name;
        bind_push_function(L,
                           &(BindFunction)BIND_AS(name, events[i].call, BIND_ANY, array_op(name)));
        lua_setfield(L, -2, events[i].event);
    }
}

int open_array(lua_State *L) {
    static const BindFunction *const shared[] = {
        element_functions,           bind_array_functions,       bind_array_index_functions,
        bind_array_reduce_functions, bind_array_layer_functions, bind_array_solve_functions,
        bind_array_math_functions
    };
    static const BindType type = { .box = &bind_array_type,
                                   .properties = properties,
                                   .item = push_row,
                                   .items = bind_array_push_chosen,
                                   .keys = "an integer, a range {first, last}, a mask, positions "
                                           "or a name",
                                   .meta = meta };
    lua_newtable(L);
    bind_set_functions(L, bind_array_creators);
    bind_set_functions(L, bind_array_joiners);
    bind_new_type(L, &type);
    set_events(L);
    lua_getfield(L, -1, "methods");
    set_operations(L, "", bind_array_apply); /* before the lists, whose clip takes nil */
    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++)
        bind_set_functions(L, shared[i]);
    for (lua_pushnil(L); lua_next(L, -2);) { /* so far, all are the library's too */
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_settable(L, -6);
    }
    set_operations(L, "_", bind_array_apply_in_place);
    bind_set_functions(L, bind_array_math_methods);
    bind_name_functions(L, "array",
                        ":"); /* whoever opens the library names those that are its own */
    lua_pop(L, 1);
    bind_name_functions(L, "array", "."); /* operators */
    lua_pop(L, 1);
    return 1;
}
