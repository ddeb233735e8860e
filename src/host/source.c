#include "host/source.h"

#include <lauxlib.h>
#include <stdio.h>

static const char TEXTS[] = "perigee.texts"; /* in the registry: chunk name → its text */

int source_load(lua_State *L, const char *text, size_t length, const char *name) {
    luaL_getsubtable(L, LUA_REGISTRYINDEX, TEXTS);
    lua_pushlstring(L, text, length);
    lua_setfield(L, -2, name);
    lua_pop(L, 1);
    return luaL_loadbufferx(L, text, length, name, "t");
}

int source_load_stdin(lua_State *L) {
    luaL_Buffer text;
    luaL_buffinit(L, &text);
    size_t got;
    do {
        char *space = luaL_prepbuffer(&text);
        got = fread(space, 1, LUAL_BUFFERSIZE, stdin);
        luaL_addsize(&text, got);
    } while (got > 0);
    luaL_pushresult(&text);
    size_t length;
    const char *start = lua_tolstring(L, -1, &length);
    int status = source_load(L, start, length, "=stdin");
    lua_remove(L, -2);
    return status;
}

void source_push(lua_State *L, const char *name) {
    luaL_getsubtable(L, LUA_REGISTRYINDEX, TEXTS);
    lua_getfield(L, -1, name);
    lua_remove(L, -2);
}
