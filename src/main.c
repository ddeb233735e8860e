/* main.c — the command line, the Lua state, the exit status. */
#include "bind/bind.h"
#include "bind/libraries.h"
#include "bind/versions.h"
#include "core/blas.h"
#include "core/blas_start.h"
#include "core/parallel.h"
#include "core/printable.h"
#include "core/progress.h"
#include "core/session.h"
#include "host/chunk.h"
#include "host/execute.h"
#include "host/interrupt.h"
#include "host/locals.h"
#include "host/options.h"
#include "host/paths.h"
#include "host/progress_bar.h"
#include "host/serve.h"
#include "host/source.h"
#include "host/streams.h"
#include "repl.h"

#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STATUS_OK = 0, STATUS_ERROR = 1, STATUS_MISUSE = 2, STATUS_INTERRUPTED = 130 };

/* The table `arg`: the script at 0, its arguments from 1 on, what came before it below 0. */
static void set_arg(lua_State *L, int argc, char **argv, int script) {
    int zero = script < argc ? script : 0;
    lua_createtable(L, argc - zero, zero + 1);
    for (int i = 0; i < argc; i++) {
        lua_pushstring(L, argv[i]);
        lua_rawseti(L, -2, i - zero);
    }
    lua_setglobal(L, "arg");
}

/* Call what has been loaded (or report why it could not be). */
static int run_loaded(lua_State *L, int load_status, int arguments) {
    if (load_status != LUA_OK || chunk_call(L, arguments, 0) != LUA_OK) {
        chunk_report(L);
        return progress_interrupt_pending() ? STATUS_INTERRUPTED : STATUS_ERROR;
    }
    if (progress_interrupt_pending()) { /* in the last statement, which handed over what it had */
        interrupt_report();
        return STATUS_INTERRUPTED;
    }
    return STATUS_OK;
}

/* Call what has been loaded, or report why it was not, with the arguments of the command line. */
static int run_script(lua_State *L, int status, int argument_count, char **arguments) {
    if (status != LUA_OK)
        argument_count = 0;
    luaL_checkstack(L, argument_count + 1, "too many arguments");
    for (int i = 0; i < argument_count; i++)
        lua_pushstring(L, arguments[i]);
    return run_loaded(L, status, argument_count);
}

static int run(lua_State *L, const Options *options, int argc, char **argv) {
    int script = options->script, status = STATUS_OK;
    SourceLoader *load = options->interactive ? locals_load : source_load;
    set_arg(L, argc, argv, script);
    for (int i = 0; status == STATUS_OK && i < options->code_count; i++) {
        const char *code = options->code[i];
        status = run_loaded(L, load(L, code, strlen(code), "=(command line)"), 0);
    }
    bool nothing_yet = script == argc && options->code_count == 0;
    bool prompt = options->interactive || (nothing_yet && isatty(STDIN_FILENO));
    if (status == STATUS_OK && script < argc)
        status = run_script(L, source_load_script(L, argv[script], load), argc - script - 1,
                            argv + script + 1);
    else if (nothing_yet && !prompt)
        status = run_script(L, source_load_script(L, "-", load), 0, NULL);
    if (!prompt)
        return status;
    interrupt_clear(L);
    const ReplOptions prompt_options = { options->quiet, !options->no_init_file,
                                         script < argc ? argv[script] : "-e" };
    repl_run(L, &prompt_options);
    return STATUS_OK;
}

/* What perigee.facts() says of the shard: { i, n }, or nothing. */
static void set_shard(lua_State *L, const Options *options) {
    if (!options->shards)
        return;
    lua_createtable(L, 2, 0);
    lua_pushinteger(L, (lua_Integer)options->shard);
    lua_rawseti(L, -2, 1);
    lua_pushinteger(L, (lua_Integer)options->shards);
    lua_rawseti(L, -2, 2);
    lua_setfield(L, LUA_REGISTRYINDEX, PERIGEE_SHARD);
}

/* Everything that the user's first line finds; protected, because any of it can lack memory. */
static int open_everything(lua_State *L) {
    const Options *options = lua_touserdata(L, 1);
    lua_gc(L, LUA_GCSTOP); /* next to nothing of it is garbage */
    luaL_openlibs(L);
    const char *lua_dir = paths_find_lua(L);
    open_libraries(L);
    set_shard(L, options);
    interrupt_install(L, lua_dir, options->quiet);
    execute_install(L);
    chunk_set_frames(options->debug ? "" : lua_dir);
    progress_bar_install(options->quiet);
    if (!*lua_dir)
        return luaL_error(L, "its Lua files are not where the binary is; PERIGEE_LUA can name the "
                             "folder that contains perigee/");
    lua_getglobal(L, "math"); /* Lua's own numbers repeat with the session's seed as well */
    lua_getfield(L, -1, "randomseed");
    lua_pushinteger(L, (lua_Integer)options->seed);
    lua_call(L, 1, 0);
    /* not by package.path, which cannot say a folder whose name has ';' or '?' */
    if (luaL_loadfilex(L, lua_pushfstring(L, "%s/perigee/init.lua", lua_dir), "t") != LUA_OK)
        return lua_error(L);
    lua_call(L, 0, 0);
    lua_gc(L, LUA_GCRESTART);
    return 0;
}

typedef struct Command {
    const Options *options;
    int argc;
    char **argv;
    int status;
} Command;

static int run_command(lua_State *L) {
    Command *command = lua_touserdata(L, 1);
    if (serve_is_worker())
        serve(L);
    else
        command->status = run(L, command->options, command->argc, command->argv);
    return 0;
}

/* In the process's own context, the current one from the start: nobody need enter it. */
static int start(Options *options, int argc, char **argv) {
    lua_State *L = luaL_newstate();
    if (!L) {
        fputs("perigee: not enough memory\n", stderr);
        return STATUS_ERROR;
    }
    parallel_set_threads(options->threads > 0 ? options->threads : serve_threads(options->quiet));
    session_start(options->seed);
    lua_pushcfunction(L, open_everything);
    lua_pushlightuserdata(L, options);
    Command command = { options, argc, argv, run_loaded(L, LUA_OK, 1) };
    if (command.status == STATUS_OK && !chunk_protect(L, run_command, &command))
        command.status = STATUS_ERROR;
    lua_close(L);
    interrupt_uninstall();
    return command.status;
}

enum { SPARE_SECONDS = 2 };

/* The words of a command line can be anybody's: a file's name, say. */
static int refuse(const char *message) {
    if (serve_is_spare()) {
        sleep(SPARE_SECONDS); /* rank 0 says it: a launcher ends it once another has failed */
        return STATUS_MISUSE;
    }
    fputs("perigee: ", stderr);
    printable_print(message, strlen(message), stderr);
    fputc('\n', stderr);
    return STATUS_MISUSE;
}

int main(int argc, char **argv) {
    blas_start_over();
    streams_fill();
    blas_mend(argv);
    Options options;
    char message[256];
    int status = STATUS_OK;
    // NOLINTNEXTLINE(bugprone-branch-clone): each step may be taken when those before it went well
    if (!options_parse(argc, argv, &options, message)) {
        status = refuse(message);
    } else if (options.help || options.version) {
        if (!serve_is_spare())
            options.help ? options_help(stdout) : versions_print(stdout);
    } else if (options.solver && !libraries_choose_solver(options.solver)) {
        snprintf(message, sizeof message, "--solver: expected \"libsvm\" or \"smo\", got \"%.60s\"",
                 options.solver);
        status = refuse(message);
    } else if (!serve_start(options.mpi, message)) {
        status = refuse(message);
    } else {
        options.quiet |= serve_is_worker();
        status = start(&options, argc, argv);
    }
    free(options.code);
    if (!streams_finish() && status == STATUS_OK)
        status = STATUS_ERROR;
    return status;
}
