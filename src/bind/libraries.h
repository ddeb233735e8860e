/* libraries.h — opens everything that scripts find as globals. */
#ifndef PERIGEE_BIND_LIBRARIES_H
#define PERIGEE_BIND_LIBRARIES_H

#include "core/context.h"

#include <lua.h>
#include <stdbool.h>

/* Each opens one of them, for luaL_requiref. */
int open_array(lua_State *L);
int open_data(lua_State *L);
int open_nn(lua_State *L);
int open_svm(lua_State *L);
int open_classic(lua_State *L);
int open_reject(lua_State *L); /* NR */
int open_dnr(lua_State *L);
int open_attack(lua_State *L);
int open_perigee(lua_State *L); /* load, version, info's facts */

/* Our libraries, in the order of their table; Lua's own are open already. From now on the state
 * belongs to the current context (core/context.h), which must outlive it. States of different
 * contexts share nothing: two threads may run them at the same time, or one in turn. */
void open_libraries(lua_State *L);

/* The solver that svm.new takes by default, in the current context; false: there is none of that
 * name. */
bool libraries_choose_solver(const char *name);

/* Make the state's context the current one, as whoever calls Lua from outside or closes the state
 * does first. Returns the one before, to be entered again afterwards. */
Context *libraries_enter(lua_State *L);

#endif
