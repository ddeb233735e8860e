#include "host/habits.h"

#include <lauxlib.h>
#include <stdbool.h>

/* Replace the message at `index` by what habits.NAME makes of it and of what is above it. */
static void explain(lua_State *L, int index, const char *name) {
    int arguments = lua_gettop(L) - index + 1;
    bool asked = lua_checkstack(L, 4) &&
                 lua_getfield(L, LUA_REGISTRYINDEX, "perigee.require") == LUA_TFUNCTION;
    if (asked) {
        lua_pushliteral(L, "perigee.habits");
        asked = lua_pcall(L, 1, 1, 0) == LUA_OK && lua_getfield(L, -1, name) == LUA_TFUNCTION;
    }
    if (asked) {
        lua_replace(L, -2);
        for (int i = 0; i < arguments; i++)
            lua_pushvalue(L, index + i);
        if (lua_pcall(L, arguments, 1, 0) == LUA_OK && lua_isstring(L, -1))
            lua_replace(L, index);
    }
    lua_settop(L, index);
}

void habits_of_text(lua_State *L, const char *text, size_t length) {
    int index = lua_gettop(L);
    lua_pushlstring(L, text, length);
    explain(L, index, "of_text");
}

void habits_of_error(lua_State *L) {
    explain(L, lua_gettop(L), "of_error");
}
