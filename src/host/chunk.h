/* chunk.h — running pieces of Lua: loading, calling with a traceback, reporting. */
#ifndef PERIGEE_HOST_CHUNK_H
#define PERIGEE_HOST_CHUNK_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

/* Load text under a name that starts with "=" ("=stdin"). The text is kept for chunk_push_text
 * until the name is used again. Pushes the function, or the message. Returns Lua's status. */
int chunk_load_text(lua_State *L, const char *text, size_t length, const char *name);

/* The whole of standard input, as chunk_load_text. */
int chunk_load_stdin(lua_State *L);

/* Push the text of a chunk loaded by chunk_load_text, or nil. */
void chunk_push_text(lua_State *L, const char *name);

/* Frames of Lua files under this folder (which must outlive the state) are the program's own and
 * left out of tracebacks; "" leaves none out. */
void chunk_set_frames(const char *own_folder);

/* Call the function under `arguments` values; an error's message gets a traceback of the user's
 * frames, and blames the user's line where it named one of the program's own. Returns Lua's status.
 */
int chunk_call(lua_State *L, int arguments, int results);

/* Print the error message on top of the stack on stderr, after what is waiting on stdout, and pop
 * it. An interrupt in force is reported as such (interrupt.h), without a traceback. */
void chunk_report(lua_State *L);

#endif
