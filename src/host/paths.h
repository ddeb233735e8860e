/* paths.h — where the program's own Lua files are. */
#ifndef PERIGEE_HOST_PATHS_H
#define PERIGEE_HOST_PATHS_H

#include <lua.h>

/* The folder that contains perigee/init.lua: $PERIGEE_LUA, else found from the binary's place in a
 * checkout (build/perigee, build/asan/perigee) or under an installed prefix (share/perigee/lua).
 * Sets the registry's "perigee.lua_dir" and puts the folder first in package.path. The text lives
 * as long as L; "" if there is none. */
const char *paths_find_lua(lua_State *L);

#endif
