#include "bind/bind_metatables.h"

#include <lauxlib.h>
#include <stddef.h>
#include <string.h>

enum { MOST_DEPTH = 3, MOST_MEMBERS = 32 };

static bool has_metatable(lua_State *L, int at, int depth) {
    if (!lua_istable(L, at))
        return false;
    if (lua_getmetatable(L, at)) {
        lua_pop(L, 1);
        return true;
    }
    bool found = false;
    int top = lua_gettop(L);
    int members = depth < MOST_DEPTH && lua_checkstack(L, 4) ? MOST_MEMBERS : 0;
    at = lua_absindex(L, at);
    for (lua_pushnil(L); !found && members-- > 0 && lua_next(L, at); lua_pop(L, 1))
        found = has_metatable(L, -1, depth + 1);
    lua_settop(L, top);
    return found;
}

bool bind_any_metatable(lua_State *L) {
    bool found = false;
    for (int arg = lua_gettop(L); arg > 0 && !found; arg--)
        found = has_metatable(L, arg, 1);
    return found;
}

bool bind_is_raw(const char *words) {
    static const char *const beginnings[] = {
        "attempt to ", "bad argument ",        "number has no ",         "object length ",
        "'__",         "a list of more than ", "a table whose __pairs ", NULL
    };
    for (size_t i = 0; beginnings[i]; i++)
        if (strncmp(words, beginnings[i], strlen(beginnings[i])) == 0)
            return !strstr(words, "to yield");
    return false;
}

static int native_any_metatable(lua_State *L) {
    lua_pushboolean(L, bind_any_metatable(L));
    return 1;
}

static int native_is_raw(lua_State *L) {
    lua_pushboolean(L, bind_is_raw(luaL_checkstring(L, 1)));
    return 1;
}

void bind_open_metatables(lua_State *L) {
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, native_any_metatable);
    lua_setfield(L, -2, "any");
    lua_pushcfunction(L, native_is_raw);
    lua_setfield(L, -2, "is_raw");
}
