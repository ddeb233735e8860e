/* bind_session.h — variables to a file and back, for the table `perigee` (save() and restore() at
 * the prompt are lua/perigee/session.lua). */
#ifndef PERIGEE_BIND_SESSION_H
#define PERIGEE_BIND_SESSION_H

#include <lua.h>

/* Add save_values(path, table) and restore_values(path) to the table on top of the stack. */
void bind_open_session(lua_State *L);

#endif
