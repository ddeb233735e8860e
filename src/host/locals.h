/* locals.h — the locals of a chunk that the prompt follows (perigee -i script.lua).
 *
 * A variable to be closed, declared ahead of the chunk's first line, sees the chunk's locals when
 * it ends; where it fails, they are taken before the stack is unwound (locals_take). Running chunks
 * are not slower for it. */
#ifndef PERIGEE_HOST_LOCALS_H
#define PERIGEE_HOST_LOCALS_H

#include <lua.h>
#include <stddef.h>

/* As source_load, for a chunk whose locals are to be kept. One that has no room for a variable more
 * (200 are the most) keeps them only when it fails. */
int locals_load(lua_State *L, const char *text, size_t length, const char *name);

/* Keep the locals of the chunk, if it runs now. For the handler of an error. */
void locals_take(lua_State *L);

/* Push what has been kept: a list, a name and its value in turn, in the order of declaration. */
void locals_push(lua_State *L);

#endif
