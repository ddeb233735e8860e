/* execute.h — os.execute, as Lua has it, but for Ctrl-C: C's system() ignores SIGINT while it
 * waits, so that a script's loop over other programs could not be ended. Here the program that runs
 * gets it first (or not, where it reads keys of its own), and the script once that has ended. */
#ifndef PERIGEE_HOST_EXECUTE_H
#define PERIGEE_HOST_EXECUTE_H

#include <lua.h>

/* Replace os.execute. After Lua's libraries are open. */
void execute_install(lua_State *L);

#endif
