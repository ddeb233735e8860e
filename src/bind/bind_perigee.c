/* The library `perigee`: models from files, and what the session is. */
#include "bind/bind.h"
#include "bind/bind_attack.h"
#include "bind/bind_model.h"
#include "bind/bind_native.h"
#include "bind/libraries.h"
#include "bind/versions.h"
#include "core/error.h"
#include "core/notes.h"
#include "core/suggest.h"
#include "core/session.h"
#include "files/saved_file.h"

#include <dirent.h>
#include <lualib.h>
#include <string.h>
#include <unistd.h>

/* Does :save write what has this ending for other programs alone? */
static bool is_for_others(const char *path) {
    static const char *const endings[] = { ".npz", ".json", ".csv", ".tex" };
    const char *ending = strrchr(path, '.');
    for (size_t i = 0; ending && i < sizeof endings / sizeof *endings; i++)
        if (strcmp(ending, endings[i]) == 0)
            return access(path, R_OK) == 0;
    return false;
}

/* perigee.load(path) → a model of the kind that the file says, or a result; raises on failure. */
static int perigee_load(lua_State *L) {
    const char *path = bind_string(L, 1, "perigee.load", "path");
    Model *model;
    AttackResult *result;
    Error err = { 0 };
    bool loaded = saved_load(path, &model, &result, &err);
    if (!loaded && is_for_others(path))
        return bind_error(L,
                          "%s was saved for other programs; what is to be loaded again is saved as "
                          ".safetensors, or by save(\"….pgz\")",
                          path);
    if (!loaded)
        return bind_raise(L, &err);
    return result ? bind_push_attack_result(L, result, &err) : bind_push_model(L, model, &err);
}

/* perigee.facts() → the session in a table: seed, threads, versions, and the shard, if it is one.
 */
static int perigee_facts(lua_State *L) {
    bind_push_header(L);
    lua_getfield(L, LUA_REGISTRYINDEX, PERIGEE_SHARD);
    lua_setfield(L, -2, "shard");
    return 1;
}

/* perigee.seed(n): the session's generator starts anew from n, and so does math.random. */
static int perigee_seed(lua_State *L) {
    lua_Integer n = bind_integer(L, 1, "seed", "n", 0, LUA_MAXINTEGER);
    session_start((uint64_t)n);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_getfield(L, -1, LUA_MATHLIBNAME);
    lua_getfield(L, -1, "randomseed");
    lua_pushinteger(L, n);
    lua_call(L, 1, 0);
    return 0;
}

/* perigee.clock() → seconds on a clock that only goes forward. */
static int perigee_clock(lua_State *L) {
    lua_pushnumber(L, progress_clock());
    return 1;
}

/* perigee.interrupted([note]) → has the user asked to stop? For loops written in Lua that want to
 * hand over what they have; the note tells the user what that is. */
static int perigee_interrupted(lua_State *L) {
    lua_settop(L, 1);
    if (!lua_isnil(L, 1))
        note_leave("%s", bind_string(L, 1, "perigee.interrupted", "note"));
    lua_pushboolean(L, progress_interrupt_pending());
    return 1;
}

/* perigee.nearest(word, list) → the word in the list that was probably meant, or nil. */
static int perigee_nearest(lua_State *L) {
    if (lua_type(L, 1) != LUA_TSTRING)
        return bind_expected(L, 1, "perigee.nearest", "word", "a string");
    const char *word = lua_tostring(L, 1); /* to its first NUL, behind which nothing is near */
    if (!lua_istable(L, 2))
        return bind_expected(L, 2, "perigee.nearest", "list", "a list of words");
    size_t count = (size_t)lua_rawlen(L, 2);
    luaL_checkstack(L, 8, NULL);
    const char **words = lua_newuserdatauv(L, (count + 1) * sizeof *words, 0);
    size_t kept = 0;
    for (size_t i = 1; i <= count; i++) {
        lua_rawgeti(L, 2, (lua_Integer)i);
        if (lua_type(L, -1) == LUA_TSTRING) /* the list keeps the text alive */
            words[kept++] = lua_tostring(L, -1);
        lua_pop(L, 1);
    }
    words[kept] = NULL;
    lua_pushstring(L, suggest_nearest(word, words));
    return 1;
}

static void close_folder(void *folder) {
    closedir(folder);
}

static const BoxType folder_type = { .name = "perigee.folder",
                                     .shown = "a folder",
                                     .release = close_folder };

/* perigee.files(folder) → the names in it, hidden ones left out; nothing where it cannot be read.
 */
static int perigee_files(lua_State *L) {
    const char *path = bind_string(L, 1, "perigee.files", "folder");
    lua_newtable(L);
    void **box = bind_new_box(L, &folder_type);
    DIR *folder = *box = opendir(path);
    lua_Integer count = 0;
    for (const struct dirent *entry; folder && (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        lua_pushstring(L, entry->d_name);
        lua_rawseti(L, -3, ++count);
    }
    lua_pop(L, 1);
    return 1;
}

int open_perigee(lua_State *L) {
    static const BindFunction functions[] = {
        BIND("load", perigee_load, 1),       BIND("facts", perigee_facts, 0),
        BIND("clock", perigee_clock, 0),     BIND("interrupted", perigee_interrupted, 1),
        BIND("nearest", perigee_nearest, 2), BIND("files", perigee_files, 1),
        BIND("seed", perigee_seed, 1),       BIND_LAST,
    };
    bind_new_owner(L, &folder_type);
    lua_newtable(L);
    bind_set_functions(L, functions);
    bind_open_terminal(L);
    lua_pushstring(L, versions_perigee());
    lua_setfield(L, -2, "version");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "interactive");
    lua_getfield(L, LUA_REGISTRYINDEX, "perigee.lua_dir");
    lua_setfield(L, -2, "lua_dir");
    return 1;
}
