/* bind_farm.c — the farm (mpi/farm.h) for lua/perigee/farm.lua, which says what it is for. */
#include "bind/bind.h"
#include "bind/bind_native.h"
#include "core/error.h"
#include "mpi/farm.h"
#include "mpi/ranks.h"

#include <stdlib.h>

/* farm.ranks() → which one this is, from 0, and of how many. */
static int ranks(lua_State *L) {
    lua_pushinteger(L, ranks_own());
    lua_pushinteger(L, ranks_count());
    return 2;
}

/* farm.begin(tasks, how many a rank has at a time), farm.lay(bytes), farm.share(words, bytes or
 * nil) */
static int begin(lua_State *L) {
    Error err = { 0 };
    size_t count = (size_t)luaL_checkinteger(L, 1), most = (size_t)luaL_optinteger(L, 2, 1);
    return farm_begin(count, most, &err) ? 0 : bind_raise(L, &err);
}

static int lay(lua_State *L) {
    Error err = { 0 };
    size_t size;
    const char *bytes = luaL_checklstring(L, 1, &size);
    return farm_lay(bytes, size, &err) ? 0 : bind_raise(L, &err);
}

static int share(lua_State *L) {
    Error err = { 0 };
    FarmShared shared = { 0 };
    shared.words = luaL_checklstring(L, 1, &shared.length);
    if (lua_islightuserdata(L, 2)) {
        shared.bytes = lua_touserdata(L, 2);
        shared.size = (size_t)luaL_checkinteger(L, 3);
    } else {
        shared.bytes = luaL_optlstring(L, 2, NULL, &shared.size);
    }
    return farm_share(&shared, &err) ? 0 : bind_raise(L, &err);
}

/* farm.open(), farm.wait(), farm.stop(), farm.close() */
static int plain(lua_State *L) {
    void (*const *call)(void) = bind_here(L)->data;
    (*call)();
    return 0;
}

/* farm.take() → the next task's number for rank 0 itself, or nil. */
static int take(lua_State *L) {
    ptrdiff_t task = farm_take();
    if (task < 0)
        return 0;
    lua_pushinteger(L, (lua_Integer)task + 1);
    return 1;
}

static int outstanding(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)farm_outstanding());
    return 1;
}

/* farm.answer() → the number of a task that was answered, whether it failed, the answer's bytes and
 * whose it is; or nil. */
static int answer(lua_State *L) {
    void **box = bind_new_memory_box(L);
    FarmAnswer found;
    if (!farm_answer(&found))
        return 0;
    *box = found.bytes.bytes;
    lua_pushinteger(L, (lua_Integer)found.task + 1);
    lua_pushboolean(L, found.failed);
    lua_pushlstring(L, (const char *)found.bytes.bytes, found.bytes.size);
    lua_pushinteger(L, found.rank);
    free(found.bytes.bytes);
    *box = NULL;
    return 4;
}

void bind_open_farm(lua_State *L) {
    static void (*const calls[])(void) = { farm_open, farm_wait, farm_stop, farm_close };
    static const BindFunction functions[] = {
        BIND("ranks", ranks, 0),
        BIND("begin", begin, 2),
        BIND("lay", lay, 1),
        BIND("share", share, 3),
        BIND_AS("open", plain, 0, &calls[0]),
        BIND_AS("wait", plain, 0, &calls[1]),
        BIND_AS("stop", plain, 0, &calls[2]),
        BIND_AS("close", plain, 0, &calls[3]),
        BIND("take", take, 0),
        BIND("outstanding", outstanding, 0),
        BIND("answer", answer, 0),
        BIND_LAST,
    };
    lua_newtable(L);
    bind_set_functions(L, functions);
}
