#include "host/interrupt.h"

#include "core/notes.h"
#include "core/progress.h"
#include "host/paths.h"
#include "host/progress_bar.h"
#include "host/source.h"

#include <errno.h>
#include <lauxlib.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { STATUS_INTERRUPTED = 130 };

static const double LENIENCE = 0.5; /* seconds in which unfinished business may end */
/* A second signal after this many seconds or more means a second key press, not a bouncing one. */
static const double SECOND_AFTER = 0.1, SECOND_BEFORE = 2;

/* The main state and the one that runs now: the handler may only touch what it finds here. */
static lua_State *main_state;
static pthread_t main_thread;
static lua_State *volatile running;
static const char *own_files;

static volatile double signalled_at = -1e9;
static volatile sig_atomic_t unanswered; /* signalled, and no hook has run since */
static double answered_at;

static bool without_notes;

/* ---- The hook -------------------------------------------------------------------------------- */

/* Does the line go on with a statement whose first part has run? lua/perigee/statement.lua (which
 * lua/perigee/init.lua has loaded) decides, from the chunk's text. */
static bool continues_statement(lua_State *L, const lua_Debug *where) {
    bool continues = false;
    int top = lua_gettop(L);
    if (!lua_checkstack(L, 10))
        return false;
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    if (lua_getfield(L, -1, "perigee.statement") == LUA_TFUNCTION) {
        lua_pushstring(L, where->source);
        source_push(L, where->source);
        lua_pushinteger(L, where->linedefined);
        lua_pushinteger(L, where->currentline);
        if (lua_pcall(L, 4, 1, 0) == LUA_OK)
            continues = lua_toboolean(L, -1);
    }
    lua_settop(L, top);
    return continues;
}

static void stop_at_line(lua_State *L, lua_Debug *where) {
    if (!progress_interrupt_pending()) { /* a coroutine that slept through it */
        lua_sethook(L, NULL, 0, 0);
        return;
    }
    double now = progress_clock();
    if (unanswered) {
        unanswered = 0;
        answered_at = now;
    }
    if (now - answered_at < LENIENCE) {
        lua_getinfo(L, "Sl", where);
        if (progress_bar_is_open() || paths_is_under(own_files, where->source) ||
            continues_statement(L, where))
            return;
    }
    lua_pushliteral(L, "interrupted");
    lua_error(L);
}

static void on_sigint(int signal_number) {
    int saved_errno = errno;
    if (!pthread_equal(pthread_self(), main_thread)) {
        /* OpenBLAS's idle threads, made before main, may be the ones that the kernel picks. */
        pthread_kill(main_thread, signal_number);
        errno = saved_errno;
        return;
    }
    double now = progress_clock();
    double since = now - signalled_at;
    if (progress_interrupt_pending() && since >= SECOND_AFTER && since < SECOND_BEFORE)
        _exit(STATUS_INTERRUPTED);
    signalled_at = now;
    unanswered = 1;
    progress_interrupt();
    /* lua_sethook may be called from here; nothing else of Lua's may. */
    lua_sethook(main_state, stop_at_line, LUA_MASKLINE, 0);
    lua_sethook(running, stop_at_line, LUA_MASKLINE, 0);
    errno = saved_errno;
}

/* ---- Coroutines, known to the handler -------------------------------------------------------- */

/* Resume `co` with the arguments on top of L's stack; the results take their place and their number
 * is returned, or −1 with the error's value. */
static int resume(lua_State *L, lua_State *co, int arguments) {
    if (!lua_checkstack(co, arguments)) {
        lua_pushliteral(L, "too many arguments to resume");
        return -1;
    }
    lua_xmove(L, co, arguments);
    lua_State *caller = running;
    running = co;
    int results;
    int status = lua_resume(co, L, arguments, &results);
    running = caller;
    if (progress_interrupt_pending()) /* it came while the coroutine ran: the caller stops as well
                                       */
        lua_sethook(L, stop_at_line, LUA_MASKLINE, 0);
    if (status != LUA_OK && status != LUA_YIELD) {
        lua_xmove(co, L, 1);
        return -1;
    }
    if (!lua_checkstack(L, results + 1)) {
        lua_pop(co, results);
        lua_pushliteral(L, "too many results to resume");
        return -1;
    }
    lua_xmove(co, L, results);
    return results;
}

/* coroutine.resume */
static int coroutine_resume(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTHREAD);
    int results = resume(L, lua_tothread(L, 1), lua_gettop(L) - 1);
    lua_pushboolean(L, results >= 0);
    int count = (results >= 0 ? results : 1) + 1;
    lua_insert(L, -count);
    return count;
}

/* The function that coroutine.wrap gives; its upvalue is the coroutine. */
static int wrapped(lua_State *L) {
    lua_State *co = lua_tothread(L, lua_upvalueindex(1));
    int results = resume(L, co, lua_gettop(L));
    if (results >= 0)
        return results;
    int status = lua_status(co);
    if (status != LUA_OK && status != LUA_YIELD) { /* died: its to-be-closed variables are due */
        lua_resetthread(co);
        lua_settop(co, 0);
    }
    if (lua_type(L, -1) == LUA_TSTRING) {
        luaL_where(L, 1);
        lua_insert(L, -2);
        lua_concat(L, 2);
    }
    return lua_error(L);
}

/* coroutine.wrap */
static int coroutine_wrap(lua_State *L) {
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_State *co = lua_newthread(L);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    lua_pushcclosure(L, wrapped, 1);
    return 1;
}

/* ---- Public ---------------------------------------------------------------------------------- */

void interrupt_install(lua_State *L, const char *lua_dir, bool quiet) {
    main_state = running = L;
    main_thread = pthread_self();
    without_notes = quiet;
    own_files = lua_dir;
    lua_getglobal(L, "coroutine");
    lua_pushcfunction(L, coroutine_resume);
    lua_setfield(L, -2, "resume");
    lua_pushcfunction(L, coroutine_wrap);
    lua_setfield(L, -2, "wrap");
    lua_pop(L, 1);

    /* No SA_RESTART: a read that waits for the user or a child must come back. */
    struct sigaction on_interrupt = { .sa_handler = on_sigint };
    sigemptyset(&on_interrupt.sa_mask);
    sigaction(SIGINT, &on_interrupt, NULL);
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    sigemptyset(&ignore.sa_mask);
    sigaction(SIGPIPE, &ignore, NULL);
}

void interrupt_report(void) {
    const char *note = note_left();
    fprintf(stderr, "%s\n", *note && !without_notes ? note : "interrupted");
    note_forget();
}

void interrupt_clear(lua_State *L) {
    lua_sethook(L, NULL, 0, 0);
    unanswered = 0;
    note_forget();
    progress_clear_interrupt();
}
