/* source.h — Lua text that does not come from a file: loaded, and kept for whoever asks what it
 * said.
 */
#ifndef PERIGEE_HOST_SOURCE_H
#define PERIGEE_HOST_SOURCE_H

#include <lua.h>
#include <stddef.h>

/* Load text under a name that starts with "=" ("=stdin"). The text is kept for source_push until
 * the name is used again. Pushes the function, or the message. Returns Lua's status. */
int source_load(lua_State *L, const char *text, size_t length, const char *name);

/* The whole of standard input, as source_load. */
int source_load_stdin(lua_State *L);

/* Push the text that was loaded under this name, or nil. */
void source_push(lua_State *L, const char *name);

#endif
