/* bind_metatables.h — tables whose metatable answers what no table would. Where one comes in as an
 * argument, what Lua says of it names no function, and is of a line that the user has not written:
 * whoever calls such a function, in C (bind_functions.c) or in Lua (arguments.lua), says the name
 * and the cause. */
#ifndef PERIGEE_BIND_METATABLES_H
#define PERIGEE_BIND_METATABLES_H

#include <lua.h>
#include <stdbool.h>

/* Has any of the function's arguments a metatable, or a table that is near in it? */
bool bind_any_metatable(lua_State *L);

/* Are these, without a place before them, words of Lua's own, or of pairs and ipairs as the
 * program's files have them? Not those that refuse to yield: no table's fault. */
bool bind_is_raw(const char *words);

/* Push the table `metatables`: any(…) and is_raw(words), bare functions, since what others are
 * given is no operation that a gradient follows, nor looked at in turn. */
void bind_open_metatables(lua_State *L);

#endif
