#include "host/chunk.h"

#include "core/progress.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

static const char TEXTS[] = "perigee.texts"; /* in the registry: chunk name → its text */

int chunk_load_text(lua_State *L, const char *text, size_t length, const char *name) {
    luaL_getsubtable(L, LUA_REGISTRYINDEX, TEXTS);
    lua_pushlstring(L, text, length);
    lua_setfield(L, -2, name);
    lua_pop(L, 1);
    return luaL_loadbufferx(L, text, length, name, "t");
}

int chunk_load_stdin(lua_State *L) {
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
    int status = chunk_load_text(L, start, length, "=stdin");
    lua_remove(L, -2);
    return status;
}

void chunk_push_text(lua_State *L, const char *name) {
    luaL_getsubtable(L, LUA_REGISTRYINDEX, TEXTS);
    lua_getfield(L, -1, name);
    lua_remove(L, -2);
}

/* The message as text, and under it where it happened. The outermost frame is this program's own
 * call of the chunk, which tells the user nothing. */
static int add_traceback(lua_State *L) {
    if (lua_type(L, 1) != LUA_TSTRING) {
        if (luaL_getmetafield(L, 1, "__tostring") != LUA_TNIL)
            luaL_tolstring(L, 1, NULL);
        else
            lua_pushfstring(L, "(the error is a %s, not a message)", luaL_typename(L, 1));
        lua_replace(L, 1);
        lua_settop(L, 1);
    }
    luaL_traceback(L, L, lua_tostring(L, 1), 1);
    static const char outermost[] = "\n\t[C]: in ?";
    size_t length, tail = sizeof outermost - 1;
    const char *text = lua_tolstring(L, -1, &length);
    if (length > tail && strcmp(text + length - tail, outermost) == 0)
        lua_pushlstring(L, text, length - tail);
    return 1;
}

int chunk_call(lua_State *L, int arguments, int results) {
    int base = lua_gettop(L) - arguments;
    lua_pushcfunction(L, add_traceback);
    lua_insert(L, base);
    int status = lua_pcall(L, arguments, results, base);
    lua_remove(L, base);
    return status;
}

void chunk_report(lua_State *L) {
    fflush(stdout);
    const char *message = lua_tostring(L, -1);
    if (progress_interrupt_pending())
        fputs("interrupted\n", stderr);
    else
        fprintf(stderr, "perigee: %s\n", message ? message : "(an error without a message)");
    lua_pop(L, 1);
}
