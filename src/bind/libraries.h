/* libraries.h — opens everything that scripts find as globals. */
#ifndef PERIGEE_BIND_LIBRARIES_H
#define PERIGEE_BIND_LIBRARIES_H

#include <lua.h>

/* Each opens one of them, for luaL_requiref. */
int open_array(lua_State *L);
int open_data(lua_State *L);
int open_nn(lua_State *L);
int open_svm(lua_State *L);
int open_reject(lua_State *L); /* NR */
int open_dnr(lua_State *L);
int open_attack(lua_State *L);
int open_perigee(lua_State *L); /* load, version, info's facts */

/* Our libraries, in the order of their table; Lua's own are open already. */
void open_libraries(lua_State *L);

#endif
