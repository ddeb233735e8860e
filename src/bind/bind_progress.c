/* native.progress: a loop written in Lua whose bar stands for all that runs within it. */
#include "bind/bind.h"
#include "bind/bind_native.h"
#include "core/context.h"
#include "core/progress.h"

#include <assert.h>
#include <stdlib.h>

/* While it is open, loops of the core report to it, and it reports itself: one bar, not one for
 * each of a thousand runs. */
typedef struct Outer {
    Progress progress;
    double steps, fraction;
    struct Outer *next;
} Outer;

/* All that are there, in no order. */
static Outer **all_outers(void) {
    static const ContextSlot slot = { .size = sizeof(Outer *) };
    return context_slot(&slot);
}

/* A loop of the core that began while another coroutine's was open may outlive that: what it would
 * report to is looked for first. */
static void hear(void *context, const Progress *inner) {
    const Outer *outer = *all_outers();
    (void)inner;
    while (outer && outer != context)
        outer = outer->next;
    if (outer && outer->progress.listener)
        outer->progress.listener(outer->progress.context, &outer->progress);
}

/* The one that a listener is, or NULL. */
static Outer *outer_of(ProgressListener *listener, void *context) {
    return listener == hear ? context : NULL;
}

/* Of a coroutine that was left before its end a loop is released by the collector, at any time:
 * others that were opened since may report to it. */
static void unlink_outer(const Outer *outer) {
    void *context;
    assert(outer);
    ProgressListener *listener = progress_listener(&context);
    Outer *inner = outer_of(listener, context);
    if (inner == outer)
        progress_listen(outer->progress.listener, outer->progress.context);
    for (; inner; inner = outer_of(inner->progress.listener, inner->progress.context))
        if (outer_of(inner->progress.listener, inner->progress.context) == outer) {
            inner->progress.listener = outer->progress.listener;
            inner->progress.context = outer->progress.context;
        }
    Outer **at = all_outers();
    while (*at && *at != outer)
        at = &(*at)->next;
    if (*at)
        *at = outer->next;
}

static void release(void *object) {
    Outer *outer = object;
    unlink_outer(outer);
    progress_end(&outer->progress);
    free(outer);
}

static const BoxType outer_type = { "perigee.progress", "a loop's progress", release, NULL };

/* native.progress(steps [, loop]) → what is to be closed (<close>) when the loop is done. */
static int new_progress(lua_State *L) {
    static const char *const loops[] = { "security", "cross-validation", "attack", NULL };
    double steps = luaL_checknumber(L, 1);
    const char *what = loops[luaL_checkoption(L, 2, *loops, loops)];
    void **box = bind_new_box(L, &outer_type);
    Outer *outer = calloc(1, sizeof *outer);
    if (!outer)
        return bind_error(L, "not enough memory");
    outer->progress = progress_new();
    outer->steps = steps;
    progress_begin(&outer->progress, what, steps);
    Outer **all = all_outers();
    outer->next = *all;
    *all = outer;
    *box = outer;
    progress_listen(hear, outer);
    return 1;
}

/* native.progress_at(progress, fraction, words): it has got so far. */
static int progress_at(lua_State *L) {
    Outer *outer = bind_check(L, 1, &outer_type, "progress", "progress");
    double fraction = luaL_checknumber(L, 2);
    double more = fraction - outer->fraction;
    outer->fraction = fraction;
    progress_step(&outer->progress, more * outer->steps, luaL_checkstring(L, 3));
    return 0;
}

void bind_open_progress(lua_State *L) {
    static const BindFunction functions[] = { BIND("progress", new_progress, 2),
                                              BIND("progress_at", progress_at, 3), BIND_LAST };
    bind_new_owner(L, &outer_type);
    bind_set_functions(L, functions);
}
