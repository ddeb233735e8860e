/* gnuplot.listen: what running core loops report, for plot.live. */
#include "bind/bind.h"
#include "bind/bind_native.h"
#include "core/context.h"
#include "core/progress.h"

static const double SAMPLE_EVERY = 0.05; /* seconds between two calls of the callback */

/* The callback stands on a Lua thread of its own: it runs while a binding is in the middle of its
 * work on another stack. */
typedef struct Live {
    lua_State *thread;      /* NULL: nobody listens */
    ProgressListener *next; /* who listened before: the bar */
    void *next_context;
    double called_at;
    bool failed; /* the callback's message is on top of the thread's stack */
    bool inside; /* a callback that runs loops itself does not hear them */
} Live;

/* One per context. */
static Live *the_live(void) {
    static const ContextSlot slot = { .size = sizeof(Live) };
    return context_slot(&slot);
}

static void call_back(Live *live, const Progress *progress) {
    lua_State *T = live->thread;
    live->inside = true;
    lua_pushvalue(T, 1);
    lua_pushstring(T, progress->level[0].what);
    lua_pushnumber(T, progress->depth > 0 ? progress_fraction(progress) : 1);
    lua_pushstring(T, progress->detail);
    live->failed = lua_pcall(T, 3, 0, 0) != LUA_OK;
    live->inside = false;
}

static void listen(void *context, const Progress *progress) {
    Live *live = context;
    if (live->next)
        live->next(live->next_context, progress);
    if (!live->thread || live->failed || live->inside)
        return;
    double now = progress_clock();
    if (progress->depth > 0 && now - live->called_at < SAMPLE_EVERY)
        return;
    call_back(live, progress);
    live->called_at = progress_clock();
}

/* The box in the registry keeps the thread, and ends the listening when the state closes. */
static void release(void *thread) {
    Live *live = the_live();
    if (live->thread != thread)
        return;
    progress_listen(live->next, live->next_context);
    *live = (Live){ 0 };
}

static const BoxType live_type = { .name = "perigee.live",
                                   .shown = "a listener",
                                   .release = release };

static const char registry_key[] = "perigee.live.thread";

static int stop(lua_State *L) {
    const Live *live = the_live();
    if (!live->thread)
        return 0;
    if (live->failed)
        lua_pushstring(L, lua_tostring(live->thread, -1) ? lua_tostring(live->thread, -1) : "?");
    else
        lua_pushnil(L);
    release(live->thread);
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, registry_key);
    return 1;
}

/* gnuplot.listen(callback) / gnuplot.listen(nil): from now on callback(what, fraction, detail) is
 * called while loops run, 20 times a second at most and at the end of each outermost one; nil ends
 * it. An error in the callback ends it too; gnuplot.listen(nil) then returns its message. */
static int plot_listen(lua_State *L) {
    if (lua_isnoneornil(L, 1))
        return stop(L);
    luaL_checktype(L, 1, LUA_TFUNCTION);
    Live *live = the_live();
    if (live->thread)
        return bind_error(L, "plot.live: another one is running");
    lua_settop(L, 1);
    void **box = bind_new_box(L, &live_type);
    lua_State *thread = lua_newthread(L);
    lua_setiuservalue(L, 2, 1);
    lua_pushvalue(L, 1);
    lua_xmove(L, thread, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, registry_key);
    *box = thread;
    *live = (Live){ .thread = thread };
    live->next = progress_listener(&live->next_context);
    progress_listen(listen, live);
    return 0;
}

void bind_open_plot_live(lua_State *L) {
    static const BindFunction functions[] = { BIND("listen", plot_listen, 1), BIND_LAST };
    bind_new_owner(L, &live_type);
    bind_set_functions(L, functions);
}
