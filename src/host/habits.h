/* habits.h — what somebody used to another language meant: behind Lua's own message stands what
 * lua/perigee/habits.lua knows of it. */
#ifndef PERIGEE_HOST_HABITS_H
#define PERIGEE_HOST_HABITS_H

#include <lua.h>
#include <stddef.h>

/* The message on top of the stack is Lua's complaint about this text, which cannot be loaded. */
void habits_of_text(lua_State *L, const char *text, size_t length);

/* The message on top of the stack is an error's, whose place still runs: for its handler. */
void habits_of_error(lua_State *L);

#endif
