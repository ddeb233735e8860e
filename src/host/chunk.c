#include "host/chunk.h"

#include "core/context.h"
#include "core/printable.h"
#include "core/progress.h"
#include "host/frames.h"
#include "host/habits.h"
#include "host/interrupt.h"
#include "host/locals.h"
#include "host/paths.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

/* ---- Tracebacks ------------------------------------------------------------------------------ */

/* The folder of the program's own files, or NULL. */
static const char **own_frames(void) {
    static const ContextSlot slot = { .size = sizeof(const char *) };
    return context_slot(&slot);
}

enum { SHOWN_FIRST = 10, SHOWN_LAST = 11 }; /* of a deep recursion, this many at either end */

void chunk_set_frames(const char *own_folder) {
    *own_frames() = own_folder;
}

static bool is_own_frame(const lua_Debug *frame) {
    const char *folder = *own_frames();
    return folder && paths_is_under(folder, frame->source);
}

/* A frame that a user wants to see: Lua code of their own. With no own frames named, all are. */
static bool is_user_frame(const lua_Debug *frame) {
    const char *folder = *own_frames();
    return !folder || !*folder || (frame->currentline > 0 && !is_own_frame(frame));
}

static void add_frame(luaL_Buffer *text, const lua_Debug *frame) {
    char line[LUA_IDSIZE + 200];
    int used = snprintf(line, sizeof line, "\n\t%s:", frame->short_src);
    if (frame->currentline > 0)
        used += snprintf(line + used, sizeof line - (size_t)used, "%d:", frame->currentline);
    if (*frame->what == 'm')
        snprintf(line + used, sizeof line - (size_t)used, " in main chunk");
    else if (frame->name)
        snprintf(line + used, sizeof line - (size_t)used, " in %.20s '%.80s'",
                 *frame->namewhat ? frame->namewhat : "function", frame->name);
    else
        snprintf(line + used, sizeof line - (size_t)used, " in function <%s:%d>", frame->short_src,
                 frame->linedefined);
    luaL_addstring(text, line);
}

/* The user's frames from level 1 outwards. */
static int count_frames(lua_State *L) {
    int count = 0;
    for (Frames frames = frames_from(L, 1); frames_next(&frames);) {
        lua_getinfo(L, "Sl", &frames.frame);
        count += is_user_frame(&frames.frame);
    }
    return count;
}

static void add_frames(lua_State *L, luaL_Buffer *text, int count) {
    int seen = 0;
    for (Frames frames = frames_from(L, 1); frames_next(&frames);) {
        lua_getinfo(L, "Slnt", &frames.frame);
        if (!is_user_frame(&frames.frame))
            continue;
        if (seen < SHOWN_FIRST || seen >= count - SHOWN_LAST)
            add_frame(text, &frames.frame);
        else if (seen == SHOWN_FIRST)
            luaL_addstring(text, "\n\t...");
        seen++;
    }
}

/* A message that begins with the place of one of the program's own lines gets the place of the
 * user's line that led there, or none where a tail call has wiped that line out. The message is at
 * index 1. */
static void blame_user_line(lua_State *L) {
    const char *message = lua_tostring(L, 1);
    size_t blamed = 0;
    for (Frames frames = frames_from(L, 1); frames_next(&frames);) {
        lua_Debug *frame = &frames.frame;
        lua_getinfo(L, "Sl", frame);
        char place[LUA_IDSIZE + 32];
        snprintf(place, sizeof place, "%s:%d: ", frame->short_src, frame->currentline);
        if (blamed == 0 && is_own_frame(frame) && strncmp(message, place, strlen(place)) == 0)
            blamed = strlen(place);
        if (blamed > 0 && frame->currentline > 0 && !is_own_frame(frame)) {
            lua_pushfstring(L, "%s%s", place, message + blamed);
            lua_replace(L, 1);
            return;
        }
    }
    lua_pushstring(L, message + blamed);
    lua_replace(L, 1);
}

/* Is the only frame a line typed at the prompt? The message has named it already. */
static bool is_prompt_line(lua_State *L, int count) {
    bool typed = false;
    for (Frames frames = frames_from(L, 1); count == 1 && frames_next(&frames);) {
        lua_getinfo(L, "S", &frames.frame);
        typed = typed || strcmp(frames.frame.source, "=prompt") == 0;
    }
    return typed;
}

/* What there is to say of the error value at 1, which is no text: as the prompt shows it. */
static void push_raised(lua_State *L) {
    lua_getfield(L, LUA_REGISTRYINDEX, "perigee.raised");
    lua_pushvalue(L, 1);
    lua_pushboolean(L, true);
    bool shown = lua_pcall(L, 2, 1, 0) == LUA_OK && lua_type(L, -1) == LUA_TSTRING;
    if (shown && lua_type(L, 1) == LUA_TTABLE)
        lua_pushfstring(L, "the error is a table, not a message: %s", lua_tostring(L, -1));
    else
        lua_pushfstring(L, "(the error is a %s, not a message)", luaL_typename(L, 1));
}

/* The message as text, and under it where it happened. */
static int add_traceback(lua_State *L) {
    locals_take(L);
    if (lua_type(L, 1) != LUA_TSTRING) {
        if (luaL_getmetafield(L, 1, "__tostring") != LUA_TNIL)
            luaL_tolstring(L, 1, NULL);
        else
            push_raised(L);
        lua_replace(L, 1);
        lua_settop(L, 1);
    }
    blame_user_line(L);
    if (!progress_interrupt_pending())
        habits_of_error(L);
    int count = count_frames(L);
    luaL_Buffer text;
    luaL_buffinit(L, &text);
    lua_pushvalue(L, 1);
    luaL_addvalue(&text);
    if (count > 0 && !is_prompt_line(L, count)) {
        luaL_addstring(&text, "\nstack traceback:");
        add_frames(L, &text, count);
    }
    luaL_pushresult(&text);
    return 1;
}

int chunk_call(lua_State *L, int arguments, int results) {
    int base = lua_gettop(L) - arguments;
    lua_pushcfunction(L, add_traceback);
    lua_insert(L, base);
    int status = lua_pcall(L, arguments, results, base);
    lua_remove(L, base);
    return status;
}

bool chunk_protect(lua_State *L, lua_CFunction body, void *context) {
    lua_pushcfunction(L, body);
    lua_pushlightuserdata(L, context);
    if (chunk_call(L, 1, 0) == LUA_OK)
        return true;
    chunk_report(L);
    return false;
}

void chunk_report(lua_State *L) {
    fflush(stdout);
    size_t length = 0;
    const char *message = lua_tolstring(L, -1, &length);
    if (progress_interrupt_pending()) {
        interrupt_report();
    } else {
        fputs(message ? "perigee: " : "perigee: (an error without a message)", stderr);
        printable_print(message, length, stderr);
        fputc('\n', stderr);
    }
    lua_pop(L, 1);
}
