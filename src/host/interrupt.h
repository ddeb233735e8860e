/* interrupt.h — Ctrl-C.
 *
 * SIGINT asks every core loop to stop (progress_interrupt) and makes the running Lua code stop
 * before its next line, in a coroutine and under pcall too: the request stands, so whoever catches
 * the error meets it again at the next line, until interrupt_clear.
 *
 * What was interrupted is still kept: the hook lets a statement that goes on over several lines
 * complete, the program's own Lua files hand over what they have, and a core loop that calls a
 * model written in Lua leaves in good order. This leniency ends after half a second, so that none
 * of it can keep the prompt waiting.
 *
 * Where nothing has answered a SIGINT for a while, or another one comes, the user is told that one
 * more ends the program; that one ends it, with status 130. */
#ifndef PERIGEE_HOST_INTERRUPT_H
#define PERIGEE_HOST_INTERRUPT_H

#include <lua.h>
#include <stdbool.h>

/* Catch SIGINT; SIGPIPE, which ends the program only if its output is what broke; SIGALRM, which
 * reminds of a SIGINT. Replace coroutine.resume and coroutine.wrap by ones that tell which
 * coroutine runs. After Lua's libraries are open, in L's context and thread; `lua_dir` (which must
 * outlive L) is where the program's own Lua files are; quiet: no notes. Of several sessions in a
 * process the newest is in the foreground: Ctrl-C is for it alone. */
void interrupt_install(lua_State *L, const char *lua_dir, bool quiet);

/* The context's session has ended, its state is closed: the one before it is in the foreground; if
 * there is none, SIGINT means again what it did before the first. context_free does it too. */
void interrupt_uninstall(void);

/* Say on stderr that the chunk was interrupted: the note (core/notes.h), or else that word. */
void interrupt_report(void);

/* While another program has the terminal SIGINT is for that; one that came meanwhile is heard at
 * the release. */
void interrupt_hold(void);
void interrupt_release(void);

/* Forget a request that has been answered. */
void interrupt_clear(lua_State *L);

#endif
