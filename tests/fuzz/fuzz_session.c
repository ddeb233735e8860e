/* The variables of a session, by restore into a table, in a Lua state with all of the program in
 * it; what has been read is printed. An error has to be a sentence of the program's: Lua's own
 * words about its files are a finding. See tests/fuzz/run. */
#include "fuzz.h"

#include "bind/libraries.h"
#include "core/context.h"
#include "core/session.h"
#include "host/chunk.h"
#include "host/paths.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>

static const char try[] =
    "local path = ...\n"
    "local values = {}\n"
    "local ok, message = pcall(require('perigee.session').restore, path, { into = values })\n"
    "if not ok then return message end\n"
    "for _, value in pairs(values) do tostring(value) end\n";

static lua_State *L;
static const char *folder; /* of the program's Lua files */

#ifdef __clang__
#define UNSEEN __attribute__((no_sanitize("coverage")))
#else
#define UNSEEN
#endif

/* Does the message say, at its beginning or after a colon, a line of one of them,
 * "folder/….lua:12:"? Uninstrumented, and without strstr: libFuzzer would learn from either what to
 * put into the files. */
UNSEEN static bool is_place(const char *said) {
    size_t i = 0;
    while (folder[i] && said[i] == folder[i])
        i++;
    if (folder[i])
        return false;
    for (said += i; *said > ' ' && *said != ':'; said++)
        continue;
    return *said == ':' && said[1] >= '0' && said[1] <= '9' && said[-1] == 'a' && said[-2] == 'u';
}

UNSEEN static bool is_of_lua(const char *said) {
    for (const char *at = said; *at; at++)
        if ((at == said || at[-1] == ' ') && is_place(at))
            return true;
    return false;
}

static int open_everything(lua_State *state) {
    luaL_openlibs(state);
    folder = paths_find_lua(state);
    open_libraries(state);
    chunk_set_frames(folder);
    lua_getglobal(state, "require");
    lua_pushliteral(state, "perigee.init");
    lua_call(state, 1, 0);
    return 0;
}

static void *lua_memory(void *unused, void *block, size_t before, size_t size) {
    (void)unused;
    (void)before;
    fuzz_unguarded = true;
    void *moved = size ? realloc(block, size) : NULL;
    if (!size)
        free(block);
    fuzz_unguarded = false;
    return moved;
}

void fuzz_settle(void) {
    lua_settop(L, 1);
    lua_gc(L, LUA_GCCOLLECT, 0);
    lua_gc(L, LUA_GCCOLLECT, 0); /* what finalisers let go of */
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    L = lua_newstate(lua_memory, NULL);
    session_start(1);
    lua_pushcfunction(L, open_everything);
    if (lua_pcall(L, 0, 0, 0) != LUA_OK || luaL_loadstring(L, try) != LUA_OK) {
        fprintf(stderr, "fuzz_session: %s\n", lua_tostring(L, -1));
        exit(1);
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    lua_settop(L, 1);
    lua_pushvalue(L, 1);
    lua_pushstring(L, fuzz_file(bytes, size));
    int status = lua_pcall(L, 1, 1, 0);
    const char *said = lua_isnil(L, -1) ? "" : lua_tostring(L, -1);
    if (status != LUA_OK || !said || is_of_lua(said)) {
        fprintf(stderr, "fuzz_session: not a sentence of the program's: %s\n",
                said ? said : "no text");
        abort();
    }
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t most, unsigned seed) {
    return fuzz_mutate_tensors(bytes, size, most, seed);
}
