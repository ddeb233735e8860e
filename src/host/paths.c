#include "host/paths.h"

#include "core/printable.h"

#include <lauxlib.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The folder's real name, if perigee/init.lua is in it. */
static bool is_lua_dir(const char *dir, char found[PATH_MAX]) {
    char init[PATH_MAX];
    int length = snprintf(init, sizeof init, "%s/perigee/init.lua", dir);
    return length > 0 && length < PATH_MAX && access(init, R_OK) == 0 &&
           realpath(dir, found) != NULL;
}

static bool find_beside_binary(char found[PATH_MAX]) {
    char binary[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", binary, sizeof binary - 1);
    if (length <= 0)
        return false;
    binary[length] = '\0';
    *strrchr(binary, '/') = '\0';
    static const char *const places[] = { "../lua", "../../lua", "../share/perigee/lua" };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char dir[PATH_MAX + 32];
        snprintf(dir, sizeof dir, "%s/%s", binary, places[i]);
        if (is_lua_dir(dir, found))
            return true;
    }
    return false;
}

const char *paths_find_lua(lua_State *L) {
    char dir[PATH_MAX] = "";
    const char *wish = getenv("PERIGEE_LUA");
    if (wish && *wish) {
        if (!is_lua_dir(wish, dir)) {
            fputs("perigee: PERIGEE_LUA is ", stderr);
            printable_print(wish, strlen(wish), stderr);
            fputs(", but there is no perigee/init.lua in it\n", stderr);
        }
    } else {
        find_beside_binary(dir);
    }
    const char *kept = lua_pushstring(L, dir);
    lua_setfield(L, LUA_REGISTRYINDEX, "perigee.lua_dir");
    if (dir[0]) {
        lua_getglobal(L, "package");
        lua_getfield(L, -1, "path");
        lua_pushfstring(L, "%s/?.lua;%s/?/init.lua;%s", dir, dir, lua_tostring(L, -1));
        lua_setfield(L, -3, "path");
        lua_pop(L, 2);
    }
    return kept;
}

bool paths_of_user(const char *variable, const char *fallback, const char *name, char *path,
                   size_t size) {
    const char *base = getenv(variable), *home = getenv("HOME");
    int length;
    if (base && base[0] == '/')
        length = snprintf(path, size, "%s/perigee/%s", base, name);
    else if (home && *home)
        length = snprintf(path, size, "%s/%s/perigee/%s", home, fallback, name);
    else
        return false;
    return length > 0 && (size_t)length < size;
}

bool paths_is_under(const char *folder, const char *source) {
    size_t length = strlen(folder);
    return length > 0 && source[0] == '@' && strncmp(source + 1, folder, length) == 0 &&
           source[1 + length] == '/';
}
