/* bind_grad.h — functions of arrays that a tape records (grad/tape.h).
 *
 * Every function that users call by a name goes through call_function (bind_functions.c), which
 * asks bind_records, two loads, and where a tape records calls bind_grad_call: a function of arrays
 * some of which the tape knows is looked up in the table of operations by its name, called as
 * always, and recorded with the arrays among its arguments. What else its pullback has to know, the
 * binding tells while it runs; where nothing is recorded nobody listens.
 *
 * A result that would be a Lua number is then a traced scalar: an array without axes that counts in
 * types as the number that it stands for. */
#ifndef PERIGEE_BIND_GRAD_H
#define PERIGEE_BIND_GRAD_H

#include "bind/bind.h"

typedef struct Tape Tape;
typedef struct Operation Operation;

/* One of the calls that nest: a function that a tape records, or (without one) what C calls in
 * Lua and nothing records. It stands on the C stack. */
typedef struct GradFrame GradFrame;
struct GradFrame {
    Tape *tape;
    GradFrame *below;
    bool entered, wants; /* wants: the running function is recorded */
    /* What it has told. */
    const Operation *operation; /* whose attributes those are, where they own something */
    const char *name;
    void *attributes;
    const Array *const *input;
    size_t inputs;
};

/* Before anything else is opened in the state: all of its threads find the recorder. */
void bind_grad_open(lua_State *L);

static inline bool bind_records(lua_State *L) {
    GradFrame **innermost = *(GradFrame ***)lua_getextraspace(L);
    return *innermost != NULL;
}

/* What C calls in Lua is not recorded: around a protected call, whatever that raises. */
void bind_grad_suspend(lua_State *L, GradFrame *frame);
void bind_grad_resume(lua_State *L, GradFrame *frame);

/* Call the function of that entry, by whose name `where` its messages begin. */
int bind_grad_call(lua_State *L, const BindFunction *function, const char *where);

/* For what is no function, x[i] and x.T, with its value on top of the stack: will it be recorded as
 * made of the array x? Then what it tells is heard, and it is recorded as that operation of x. */
bool bind_grad_hears(lua_State *L, const Array *x);
void bind_grad_result(lua_State *L, const char *operation, const Array *x);

/* The same with an operation that is in no table, whose attributes have been told. The tape is
 * marked as a surrogate's. */
void bind_grad_record(lua_State *L, const Operation *operation, const Array *x);

/* Is this array traced? Raises where it is so outside of the innermost frame alone. */
bool bind_is_traced(lua_State *L, const Array *a);

/* What a pullback has to know (Operation's attributes), copied: some bytes; positions from 0 along
 * an axis, −1 the flattened array; the inputs, where they are not arguments; the name of what was
 * really done. */
void bind_tell(lua_State *L, const void *attributes, size_t bytes);
void bind_tell_chosen(lua_State *L, int axis, const size_t *position, size_t count);
void bind_tell_inputs(lua_State *L, const Array *const *input, size_t count);
void bind_tell_operation(lua_State *L, const char *name);

/* Is the running function recorded? Then it tells, instead of bytes, what it made beside the
 * answer: malloc'd attributes that the operation's `forget` ends, the recorder's from then on. */
bool bind_wants_attributes(lua_State *L);
void bind_tell_owned(lua_State *L, const Operation *operation, void *attributes);

/* x < y and x <= y of traced scalars: true if these are such, or one of them and a number. */
bool bind_grad_compare(lua_State *L, double pair[2]);

/* Push the table `grad` of what lua/perigee/grad.lua stands on. */
void bind_open_grad(lua_State *L);

/* A member of it (bind_grad_custom.c). */
int bind_grad_custom(lua_State *L);

#endif
