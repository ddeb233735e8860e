/* chunk.h — running pieces of Lua: calling with a traceback, reporting. */
#ifndef PERIGEE_HOST_CHUNK_H
#define PERIGEE_HOST_CHUNK_H

#include <lua.h>
#include <stdbool.h>

/* Frames of Lua files under this folder (which must outlive the state) are the program's own and
 * left out of tracebacks; "" leaves none out. */
void chunk_set_frames(const char *own_folder);

/* Call the function under `arguments` values; an error's message gets a traceback of the user's
 * frames, and blames the user's line where it named one of the program's own. Returns Lua's status.
 */
int chunk_call(lua_State *L, int arguments, int results);

/* Call `body`, which finds `context` as its argument 1 and answers nothing, so that what its own
 * lines raise for want of memory ends it and not the program. False: it did, and that is reported.
 */
bool chunk_protect(lua_State *L, lua_CFunction body, void *context);

/* Print the error message on top of the stack on stderr, after what is waiting on stdout, and pop
 * it. An interrupt in force is reported as such (interrupt.h), without a traceback. */
void chunk_report(lua_State *L);

#endif
