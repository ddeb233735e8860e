#include "bind/bind_array.h"

#include "bind/bind_fields.h"
#include "core/array_shape.h"

#include <stdio.h>

/* ---- The box --------------------------------------------------------------------------------- */

static void release(void *object) {
    array_free(object);
}

static void describe(const void *object, char text[128]) {
    const Array *a = object;
    Sizes sizes = array_sizes(a);
    char shape[100];
    shape_words(&sizes, sizeof shape, shape);
    snprintf(text, 128, "an array %s[%s]", dtype_name(a->dtype), shape);
}

const BoxType bind_array_type = {
    .name = "perigee.array", .shown = "an array", .release = release, .describe = describe
};

void bind_array_account(lua_State *L, const Array *a) {
    if (array_is_sole(a))
        bind_account(L, array_bytes(a));
}

int bind_push_array(lua_State *L, Array *a, const Error *err) {
    if (!a)
        return bind_raise(L, err);
    bind_box(L, &bind_array_type, a);
    bind_array_account(L, a);
    return 1;
}

Array *bind_push_new_array(lua_State *L, const char *where, DType dtype, const Sizes *shape) {
    BIND_ARRAY_PUSH(L, array_new(where, dtype, shape, &err));
    return bind_test_array(L, -1);
}

Array *bind_check_array(lua_State *L, int arg, const char *where, const char *name) {
    return bind_check(L, arg, &bind_array_type, where, name);
}

Array *bind_test_array(lua_State *L, int arg) {
    return bind_test(L, arg, &bind_array_type);
}

void bind_array_push_number(lua_State *L, double value, DType dtype) {
    if (dtype_is_whole(dtype))
        lua_pushinteger(L, (lua_Integer)value);
    else
        bind_push_number(L, value);
}

/* ---- As text --------------------------------------------------------------------------------- */

static const char room_key[] = "perigee.print_room"; /* in the registry */

void bind_set_print_room(lua_State *L, const ArrayPrintRoom *room) {
    ArrayPrintRoom *own = lua_newuserdatauv(L, sizeof *own, 0);
    *own = *room;
    lua_setfield(L, LUA_REGISTRYINDEX, room_key);
}

int bind_array_tostring(lua_State *L) {
    const Array *a = bind_test_array(L, 1);
    luaL_Buffer text;
    if (!a) {
        lua_pushliteral(L, "Array (closed)");
        return 1;
    }
    lua_getfield(L, LUA_REGISTRYINDEX, room_key);
    const ArrayPrintRoom *room = lua_touserdata(L, -1);
    char *place = luaL_buffinitsize(L, &text, ARRAY_TEXT_SIZE);
    luaL_pushresultsize(&text, array_print(a, room && room->width ? room : NULL, place));
    return 1;
}

/* ---- Arguments ------------------------------------------------------------------------------- */

int bind_array_axis(lua_State *L, int arg, const Array *a, int fallback) {
    const char *where = bind_where(L);
    char text[128];
    if (lua_isnoneornil(L, arg))
        return fallback;
    lua_Integer axis = bind_integer(L, arg, where, "axis", LUA_MININTEGER, LUA_MAXINTEGER);
    int place = (int)place_of(axis, (size_t)a->ndim);
    if (place < 0)
        bind_error(L,
                   "%s: axis %I is out of range for an array of shape %s (from 1, or from -1 at "
                   "the end)",
                   where, axis, array_shape_text(a->ndim, a->shape, text));
    return place;
}

size_t bind_array_index(lua_State *L, lua_Integer index, const Array *a, int axis) {
    ptrdiff_t place = place_of(index, a->shape[axis]);
    if (place < 0)
        bind_error(L,
                   "%s: index %I is out of range for axis %d of size %I (from 1, or from -1 at "
                   "the end)",
                   bind_where(L), index, axis + 1, (lua_Integer)a->shape[axis]);
    return (size_t)place;
}

static void add_size(lua_State *L, int arg, Sizes *sizes) {
    const char *where = bind_where(L);
    if (sizes->ndim == ARRAY_MAX_DIMS)
        bind_error(L, "%s: more than the %d dimensions of an array", where, ARRAY_MAX_DIMS);
    sizes->size[sizes->ndim++] = (size_t)bind_integer(L, arg, where, "size", 0, LUA_MAXINTEGER);
}

int bind_array_sizes(lua_State *L, int first, Sizes *sizes) {
    sizes->ndim = 0;
    if (lua_istable(L, first)) {
        lua_Integer n = (lua_Integer)lua_rawlen(L, first);
        for (lua_Integer i = 1; i <= n; i++) {
            lua_rawgeti(L, first, i);
            add_size(L, -1, sizes);
            lua_pop(L, 1);
        }
        /* zeros{2, 3, dtype = "i32"}: the table is its own options. */
        return lua_isnoneornil(L, first + 1) ? first : first + 1;
    }
    int arg = first, top = lua_gettop(L);
    for (; arg <= top && !lua_istable(L, arg) && !lua_isnil(L, arg); arg++)
        add_size(L, arg, sizes);
    if (sizes->ndim == 0)
        bind_expected(L, first, bind_where(L), "size", "sizes, as in (2, 3) or {2, 3}");
    return arg;
}

DType bind_array_dtype(lua_State *L, int arg) {
    ArrayOptions options = array_options_initial;
    FieldPlace place;
    fields_place(array_create_fields, &options, "", &place);
    bind_field_set(L, arg, bind_where(L), &place);
    return array_options_dtype(&options, DTYPE_F32);
}

ArrayOptions bind_array_options(lua_State *L, int arg, const Field *field) {
    ArrayOptions options = array_options_initial;
    if (!lua_isnoneornil(L, arg)) /* small calls do without a table */
        bind_fields(L, arg, bind_where(L), field, &options);
    return options;
}

ArrayOptions bind_array_list_options(lua_State *L, int arg, const Field *field) {
    ArrayOptions options = array_options_initial;
    const char *names[BIND_MOST_NAMES];
    bind_field_names(field, NULL, names);
    bind_options_list(L, arg, bind_where(L), names);
    bind_read_fields(L, arg, bind_where(L), field, &options);
    return options;
}

ArrayOptions bind_array_axis_options(lua_State *L, int axis, const Field *field) {
    lua_settop(L, axis + 1);
    if (lua_istable(L, axis) && lua_rawlen(L, axis) == 0 && lua_isnil(L, axis + 1)) {
        lua_pushnil(L);
        lua_insert(L, axis);
        lua_settop(L, axis + 1);
    }
    return bind_array_options(L, axis + 1, field);
}
