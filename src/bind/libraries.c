#include "bind/libraries.h"

#include "bind/bind.h"
#include "bind/bind_grad.h"
#include "bind/bind_native.h"

#include <lauxlib.h>

static const char owner[] = "perigee.context"; /* its address is the registry's key */

void open_libraries(lua_State *L) {
    const luaL_Reg libraries[] = {
        { "array", open_array }, { "data", open_data },       { "nn", open_nn },
        { "svm", open_svm },     { "classic", open_classic }, { "reject", open_reject },
        { "dnr", open_dnr },     { "attack", open_attack },   { "perigee", open_perigee },
    };
    bind_grad_open(L);
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
        luaL_requiref(L, libraries[i].name, libraries[i].func, 1);
        bind_name_functions(L, libraries[i].name, ".");
        lua_pop(L, 1);
    }
    luaL_requiref(L, "perigee.native", open_native, 0);
    lua_pop(L, 1);
    lua_pushlightuserdata(L, context_current());
    lua_rawsetp(L, LUA_REGISTRYINDEX, owner);
}

Context *libraries_enter(lua_State *L) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, owner);
    Context *context = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return context_enter(context);
}
