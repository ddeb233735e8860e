/* repl.h — the prompt. */
#ifndef PERIGEE_REPL_H
#define PERIGEE_REPL_H

#include <lua.h>
#include <stdbool.h>

/* Read, run and print until the end of input. */
void repl_run(lua_State *L, bool quiet);

#endif
