#include "bind/libraries.h"

#include "bind/bind.h"

#include <lauxlib.h>

/* Rooms land one by one: a library that is not linked yet is left out. */
#pragma weak open_array
#pragma weak open_data
#pragma weak open_nn
#pragma weak open_svm
#pragma weak open_reject
#pragma weak open_dnr
#pragma weak open_attack
#pragma weak open_plot
#pragma weak open_perigee

void open_libraries(lua_State *L) {
    const luaL_Reg libraries[] = {
        { "array", open_array },   { "data", open_data }, { "nn", open_nn },
        { "svm", open_svm },       { "reject", open_reject }, { "dnr", open_dnr },
        { "attack", open_attack }, { "plot", open_plot }, { "perigee", open_perigee },
    };
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
        if (!libraries[i].func)
            continue;
        luaL_requiref(L, libraries[i].name, libraries[i].func, 1);
        lua_pop(L, 1);
    }
}
