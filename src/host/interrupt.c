#include "host/interrupt.h"

#include "core/context.h"
#include "core/notes.h"
#include "core/progress.h"
#include "host/paths.h"
#include "host/progress_bar.h"
#include "host/source.h"

#include <errno.h>
#include <lauxlib.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { STATUS_INTERRUPTED = 130 };

static const double LENIENCE = 0.5; /* seconds in which unfinished business may end */
/* A signal this many seconds after another, or more, is a second key press, not a bouncing one. */
static const double SECOND_AFTER = 0.1;
/* After so many microseconds without an answer the user is told what a second one does. */
enum { PATIENCE = 500000 };

/* A session that hears SIGINT, one per context. */
typedef struct Session {
    Context *context;
    struct Session *below; /* in the foreground once this one has ended */
    pthread_t thread;      /* that runs it */
    lua_State *main_state;
    lua_State *volatile running; /* main_state or a coroutine */
    const char *own_files;
    bool installed, without_notes;
    volatile double signalled_at;
    volatile sig_atomic_t unanswered; /* signalled, and no hook has run since */
    volatile sig_atomic_t told;       /* that another one ends the program */
    volatile sig_atomic_t held, came; /* another program has the terminal; one came meanwhile */
    double answered_at, raised_at;
} Session;

/* The process's: the session that Ctrl-C is for, the newest (NULL: none), and what a signal meant
 * before there was any. The handler may only touch what it finds in the session. */
static Session *_Atomic foreground;
static struct sigaction before_all;
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER; /* to change them */

/* ---- Who is in the foreground ---------------------------------------------------------------- */

static void uninstall(void *state) {
    Session *session = state;
    if (!session->installed)
        return;
    pthread_mutex_lock(&turn);
    Session *above = atomic_load(&foreground);
    if (above == session) {
        atomic_store(&foreground, session->below);
        if (!session->below)
            sigaction(SIGINT, &before_all, NULL);
    } else {
        while (above->below != session)
            above = above->below;
        above->below = session->below;
    }
    session->installed = false;
    pthread_mutex_unlock(&turn);
}

static Session *the_session(void) {
    static const ContextSlot slot = { .size = sizeof(Session), .destroy = uninstall };
    return context_slot(&slot);
}

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
    Session *session = the_session();
    double now = progress_clock();
    if (session->unanswered) {
        session->unanswered = session->told = 0;
        session->answered_at = now;
    }
    bool after_signal = now - session->answered_at < LENIENCE;
    /* the end of a callback, too: what called it puts things back, and hands over what is there */
    if (after_signal || now - session->raised_at < LENIENCE) {
        lua_getinfo(L, "Sl", where);
        if (paths_is_under(session->own_files, where->source) ||
            (after_signal && progress_bar_is_open()) || continues_statement(L, where))
            return;
    }
    session->raised_at = now;
    lua_pushliteral(L, "interrupted");
    lua_error(L);
}

/* Nothing has answered yet: say so, once, from a handler. */
static void tell(Session *session) {
    static const char words[] =
        "\nstill at work; Ctrl-C again ends the program, and what is not saved "
        "is lost\n";
    if (session->told || !session->unanswered)
        return;
    session->told = 1;
    ssize_t ignored = write(STDERR_FILENO, words, sizeof words - 1);
    (void)ignored;
}

/* In the session's context and thread. */
static void ask_to_stop(Session *session) {
    if (session->held) {
        session->came = 1;
        return;
    }
    double now = progress_clock();
    double since = now - session->signalled_at;
    bool again = session->unanswered && progress_interrupt_pending() && since >= SECOND_AFTER;
    if (again && session->told)
        _exit(STATUS_INTERRUPTED);
    if (again)
        tell(session);
    session->signalled_at = now;
    session->unanswered = 1;
    setitimer(ITIMER_REAL, &(struct itimerval){ .it_value = { .tv_usec = PATIENCE } }, NULL);
    progress_interrupt();
    /* lua_sethook may be called from here; nothing else of Lua's may. */
    lua_sethook(session->main_state, stop_at_line, LUA_MASKLINE, 0);
    lua_sethook(session->running, stop_at_line, LUA_MASKLINE, 0);
}

static void on_sigint(int signal_number) {
    int saved_errno = errno;
    Session *session = atomic_load(&foreground);
    if (session && pthread_equal(pthread_self(), session->thread)) {
        Context *before = context_enter(session->context);
        ask_to_stop(session);
        context_enter(before);
    } else if (session) {
        /* OpenBLAS's idle threads, made before main, may be the ones that the kernel picks. */
        pthread_kill(session->thread, signal_number);
    }
    errno = saved_errno;
}

/* ---- Other signals --------------------------------------------------------------------------- */

/* PATIENCE after a Ctrl-C. */
static void on_alarm(int signal_number) {
    int saved_errno = errno;
    Session *session = atomic_load(&foreground);
    if (session && pthread_equal(pthread_self(), session->thread))
        tell(session);
    else if (session)
        pthread_kill(session->thread, signal_number);
    errno = saved_errno;
}

static bool is_broken(int descriptor) {
    struct pollfd output = { .fd = descriptor };
    return poll(&output, 1, 0) == 1 && (output.revents & POLLERR);
}

/* Whoever read our output has gone (perigee … | head): that ends the program as it ends others. A
 * pipe of the user's own whose reader has gone is an error of the write. Being a handler, and not
 * SIG_IGN, this is nothing that a child would inherit. */
static void on_sigpipe(int signal_number) {
    int saved_errno = errno;
    if (is_broken(STDOUT_FILENO) || is_broken(STDERR_FILENO)) {
        signal(signal_number, SIG_DFL);
        raise(signal_number);
    }
    errno = saved_errno;
}

/* ---- Coroutines, known to the handler -------------------------------------------------------- */

/* Lua runs in `co`, and then in the coroutine before it again. */
static lua_State *enter(lua_State *co) {
    Session *session = the_session();
    lua_State *caller = session->running;
    session->running = co;
    return caller;
}

static void leave(lua_State *L, lua_State *caller) {
    the_session()->running = caller;
    if (progress_interrupt_pending()) /* it came meanwhile: the caller stops as well */
        lua_sethook(L, stop_at_line, LUA_MASKLINE, 0);
}

/* Resume `co` with the arguments on top of L's stack; the results take their place and their number
 * is returned, or −1 with the error's value. */
static int resume(lua_State *L, lua_State *co, int arguments) {
    if (!lua_checkstack(co, arguments)) {
        lua_pushliteral(L, "too many arguments to resume");
        return -1;
    }
    lua_xmove(L, co, arguments);
    int results;
    lua_State *caller = enter(co);
    int status = lua_resume(co, L, arguments, &results);
    leave(L, caller);
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
        lua_State *caller = enter(co);
        lua_resetthread(co);
        leave(L, caller);
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

/* coroutine.close, which runs what is to be closed in the coroutine; Lua's own is the upvalue. */
static int coroutine_close(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTHREAD);
    lua_settop(L, 1);
    lua_State *caller = enter(lua_tothread(L, 1));
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    int status = lua_pcall(L, 1, LUA_MULTRET, 0);
    leave(L, caller);
    if (status == LUA_OK)
        return lua_gettop(L);
    luaL_where(L, 1);
    lua_insert(L, -2);
    lua_concat(L, 2);
    return lua_error(L);
}

/* ---- Public ---------------------------------------------------------------------------------- */

static void replace_coroutine_functions(lua_State *L) {
    lua_getglobal(L, "coroutine");
    lua_pushcfunction(L, coroutine_resume);
    lua_setfield(L, -2, "resume");
    lua_pushcfunction(L, coroutine_wrap);
    lua_setfield(L, -2, "wrap");
    lua_getfield(L, -1, "close");
    lua_pushcclosure(L, coroutine_close, 1);
    lua_setfield(L, -2, "close");
    lua_pop(L, 1);
}

/* A file over the limit (ulimit -f) is an error of the write, not the end of the session. */
static void on_sigxfsz(int signal_number) {
    (void)signal_number;
}

static void handle(int signal_number, void (*handler)(int), int flags, struct sigaction *before) {
    struct sigaction action = { .sa_handler = handler, .sa_flags = flags };
    sigemptyset(&action.sa_mask);
    sigaction(signal_number, &action, before);
}

/* No SA_RESTART for Ctrl-C: a read that waits for the user or a child must come back. */
static void catch_signals(void) {
    handle(SIGINT, on_sigint, 0, &before_all);
    handle(SIGPIPE, on_sigpipe, 0, NULL);
    handle(SIGALRM, on_alarm, SA_RESTART, NULL);
    handle(SIGXFSZ, on_sigxfsz, SA_RESTART, NULL);
}

void interrupt_install(lua_State *L, const char *lua_dir, bool quiet) {
    replace_coroutine_functions(L);
    interrupt_uninstall();
    Session *session = the_session();
    *session = (Session){ .context = context_current(),
                          .thread = pthread_self(),
                          .main_state = L,
                          .running = L,
                          .own_files = lua_dir,
                          .installed = true,
                          .without_notes = quiet,
                          .signalled_at = -1e9 };
    progress_clear_interrupt(); /* so that the handler need not make its slot */
    pthread_mutex_lock(&turn);
    session->below = atomic_exchange(&foreground, session);
    if (!session->below)
        catch_signals();
    pthread_mutex_unlock(&turn);
}

void interrupt_uninstall(void) {
    uninstall(the_session());
}

void interrupt_hold(void) {
    Session *session = the_session();
    session->came = 0;
    session->held = 1;
}

void interrupt_release(void) {
    Session *session = the_session();
    session->held = 0;
    if (session->came)
        raise(SIGINT);
    session->came = 0;
}

void interrupt_report(void) {
    const char *note = note_left();
    fprintf(stderr, "%s\n", *note && !the_session()->without_notes ? note : "interrupted");
    note_forget();
}

void interrupt_clear(lua_State *L) {
    Session *session = the_session();
    lua_sethook(L, NULL, 0, 0);
    session->unanswered = session->told = 0;
    note_forget();
    progress_clear_interrupt();
}
