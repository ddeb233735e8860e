/* paths.h — where the program's own Lua files are. */
#ifndef PERIGEE_HOST_PATHS_H
#define PERIGEE_HOST_PATHS_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

/* The folder that contains perigee/init.lua: $PERIGEE_LUA, else found from the binary's place in a
 * checkout (build/perigee, build/asan/perigee) or under an installed prefix (share/perigee/lua).
 * Sets the registry's "perigee.lua_dir" and puts the folder first in package.path. The text lives
 * as long as L; "" if there is none. */
const char *paths_find_lua(lua_State *L);

/* Was this chunk (`source` as lua_Debug has it) loaded from a file under the folder? Never, if the
 * folder is "". */
bool paths_is_under(const char *folder, const char *source);

/* A file of the user's own: $variable/perigee/name, or ~/fallback/perigee/name where the variable
 * is not an absolute path (XDG base directories). False if it has no place or does not fit. */
bool paths_of_user(const char *variable, const char *fallback, const char *name, char *path,
                   size_t size);

#endif
