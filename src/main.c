/* main.c — the command line. */
#include "bind/bind.h"
#include "bind/libraries.h"
#include "core/blas.h"

#include <stdio.h>

int main(int argc, char **argv) {
    blas_mend_core(argv);
    lua_State *L = luaL_newstate();
    if (!L)
        return 1;
    bind_seed_session(0);
    open_libraries(L);
    int status = argc > 1 ? luaL_dofile(L, argv[1]) : 0;
    if (status != LUA_OK)
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
    lua_close(L);
    return status != LUA_OK;
}
