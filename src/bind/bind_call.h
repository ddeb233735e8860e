/* bind_call.h — C calls Lua: a part of an attack, a model, a layer or a kernel that a user has
 * written there.
 *
 * Whoever calls is a library without Lua, in the middle of a loop: what is raised in Lua must not
 * leave it, and becomes an Error. The call is made on the main thread, since the coroutine that set
 * it going could be gone by the next one; worker threads never make any. */
#ifndef PERIGEE_BIND_CALL_H
#define PERIGEE_BIND_CALL_H

#include "bind/bind.h"

/* The main thread of L's state: what outlives every coroutine. */
lua_State *bind_main_thread(lua_State *L);

/* A Lua value that C keeps: a function, or the table that a model is. It has one owner, which
 * clears it. */
typedef struct BindRef {
    lua_State *L; /* the main thread; NULL: nothing is kept */
    int ref;      /* in the registry */
} BindRef;

/* Keep the value on top of the stack, which is popped; raises without memory. */
BindRef bind_ref_take(lua_State *L);
void bind_ref_push(lua_State *L, BindRef ref); /* nil where nothing is kept */
void bind_ref_clear(BindRef *ref);             /* does not raise; what is cleared keeps nothing */
void bind_ref_close(BindRef *ref);        /* the same; a value that can be closed is closed first */
bool bind_ref_same(BindRef a, BindRef b); /* one value; false where there is no stack left */

/* Push what the Lua half of a binding does under that name: a table in the registry, which its file
 * in lua/perigee fills. */
void bind_push_half(lua_State *L, const char *half, const char *name);

/* Push function with a pointer to what it is about as its upvalue. */
void bind_push_closure(lua_State *L, lua_CFunction function, void *context);

/* Who is called, for messages: "where: who raised …". */
typedef struct BindCaller {
    lua_State *L;      /* any thread */
    const char *where; /* "scores", "attack.pgd: objective" */
    const char *who;   /* "the model written in Lua", "the objective" */
} BindCaller;

/* Run body(L, context) on the main thread, L an empty stack with LUA_MINSTACK free slots; it may
 * raise, and what it leaves on the stack is dropped. False: it has raised, and err says what. A
 * message stays as it is, with the user's line; an error that is no string, and a yield, are told
 * in a sentence about `who`. The kind is ERROR_MEMORY where memory ran out, ERROR_INTERRUPTED where
 * an interrupt stopped it, else ERROR_ARGUMENT. */
typedef void BindBody(lua_State *L, const void *context);
bool bind_call(const BindCaller *caller, BindBody *body, const void *context, Error *err);

/* Where the function at `arg` is defined, as the end of a message about what it answered: "; the
 * function is at file.lua:12", or "" where it is not written in Lua. */
enum { BIND_PLACE = 96 };
const char *bind_function_place(lua_State *L, int arg, char text[BIND_PLACE]);

/* What goes into a function written in Lua or comes out of it. */
typedef struct BindMatrix {
    const char *where; /* begins messages: "scores" */
    DType dtype;
    size_t n, columns;
} BindMatrix;

/* Push a copy (n × columns) that is read-only: what is written over it would tell of other numbers
 * than were asked about. */
Array *bind_push_matrix(lua_State *L, BindMatrix matrix, const void *rows);

/* The answer of `who` on top of the stack as such a matrix; the array that it is converted to is
 * pushed. One row's may be a plain list. Anything else raises, and so do integers (a mask, labels)
 * where numbers were asked for that change with what went in. */
Array *bind_check_matrix(lua_State *L, BindMatrix matrix, const char *who);

/* The same, with such a place at the end of messages. */
Array *bind_check_matrix_of(lua_State *L, BindMatrix matrix, const char *who, const char *place);

#endif
