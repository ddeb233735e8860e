#include "host/serve.h"

#include "core/error.h"
#include "core/memory.h"
#include "host/interrupt.h"
#include "mpi/farm.h"
#include "mpi/ranks.h"

#include <lauxlib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

bool serve_start(bool mpi, char message[256]) {
    Error err = { 0 };
    if (!ranks_start(mpi, &err)) {
        snprintf(message, 256, "%.250s", err.message);
        return false;
    }
    ranks_at_end(farm_finish);
    return true;
}

bool serve_is_spare(void) {
    return ranks_is_other();
}

bool serve_is_worker(void) {
    return ranks_own() > 0;
}

int serve_threads(bool quiet) {
    int idle, given;
    if (!ranks_transport())
        return 0;
    int threads = ranks_threads(&idle, &given);
    if (idle > 0 && ranks_own() == 0 && !quiet)
        fprintf(stderr,
                "perigee: %d of %d processors stay idle: the ranks are bound to the others; mpirun "
                "--map-by slot:PE=n or --bind-to none gives them more\n",
                idle, given);
    return threads;
}

/* In protected mode, the order at 1: call the function of the farm that it is for with its bytes,
 * and leave what that answers. */
static int carry_out(lua_State *L) {
    FarmOrder *order = lua_touserdata(L, 1);
    lua_getfield(L, LUA_REGISTRYINDEX, "perigee.farm");
    lua_getfield(L, -1, order->word == FARM_TASK ? "work" : "receive");
    lua_pushlstring(L, (const char *)order->bytes.bytes, order->bytes.size);
    if (order->shared) /* native.take_lender does that */
        lua_pushlightuserdata(L, &order->shared);
    else
        lua_pushnil(L);
    lua_call(L, 2, 1);
    return 1;
}

/* What a task has made, or why it has not. */
static void reply(lua_State *L, bool failed) {
    static const char unknown[] = "it failed, and there was no memory to say why";
    size_t size;
    const char *bytes = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &size) : NULL;
    if (bytes)
        farm_reply(failed, bytes, size);
    else
        farm_reply(true, unknown, sizeof unknown - 1);
}

void serve(lua_State *L) {
    FarmOrder order;
    signal(SIGINT, SIG_IGN); /* rank 0's affair: it tells us to stop */
    memory_keep_large();     /* one piece after the other takes and frees about the same */
    memory_keep_freed(true);
    for (farm_next(&order); order.word != FARM_END; farm_next(&order)) {
        lua_pushcfunction(L, carry_out);
        lua_pushlightuserdata(L, &order);
        bool failed = lua_pcall(L, 1, 1, 0) != LUA_OK;
        interrupt_clear(L); /* it was answered */
        if (order.word == FARM_TASK)
            reply(L, failed);
        lender_release(order.shared);
        file_bytes_free(&order.bytes);
        lua_settop(L, 0);
    }
}
