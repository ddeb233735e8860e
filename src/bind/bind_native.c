#include "bind/bind_native.h"

int open_native(lua_State *L) {
    lua_newtable(L);
    bind_open_session(L);
    bind_open_gnuplot(L);
    lua_setfield(L, -2, "gnuplot");
    return 1;
}
