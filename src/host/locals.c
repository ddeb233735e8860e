#include "host/locals.h"

#include "host/frames.h"
#include "host/source.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <string.h>

/* In the registry: the chunk, what is kept of it, and what is closed when it ends, which the
 * globals' metatable gives under this name (lua/perigee/init.lua). */
static const char CHUNK[] = "perigee.chunk", KEPT[] = "perigee.kept", END[] = "perigee.end";

#define VARIABLE "perigee_end" /* and none of the chunk's own, hopefully */

static int at_end(lua_State *L) {
    locals_take(L);
    return 0;
}

static void set_up(lua_State *L) {
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, at_end);
    lua_setfield(L, -2, "__close");
    lua_setmetatable(L, -2);
    lua_setfield(L, LUA_REGISTRYINDEX, END);
}

int locals_load(lua_State *L, const char *text, size_t length, const char *name) {
    int status = source_load(L, text, length, name);
    if (status != LUA_OK)
        return status;
    set_up(L);
    lua_pushliteral(L, "local " VARIABLE " <close> = _ENV['perigee.end'] ");
    lua_pushlstring(L, text, length);
    lua_concat(L, 2);
    const char *watched = lua_tolstring(L, -1, &length);
    bool room = luaL_loadbufferx(L, watched, length, name, "t") == LUA_OK;
    lua_remove(L, -2);
    lua_remove(L, room ? -2 : -1);
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, CHUNK);
    return LUA_OK;
}

static bool is_kept(const char *name) {
    return name[0] != '(' && strcmp(name, VARIABLE) != 0 && strcmp(name, "_ENV") != 0;
}

/* Add the frame's locals to the list on top of the stack. */
static void add_locals(lua_State *L, const lua_Debug *frame) {
    const char *name;
    for (int i = 1; (name = lua_getlocal(L, frame, i)); i++) {
        if (!is_kept(name) || lua_isnil(L, -1)) {
            lua_pop(L, 1);
            continue;
        }
        lua_Integer next = (lua_Integer)lua_rawlen(L, -2) + 1;
        lua_rawseti(L, -2, next + 1);
        lua_pushstring(L, name);
        lua_rawseti(L, -2, next);
    }
}

void locals_take(lua_State *L) {
    int top = lua_gettop(L);
    if (!lua_checkstack(L, 6) || lua_getfield(L, LUA_REGISTRYINDEX, CHUNK) == LUA_TNIL)
        return lua_settop(L, top);
    for (Frames frames = frames_from(L, 0); frames_next(&frames);) {
        lua_getinfo(L, "f", &frames.frame);
        bool found = lua_rawequal(L, -1, top + 1);
        lua_pop(L, 1);
        if (!found)
            continue;
        luaL_getsubtable(L, LUA_REGISTRYINDEX, KEPT);
        add_locals(L, &frames.frame);
        break;
    }
    lua_settop(L, top);
}

void locals_push(lua_State *L) {
    luaL_getsubtable(L, LUA_REGISTRYINDEX, KEPT);
}
