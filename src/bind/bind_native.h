/* bind_native.h — what only the Lua half of the program uses: the table that its files get by
 * require "perigee.native". No library shows it, and the help does not mention it. */
#ifndef PERIGEE_BIND_NATIVE_H
#define PERIGEE_BIND_NATIVE_H

#include <lua.h>

int open_native(lua_State *L);

/* Push the table `gnuplot`: the process, its quoting, the numbers of figures. */
void bind_open_gnuplot(lua_State *L);

/* Add save_values(path, table) and restore_values(path) to the table on top of the stack: save()
 * and restore() are lua/perigee/session.lua. */
void bind_open_session(lua_State *L);

#endif
