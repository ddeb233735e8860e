#include "bind/bind_call.h"

#include "bind/bind_grad.h"

#include "core/array.h"
#include "core/error.h"
#include "core/progress.h"

#include <stdio.h>
#include <string.h>

lua_State *bind_main_thread(lua_State *L) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
    lua_State *main_state = lua_tothread(L, -1);
    lua_pop(L, 1);
    return main_state;
}

/* ---- What is kept ---------------------------------------------------------------------------- */

BindRef bind_ref_take(lua_State *L) {
    int ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return (BindRef){ bind_main_thread(L), ref };
}

void bind_ref_push(lua_State *L, BindRef ref) {
    if (ref.L)
        lua_rawgeti(L, LUA_REGISTRYINDEX, ref.ref);
    else
        lua_pushnil(L);
}

void bind_ref_clear(BindRef *ref) {
    if (ref->L)
        luaL_unref(ref->L, LUA_REGISTRYINDEX, ref->ref);
    *ref = (BindRef){ 0 };
}

bool bind_ref_same(BindRef a, BindRef b) {
    lua_State *L = a.L;
    if (!a.L || !b.L || !lua_checkstack(L, 2))
        return !a.L && !b.L;
    bind_ref_push(L, a);
    bind_ref_push(L, b);
    bool same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return same;
}

/* ---- Calls ----------------------------------------------------------------------------------- */

typedef struct Run {
    BindBody *body;
    const void *context;
} Run;

static int run_body(lua_State *L) {
    const Run *run = lua_touserdata(L, 1);
    lua_settop(L, 0);
    run->body(L, run->context);
    return 0;
}

/* What made it fail? An interrupt stops Lua at its next line. */
static ErrorKind kind_of(int status) {
    return status == LUA_ERRMEM           ? ERROR_MEMORY
           : progress_interrupt_pending() ? ERROR_INTERRUPTED
                                          : ERROR_ARGUMENT;
}

/* What has been raised, on top of the stack. Its own messages stay as they are. */
static void tell(lua_State *L, const BindCaller *caller, ErrorKind kind, Error *err) {
    const char *message = bind_push_raised(L, -1);
    if (lua_type(L, -2) != LUA_TSTRING)
        error_set(err, kind, "%s: %s raised %s", caller->where, caller->who, message);
    else if (strstr(message, "attempt to yield"))
        error_set(err, kind,
                  "%s: %s called coroutine.yield: it is called from C, which waits for its answer "
                  "and cannot be left on the way",
                  caller->where, caller->who);
    else
        error_set(err, kind, "%s", message);
}

void bind_push_half(lua_State *L, const char *half, const char *name) {
    luaL_getsubtable(L, LUA_REGISTRYINDEX, half);
    lua_getfield(L, -1, name);
    lua_remove(L, -2);
}

void bind_push_closure(lua_State *L, lua_CFunction function, void *context) {
    lua_pushlightuserdata(L, context);
    lua_pushcclosure(L, function, 1);
}

bool bind_call(const BindCaller *caller, BindBody *body, const void *context, Error *err) {
    lua_State *L = lua_checkstack(caller->L, 1) ? bind_main_thread(caller->L) : NULL;
    Run run = { body, context };
    GradFrame frame;
    if (!L || !lua_checkstack(L, 8))
        return error_set(err, ERROR_MEMORY, "%s: Lua's stack is full", caller->where);
    int top = lua_gettop(L);
    lua_pushcfunction(L, run_body);
    lua_pushlightuserdata(L, &run);
    bind_grad_suspend(L, &frame);
    int status = lua_pcall(L, 1, 0, 0);
    bind_grad_resume(L, &frame);
    if (status != LUA_OK)
        tell(L, caller, kind_of(status), err);
    lua_settop(L, top);
    return status == LUA_OK;
}

static void close_body(lua_State *L, const void *context) {
    bind_ref_push(L, *(const BindRef *)context);
    if (luaL_getmetafield(L, 1, "__close") == LUA_TNIL)
        return;
    lua_pushvalue(L, 1);
    lua_call(L, 1, 0);
}

/* What fails to be closed is left to the collector. */
void bind_ref_close(BindRef *ref) {
    const BindCaller caller = { ref->L, "close", "what is closed" };
    Error err;
    if (ref->L)
        bind_call(&caller, close_body, ref, &err);
    bind_ref_clear(ref);
}

/* ---- What goes in and comes out -------------------------------------------------------------- */

const char *bind_function_place(lua_State *L, int arg, char text[BIND_PLACE]) {
    lua_Debug made;
    text[0] = '\0';
    if (lua_type(L, arg) != LUA_TFUNCTION || lua_iscfunction(L, arg))
        return text;
    lua_pushvalue(L, arg);
    if (lua_getinfo(L, ">S", &made))
        snprintf(text, BIND_PLACE, "; the function is at %s:%d", made.short_src, made.linedefined);
    return text;
}

Array *bind_push_matrix(lua_State *L, BindMatrix matrix, const void *rows) {
    Array *a = bind_push_new_array(L, matrix.where, matrix.dtype,
                                   &(Sizes){ 2, { matrix.n, matrix.columns } });
    memcpy(a->data, rows, array_bytes(a));
    a->read_only = true;
    return a;
}

Array *bind_check_matrix(lua_State *L, BindMatrix matrix, const char *who) {
    return bind_check_matrix_of(L, matrix, who, "");
}

Array *bind_check_matrix_of(lua_State *L, BindMatrix matrix, const char *who, const char *place) {
    const Array *given = bind_test_array(L, -1);
    char text[128], name[64];
    if (given && dtype_is_whole(given->dtype))
        bind_error(L, "%s: %s answered %s%s, expected floats: f32 or f64, (%d, %d)%s", matrix.where,
                   who, given->origin == ORIGIN_MASK ? "a mask, " : "", bind_describe(L, -1, text),
                   (int)matrix.n, (int)matrix.columns, place);
    snprintf(name, sizeof name, "%s's answer", who);
    Array *a = bind_to_array(L, lua_gettop(L), matrix.where, name, matrix.dtype);
    bool flat = matrix.n == 1 && a->ndim == 1 && a->shape[0] == matrix.columns;
    if (!flat && !(a->ndim == 2 && a->shape[0] == matrix.n && a->shape[1] == matrix.columns))
        bind_error(L, "%s: %s answered %s, expected (%d, %d)%s", matrix.where, who,
                   array_shape_text(a->ndim, a->shape, text), (int)matrix.n, (int)matrix.columns,
                   place);
    return a;
}
