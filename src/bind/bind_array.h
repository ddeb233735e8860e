/* bind_array.h — what the files of the `array` library share (bind_array*.c only).
 *
 * Every operation is reached as array.f(x, …) and x:f(…): it is one C function with x at 1. */
#ifndef PERIGEE_BIND_ARRAY_H
#define PERIGEE_BIND_ARRAY_H

#include "bind/bind.h"

/* Run `call` into the Array pointer `slot`, once more after a collection if memory lacks, and raise
 * what remains. */
#define BIND_ARRAY_MAKE(L, slot, call)                                                             \
    do {                                                                                           \
        Error err = { 0 };                                                                         \
        bool tried = false;                                                                        \
        do                                                                                         \
            (slot) = (call);                                                                       \
        while (!(slot) && bind_retry((L), &err, &tried));                                          \
        if (!(slot))                                                                               \
            bind_raise((L), &err);                                                                 \
    } while (0)

/* "f32", "float32", …; raises with the valid words. `arg` holds the word. */
DType bind_array_dtype(lua_State *L, int arg, const char *where);

/* The option "dtype" of the table at `arg`. */
DType bind_array_opt_dtype(lua_State *L, int arg, const char *where, DType fallback);

/* Sizes as arguments first … : numbers (n, m, …) or one table ({ n, m }), then perhaps a table of
 * options, whose place is left in *options (an empty place if there is none). */
int bind_array_shape(lua_State *L, int first, const char *where, size_t shape[ARRAY_MAX_DIMS],
                     int *options);

/* The (nested) table at arg as a new array of `dtype`, pushed. */
Array *bind_array_from_table(lua_State *L, int arg, const char *where, const char *name,
                             DType dtype);

int bind_array_totable(lua_State *L);

/* The 0-based place of a 1-based (or from the end, negative) index of an axis with n elements. */
size_t bind_array_index(lua_State *L, lua_Integer index, size_t n, int axis, const char *where);

extern const luaL_Reg bind_array_creators[];

/* Push a number as Lua shows it best: an integer for int32, else a float. */
void bind_array_push_number(lua_State *L, double value, DType dtype);

#endif
