/* bind_array.h — what the files of the `array` library share (bind_array*.c only).
 *
 * Every operation is reached as array.f(x, …) and x:f(…): it is one C function with x at 1. */
#ifndef PERIGEE_BIND_ARRAY_H
#define PERIGEE_BIND_ARRAY_H

#include "bind/bind.h"
#include "core/array.h"
#include "core/error.h"

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

/* ---- Arguments ------------------------------------------------------------------------------- */

/* "f32", "float32", …; raises with the valid words. `arg` holds the word. */
DType bind_array_dtype(lua_State *L, int arg, const char *where);

/* The option "dtype" of the table at `arg`. */
DType bind_array_opt_dtype(lua_State *L, int arg, const char *where, DType fallback);

/* Sizes as arguments first … : numbers (n, m, …) or one table ({ n, m }), then perhaps a table of
 * options, whose place is left in *options (an empty place if there is none). */
int bind_array_shape(lua_State *L, int first, const char *where, size_t shape[ARRAY_MAX_DIMS],
                     int *options);

/* The array at arg; a number or table there is made one (float32) and takes its place. */
Array *bind_array_input(lua_State *L, int arg, const char *where);

/* An operand beside an array of type `peer`: an array as it is; a number without a say in the type
 * where it fits (a Lua integer beside i32 stays i32, a float makes f32), held in the Operand
 * itself; a table, which is converted and takes its place on the stack. */
typedef struct Operand {
    const Array *array;
    Array scalar;
    union {
        float f32;
        double f64;
        int32_t i32;
    } value;
} Operand;
void bind_array_operand(lua_State *L, int arg, const char *where, DType peer, Operand *operand);

/* The 0-based axis from a 1-based one, negative from the end; −1 where the argument is absent. */
int bind_array_axis(lua_State *L, int arg, const char *where, const Array *a, int fallback);

/* The 0-based place of a 1-based (or from the end, negative) index of an axis with n elements. */
size_t bind_array_index(lua_State *L, lua_Integer index, size_t n, int axis, const char *where);

/* ---- Results --------------------------------------------------------------------------------- */

/* The (nested) table at arg as a new array of `dtype`, pushed. */
Array *bind_array_from_table(lua_State *L, int arg, const char *where, const char *name,
                             DType dtype);

/* Push a number as Lua shows it best: an integer for int32, else a float. */
void bind_array_push_number(lua_State *L, double value, DType dtype);

/* ---- The parts of the library ---------------------------------------------------------------- */

int bind_array_totable(lua_State *L);
int bind_array_get_T(lua_State *L, const Array *a);

extern const BindFunction bind_array_creators[]; /* of the library alone */
extern const BindFunction bind_array_joiners[];
extern const BindFunction bind_array_shape_functions[]; /* library and methods */
extern const BindFunction bind_array_index_functions[];
extern const BindFunction bind_array_linalg_functions[];

/* Set one function in the library and among the methods, at these places. */
void bind_array_set_both(lua_State *L, const BindFunction *f, int library, int methods);

/* Add the functions of core's tables to the library, the methods and the metatable at these places.
 */
void bind_array_open_math(lua_State *L, int library, int methods, int metatable);
void bind_array_open_reduce(lua_State *L, int library, int methods);

#endif
