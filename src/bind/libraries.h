/* libraries.h — opens everything that scripts find as globals. */
#ifndef PERIGEE_BIND_LIBRARIES_H
#define PERIGEE_BIND_LIBRARIES_H

#include <lua.h>

/* Our libraries, in the order of their table; Lua's own are open already. */
void open_libraries(lua_State *L);

#endif
