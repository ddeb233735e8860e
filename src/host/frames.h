/* frames.h — the frames of a stack, from the inside outwards; of a very deep one its two ends.
 *
 * Lua finds a frame by going to it from the innermost one: looking at each of 200000, which is
 * where an endless recursion ends, takes minutes. */
#ifndef PERIGEE_HOST_FRAMES_H
#define PERIGEE_HOST_FRAMES_H

#include <lua.h>
#include <stdbool.h>

typedef struct Frames {
    lua_State *L;
    int depth;       /* how many there are */
    int next;        /* level of the next one */
    lua_Debug frame; /* for lua_getinfo, after frames_next */
} Frames;

/* Those from level `first` on. */
Frames frames_from(lua_State *L, int first);

/* Go to the next one; false if there is none. */
bool frames_next(Frames *frames);

#endif
