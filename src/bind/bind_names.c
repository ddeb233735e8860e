/* Names of classes, { [label] = name }, in and out. */
#include "bind/bind_fields.h"
#include "bind/bind_samples.h"

#include "core/error.h"
#include "data/names.h"

#include <stdlib.h>
#include <string.h>

static void release(void *object) {
    class_names_clear(object);
}

static const BoxType names_type = { .name = "perigee.names",
                                    .shown = "names of classes",
                                    .release = release };

/* Push a userdata that holds none, and a box that clears them. */
static ClassNames *push_empty(lua_State *L) {
    ClassNames *names = lua_newuserdatauv(L, sizeof *names, 0);
    *names = (ClassNames){ 0 };
    void **box = bind_new_box(L, &names_type);
    lua_pushvalue(L, -2);
    lua_setiuservalue(L, -2, 1); /* the memory outlives the box */
    *box = names;
    return names;
}

static int compare_labels(const void *a, const void *b) {
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static void check_pair(lua_State *L, const char *where) {
    int whole;
    lua_Integer label = lua_tointegerx(L, -2, &whole);
    if (lua_type(L, -2) != LUA_TNUMBER || !whole || label < INT32_MIN || label > INT32_MAX)
        bind_expected(L, -2, where, "names", "labels, whole numbers, as keys");
    if (lua_type(L, -1) != LUA_TSTRING)
        bind_error(L, "%s: names: that of %I is no string", where, label);
    size_t length;
    const char *name = lua_tolstring(L, -1, &length);
    if (length == 0 || strlen(name) != length)
        bind_error(L, "%s: names: that of %I is empty or contains NUL", where, label);
}

/* The labels that are the keys of the table on top, sorted, pushed. */
static const int32_t *push_labels(lua_State *L, const char *where, size_t *count) {
    int table = lua_gettop(L);
    size_t room = 0;
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1), room++)
        check_pair(L, where);
    int32_t *label = lua_newuserdatauv(L, (room ? room : 1) * sizeof *label, 0);
    *count = 0;
    for (lua_pushnil(L); *count < room && lua_next(L, table); lua_pop(L, 1))
        label[(*count)++] = (int32_t)lua_tointeger(L, -2);
    lua_settop(L, table + 1);
    qsort(label, *count, sizeof *label, compare_labels);
    return label;
}

const ClassNames *bind_opt_names(lua_State *L, int arg, const char *where, const ClassNames *own) {
    size_t count;
    Error err = { 0 };
    if (bind_opt_push(L, arg, "names") == LUA_TNIL)
        return own;
    if (!lua_istable(L, -1))
        bind_expected(L, -1, where, "names", "a table { [label] = name }");
    int table = lua_gettop(L);
    const int32_t *label = push_labels(L, where, &count);
    ClassNames *names = push_empty(L);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, table, label[i]);
        if (!class_names_add(names, label[i], lua_tostring(L, -1), &err))
            bind_raise_in(L, where, &err);
        lua_pop(L, 1);
    }
    return names;
}

int bind_push_names(lua_State *L, const ClassNames *classes) {
    if (classes->names.count == 0)
        return 0;
    lua_createtable(L, (int)classes->names.count, 1);
    for (size_t i = 0; i < classes->names.count; i++) {
        lua_pushstring(L, classes->names.text[i]);
        lua_rawseti(L, -2, class_names_label(classes, i));
    }
    return 1;
}

void bind_names_open(lua_State *L) {
    bind_new_owner(L, &names_type);
}
