/* The array's box: its fields, its elements, and the `array` library. */
#include "bind/bind_array.h"

#include "bind/bind_terminal.h"
#include "bind/libraries.h"

#include <stdio.h>
#include <string.h>

/* ---- The type -------------------------------------------------------------------------------- */

static void release(void *object) {
    array_free(object);
}

static void describe(const void *object, char text[128]) {
    const Array *a = object;
    size_t used = (size_t)snprintf(text, 128, "an array %s[", dtype_name(a->dtype));
    for (int d = 0; d < a->ndim && used < 110; d++)
        used += (size_t)snprintf(text + used, 128 - used, "%s%zu", d ? "x" : "", a->shape[d]);
    snprintf(text + used, 128 - used, "]");
}

const BoxType bind_array_type = {
    .name = "perigee.array", .shown = "an array", .release = release, .describe = describe
};

int bind_push_array(lua_State *L, Array *a, const Error *err) {
    if (!a)
        return bind_raise(L, err);
    *bind_new_box(L, &bind_array_type) = a;
    if (array_is_sole(a))
        bind_account(L, array_bytes(a));
    return 1;
}

Array *bind_push_new_array(lua_State *L, const char *where, DType dtype, int ndim,
                           const size_t *shape) {
    void **box = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *box, array_new(where, dtype, ndim, shape, &err));
    bind_account(L, array_bytes(*box));
    return *box;
}

Array *bind_check_array(lua_State *L, int arg, const char *where, const char *name) {
    return bind_check(L, arg, &bind_array_type, where, name);
}

Array *bind_test_array(lua_State *L, int arg) {
    return bind_test(L, arg, &bind_array_type);
}

void bind_array_push_number(lua_State *L, double value, DType dtype) {
    if (dtype == DTYPE_I32)
        lua_pushinteger(L, (lua_Integer)value);
    else
        lua_pushnumber(L, value);
}

/* ---- Elements -------------------------------------------------------------------------------- */

size_t bind_array_index(lua_State *L, lua_Integer index, size_t n, int axis, const char *where) {
    lua_Integer size = (lua_Integer)n, place = index < 0 ? size + index : index - 1;
    if (index == 0 || place < 0 || place >= size)
        luaL_error(L,
                   "%s: index %I is out of range for axis %d of size %I (from 1, or from -1 at "
                   "the end)",
                   where, index, axis + 1, size);
    return (size_t)place;
}

/* The 0-based index from the a->ndim arguments at first …. */
static void check_index(lua_State *L, int first, const Array *a, const char *where,
                        size_t index[ARRAY_MAX_DIMS]) {
    int given = lua_gettop(L) - first + 1;
    if (given != a->ndim)
        luaL_error(L, "%s: expected %d indices, one an axis, got %d", where, a->ndim, given);
    for (int d = 0; d < a->ndim; d++) {
        lua_Integer i = bind_integer(L, first + d, where, "index", LUA_MININTEGER, LUA_MAXINTEGER);
        index[d] = bind_array_index(L, i, a->shape[d], d, where);
    }
}

/* at(i, j, …): one element. */
static int array_at(lua_State *L) {
    const Array *a = bind_check_array(L, 1, "at", "array");
    size_t index[ARRAY_MAX_DIMS];
    check_index(L, 2, a, "at", index);
    bind_array_push_number(L, array_get(a, index), a->dtype);
    return 1;
}

/* set(value, i, j, …) → the array. */
static int array_set(lua_State *L) {
    Array *a = bind_check_array(L, 1, "set", "array");
    double value = bind_number(L, 2, "set", "value");
    size_t index[ARRAY_MAX_DIMS];
    Error err = { 0 };
    check_index(L, 3, a, "set", index);
    if (!array_put("set", a, index, value, &err))
        return bind_raise(L, &err);
    lua_settop(L, 1);
    return 1;
}

static int array_item(lua_State *L) {
    const Array *a = bind_check_array(L, 1, "item", "array");
    char text[128];
    if (array_size(a) != 1)
        return luaL_error(L, "item: expected an array with one element, got shape %s",
                          array_shape_text(a->ndim, a->shape, text));
    bind_array_push_number(L, array_get(a, (size_t[ARRAY_MAX_DIMS]){ 0 }), a->dtype);
    return 1;
}

/* ---- Fields ---------------------------------------------------------------------------------- */

static int field_shape(lua_State *L, const Array *a) {
    bind_push_sizes(L, a->ndim, a->shape);
    return 1;
}

static int field_ndim(lua_State *L, const Array *a) {
    lua_pushinteger(L, a->ndim);
    return 1;
}

static int field_size(lua_State *L, const Array *a) {
    lua_pushinteger(L, (lua_Integer)array_size(a));
    return 1;
}

static int field_dtype(lua_State *L, const Array *a) {
    lua_pushstring(L, dtype_name(a->dtype));
    return 1;
}

static const struct ArrayField {
    const char *name;
    int (*push)(lua_State *L, const Array *a);
} fields[] = {
    { "shape", field_shape }, { "ndim", field_ndim },    { "size", field_size },
    { "dtype", field_dtype }, { "T", bind_array_get_T }, { NULL, NULL },
};

/* ---- Rows ------------------------------------------------------------------------------------ */

static lua_Integer check_row(lua_State *L, const Array *a) {
    if (a->ndim == 0)
        luaL_error(L, "a scalar array has no rows; it is read by :item() and written by :fill(v)");
    return bind_integer(L, 2, "array", "index", LUA_MININTEGER, LUA_MAXINTEGER);
}

static Array *row_view(const Array *a, size_t i, Error *err) {
    char *start = (char *)a->data + (ptrdiff_t)i * a->stride[0] * (ptrdiff_t)dtype_size(a->dtype);
    return array_view(a, a->ndim - 1, a->shape + 1, a->stride + 1, start, err);
}

/* A row as a view, or an element of a 1-d array. nil just past the end lets ipairs finish. */
static int push_row(lua_State *L, const Array *a) {
    lua_Integer index = check_row(L, a);
    if (index == (lua_Integer)a->shape[0] + 1)
        return 0;
    size_t i = bind_array_index(L, index, a->shape[0], 0, "array");
    if (a->ndim == 1) {
        bind_array_push_number(L, array_get(a, &i), a->dtype);
        return 1;
    }
    void **box = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *box, row_view(a, i, &err));
    return 1;
}

static int meta_index(lua_State *L) {
    const Array *a = bind_check_array(L, 1, "array", "array");
    if (lua_type(L, 2) == LUA_TNUMBER)
        return push_row(L, a);
    if (lua_type(L, 2) != LUA_TSTRING)
        return bind_expected(L, 2, "array", "index",
                             "an integer or a name (x:take(positions) and x:compress(mask) choose "
                             "several)");
    const char *key = lua_tostring(L, 2);
    for (const struct ArrayField *f = fields; f->name; f++)
        if (strcmp(f->name, key) == 0)
            return f->push(L, a);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
        return 1;
    const char *names[sizeof fields / sizeof *fields];
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        names[i] = fields[i].name;
    return bind_missing(L, names);
}

/* x[i] = a number, an array or a table that broadcasts to the row. */
static int meta_newindex(lua_State *L) {
    Array *a = bind_check_array(L, 1, "array", "array");
    Error failure = { 0 };
    Operand values;
    if (lua_type(L, 2) != LUA_TNUMBER)
        return bind_expected(L, 2, "array", "index", "an integer (fields cannot be set)");
    size_t i = bind_array_index(L, check_row(L, a), a->shape[0], 0, "array");
    bind_array_operand(L, 3, "array", a->dtype, &values);
    void **box = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *box, row_view(a, i, &err));
    if (!array_assign("array", values.array, *box, &failure))
        return bind_raise(L, &failure);
    return 0;
}

static int meta_len(lua_State *L) {
    const Array *a = bind_check_array(L, 1, "#", "array");
    lua_pushinteger(L, a->ndim ? (lua_Integer)a->shape[0] : 0);
    return 1;
}

static int meta_tostring(lua_State *L) {
    const Array *a = bind_test_array(L, 1);
    luaL_Buffer text;
    if (!a) {
        lua_pushliteral(L, "Array (closed)");
        return 1;
    }
    char *room = luaL_buffinitsize(L, &text, ARRAY_TEXT_SIZE);
    luaL_pushresultsize(&text, array_print(a, bind_print_room(), room));
    return 1;
}

/* x < y: masks cannot come from Lua's comparison operators, which make their result a boolean. */
static int meta_no_order(lua_State *L) {
    return luaL_error(L, "arrays are compared by methods, which give masks: x:lt(y), x:le(y), "
                         "x:gt(y), x:ge(y), x:eq(y)");
}

/* ---- The library ----------------------------------------------------------------------------- */

static const BindFunction element_functions[] = {
    BIND("at", array_at, BIND_ANY),
    BIND("set", array_set, BIND_ANY),
    BIND("item", array_item, 1),
    BIND("totable", bind_array_totable, 1),
    BIND_LAST,
};

static const luaL_Reg meta[] = {
    { "__newindex", meta_newindex }, { "__len", meta_len },     { "__tostring", meta_tostring },
    { "__lt", meta_no_order },       { "__le", meta_no_order }, { NULL, NULL },
};

void bind_array_set_both(lua_State *L, const BindFunction *f, int library, int methods) {
    library = lua_absindex(L, library);
    methods = lua_absindex(L, methods);
    bind_push_function(L, f);
    lua_pushvalue(L, -1);
    lua_setfield(L, library, f->name);
    lua_setfield(L, methods, f->name);
}

int open_array(lua_State *L) {
    static const BindFunction *const shared[] = { element_functions, bind_array_shape_functions,
                                                  bind_array_index_functions,
                                                  bind_array_linalg_functions };
    lua_newtable(L);
    bind_set_functions(L, bind_array_creators);
    bind_set_functions(L, bind_array_joiners);
    bind_new_type(L, &bind_array_type, NULL, meta);
    lua_getfield(L, -1, "methods");
    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++)
        for (const BindFunction *f = shared[i]; f->name; f++)
            bind_array_set_both(L, f, -3, -1);
    int methods = lua_gettop(L), metatable = methods - 1, library = methods - 2;
    bind_array_open_math(L, library, methods, metatable);
    bind_array_open_reduce(L, library, methods);
    lua_pushcclosure(L, meta_index, 1);
    lua_setfield(L, metatable, "__index");
    lua_settop(L, library);
    return 1;
}
