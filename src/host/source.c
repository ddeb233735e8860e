#include "host/source.h"

#include "host/habits.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char TEXTS[] = "perigee.texts"; /* in the registry: chunk name → its text */

int source_load(lua_State *L, const char *text, size_t length, const char *name) {
    luaL_getsubtable(L, LUA_REGISTRYINDEX, TEXTS);
    lua_pushlstring(L, text, length);
    lua_setfield(L, -2, name);
    lua_pop(L, 1);
    int status = luaL_loadbufferx(L, text, length, name, "t");
    if (status == LUA_ERRSYNTAX)
        habits_of_text(L, text, length);
    return status;
}

static void add_all(lua_State *L, FILE *file) {
    luaL_Buffer text;
    luaL_buffinit(L, &text);
    size_t got;
    do {
        char *space = luaL_prepbuffer(&text);
        got = fread(space, 1, LUAL_BUFFERSIZE, file);
        luaL_addsize(&text, got);
    } while (got > 0);
    luaL_pushresult(&text);
}

/* Without a byte order mark, and without the words of a first line for the system ("#!…"). */
static void skip_first_words(lua_State *L) {
    static const char mark[] = "\xEF\xBB\xBF";
    size_t length;
    const char *text = lua_tolstring(L, -1, &length), *start = text, *end = text + length;
    if (length >= sizeof mark - 1 && memcmp(text, mark, sizeof mark - 1) == 0)
        start += sizeof mark - 1;
    if (start < end && *start == '#') {
        const char *newline = memchr(start, '\n', (size_t)(end - start));
        start = newline ? newline : end;
    }
    if (start == text)
        return;
    lua_pushlstring(L, start, (size_t)(end - start));
    lua_remove(L, -2);
}

/* Push the text of a file, or why it cannot be read. */
static bool read_file(lua_State *L, const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        lua_pushfstring(L, "cannot open %s: %s", path, strerror(errno));
        return false;
    }
    errno = 0;
    add_all(L, file);
    bool failed = ferror(file);
    int reason = errno;
    fclose(file);
    if (failed) {
        lua_pushfstring(L, "cannot read %s: %s", path, strerror(reason));
        lua_remove(L, -2);
    }
    return !failed;
}

int source_load_script(lua_State *L, const char *path, SourceLoader *load) {
    bool from_stdin = strcmp(path, "-") == 0;
    if (from_stdin)
        add_all(L, stdin);
    else if (!read_file(L, path))
        return LUA_ERRFILE;
    skip_first_words(L);
    size_t length;
    const char *text = lua_tolstring(L, -1, &length);
    const char *name = from_stdin ? lua_pushliteral(L, "=stdin") : lua_pushfstring(L, "@%s", path);
    int status = load(L, text, length, name);
    lua_replace(L, -3);
    lua_pop(L, 1);
    return status;
}

void source_push(lua_State *L, const char *name) {
    luaL_getsubtable(L, LUA_REGISTRYINDEX, TEXTS);
    lua_getfield(L, -1, name);
    lua_remove(L, -2);
}
