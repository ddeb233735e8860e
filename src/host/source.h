/* source.h — Lua text, loaded and kept for whoever asks what it said. */
#ifndef PERIGEE_HOST_SOURCE_H
#define PERIGEE_HOST_SOURCE_H

#include <lua.h>
#include <stddef.h>

/* Load text under a name as chunks have them ("=stdin", "@file.lua"). The text is kept for
 * source_push until the name is used again. Pushes the function, or the message, which says what
 * somebody used to another language may want to know. Returns Lua's status. */
int source_load(lua_State *L, const char *text, size_t length, const char *name);

typedef int SourceLoader(lua_State *L, const char *text, size_t length, const char *name);

/* The file at `path`, or the whole of standard input for "-", by source_load or the like. The words
 * of a first line that begins with "#" are left out. */
int source_load_script(lua_State *L, const char *path, SourceLoader *load);

/* Push the text that was loaded under this name, or nil. */
void source_push(lua_State *L, const char *name);

#endif
