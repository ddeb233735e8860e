/* serve.h — the life of a rank that does not run the script. */
#ifndef PERIGEE_HOST_SERVE_H
#define PERIGEE_HOST_SERVE_H

#include <lua.h>
#include <stdbool.h>

/* Join the other ranks, if there are any (mpi/ranks.h); `mpi`: as --mpi asks for it. False, and why
 * in `message`, where that cannot be. */
bool serve_start(bool mpi, char message[256]);

/* Before that: is there another process whose part it is to say what all would say? */
bool serve_is_spare(void);

/* How many threads this rank should use, where nobody said it; processors that stay idle are told
 * of once, unless `quiet`. 0 in a process alone. */
int serve_threads(bool quiet);

/* Is this a rank that works for rank 0? */
bool serve_is_worker(void);

/* Work on what rank 0 hands out (mpi/farm.h), by lua/perigee/farm.lua, until it ends. */
void serve(lua_State *L);

#endif
