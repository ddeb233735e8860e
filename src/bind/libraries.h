/* libraries.h — opens everything that scripts find as globals. */
#ifndef PERIGEE_BIND_LIBRARIES_H
#define PERIGEE_BIND_LIBRARIES_H

#include <lua.h>

/* Lua's own libraries, then ours, in the order of their table. */
void open_libraries(lua_State *L);

#endif
