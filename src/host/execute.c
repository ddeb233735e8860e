#include "host/execute.h"

#include "host/interrupt.h"

#include <errno.h>
#include <lauxlib.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Its status as of waitpid, or -1 with errno. */
static int run_shell(const char *command) {
    char *const arguments[] = { "sh", "-c", "--", (char *)command, NULL };
    pid_t child;
    int status, failed = posix_spawn(&child, "/bin/sh", NULL, NULL, arguments, environ);
    if (failed) {
        errno = failed;
        return -1;
    }
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    errno = 0;
    return status;
}

static int os_execute(lua_State *L) {
    const char *command = luaL_optstring(L, 1, NULL);
    if (!command) {
        lua_pushboolean(L, access("/bin/sh", X_OK) == 0);
        return 1;
    }
    interrupt_hold();
    int status = run_shell(command), failed = errno;
    interrupt_release();
    errno = failed;
    return luaL_execresult(L, status);
}

void execute_install(lua_State *L) {
    lua_getglobal(L, "os");
    lua_pushcfunction(L, os_execute);
    lua_setfield(L, -2, "execute");
    lua_pop(L, 1);
}
