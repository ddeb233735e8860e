/* repl.h — the prompt: reading, continuing, running, printing. */
#ifndef PERIGEE_REPL_H
#define PERIGEE_REPL_H

#include <lua.h>
#include <stdbool.h>

typedef struct ReplOptions {
    bool quiet;        /* no greeting */
    bool init_file;    /* run the user's init.lua first */
    const char *after; /* what has run before: a script's name, or "-e" */
} ReplOptions;

/* Read statements and run them until the input ends; L's context is entered. One prompt a process,
 * since there is one readline. */
void repl_run(lua_State *L, const ReplOptions *options);

#endif
