#include "host/frames.h"

enum { INNERMOST = 1000, OUTERMOST = 25 }; /* so many at either end */

static bool reaches(lua_State *L, int level) {
    lua_Debug frame;
    return lua_getstack(L, level, &frame);
}

/* How many frames there are: lengths doubled until one is too long, then halved between. */
static int depth_of(lua_State *L) {
    int below = 0, above = 1;
    while (reaches(L, above)) {
        below = above;
        above *= 2;
    }
    while (above - below > 1) {
        int middle = below + (above - below) / 2;
        if (reaches(L, middle))
            below = middle;
        else
            above = middle;
    }
    return above;
}

Frames frames_from(lua_State *L, int first) {
    return (Frames){ .L = L, .depth = depth_of(L), .next = first };
}

bool frames_next(Frames *frames) {
    int outer = frames->depth - OUTERMOST;
    if (frames->next == INNERMOST && outer > INNERMOST)
        frames->next = outer;
    return lua_getstack(frames->L, frames->next++, &frames->frame);
}
