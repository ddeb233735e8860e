/* bind_array.h — the array's box, and what the files of the `array` library share
 * (bind_array_*.c only).
 *
 * Every operation is reached as array.f(x, …) and x:f(…): it is one C function with x at 1, called
 * by its BindFunction, whose name begins its messages. */
#ifndef PERIGEE_BIND_ARRAY_H
#define PERIGEE_BIND_ARRAY_H

#include "bind/bind.h"
#include "core/array.h"
#include "core/array_options.h"
#include "core/array_print.h"
#include "core/error.h"

/* Push the new array or view that `call` makes; the second answers with it. */
#define BIND_ARRAY_PUSH(L, call)                                                                   \
    do {                                                                                           \
        void **box = bind_new_box((L), &bind_array_type);                                          \
        BIND_TRY_MAKE((L), *box, call);                                                            \
        bind_array_account((L), *box);                                                             \
    } while (0)
#define BIND_ARRAY_RETURN(L, call)                                                                 \
    do {                                                                                           \
        BIND_ARRAY_PUSH((L), call);                                                                \
        return 1;                                                                                  \
    } while (0)

/* Where arrays' texts have to fit from now on in this state; of width 0: as it was at the start. */
void bind_set_print_room(lua_State *L, const ArrayPrintRoom *room);

/* __tostring. */
int bind_array_tostring(lua_State *L);

/* Tell Lua's collector of the array's memory, unless it is a view of another's. */
void bind_array_account(lua_State *L, const Array *a);

/* The 0-based axis from a 1-based one, negative from the end; the fallback where there is none. */
int bind_array_axis(lua_State *L, int arg, const Array *a, int fallback);

/* The 0-based place of a 1-based index (negative from the end) of the axis. */
size_t bind_array_index(lua_State *L, lua_Integer index, const Array *a, int axis);

/* Sizes as arguments first … : numbers (n, m, …) or one table ({ n, m }). Answers the place of the
 * table of options behind them: that of the sizes' own table where no other follows. */
int bind_array_sizes(lua_State *L, int first, Sizes *sizes);

/* "f32", "float32", …: the word at arg. */
DType bind_array_dtype(lua_State *L, int arg);

/* The table of options at arg, those of `field`; nil is an empty one. */
ArrayOptions bind_array_options(lua_State *L, int arg, const Field *field);

/* The same for a table that holds a list as well; of no fields, it holds the list alone. */
ArrayOptions bind_array_list_options(lua_State *L, int arg, const Field *field);

/* The options of a BindFunction. */
#define ARRAY_OPTIONS(fields) (&(const Fields){ fields, &array_options_initial })

/* Push a number as Lua shows it best: an integer for int32, else a float. */
void bind_array_push_number(lua_State *L, double value, DType dtype);

/* The options behind the axis of f(x, axis, options), whose place is told; x:f{…} leaves the axis
 * out. */
ArrayOptions bind_array_axis_options(lua_State *L, int axis, const Field *field);

/* ---- Lua's numbers and tables as arrays ------------------------------------------------------ */

/* The array at arg. Of a number or a table there one is made, which takes its place: plain numbers
 * in double (array_types.h); a table that holds arrays makes what these make together. */
Array *bind_array_input(lua_State *L, int arg);

/* The same without a box for a number, which is held in the Operand itself. */
typedef struct Operand {
    const Array *array;
    Array scalar;
    double value;
} Operand;
void bind_array_operand(lua_State *L, int arg, Operand *operand);

/* ---- The parts of the library, each of the bind_array_*.c of its name ------------------------ */

extern const BindFunction bind_array_creators[]; /* of the library alone */
extern const BindFunction bind_array_joiners[];
extern const BindFunction bind_array_functions[]; /* library and methods */
extern const BindFunction bind_array_index_functions[];
extern const BindFunction bind_array_reduce_functions[];
extern const BindFunction bind_array_layer_functions[];
extern const BindFunction bind_array_solve_functions[];
extern const BindFunction bind_array_math_functions[]; /* beside the operations of core's table */
extern const BindFunction bind_array_math_methods[];   /* methods alone */

/* x[mask], x[positions], x[{first, last}]: push what is chosen, 1; 0 where the index at 2 is no
 * such. And x[…] = values, those at 3; false likewise. Masks choose elements, or with one axis
 * rows. */
int bind_array_push_chosen(lua_State *L, void *array);
bool bind_array_assign_chosen(lua_State *L, Array *a);

/* Tell a tape where the mask is not 0 (bind_grad.h). */
void bind_array_tell_mask(lua_State *L, const Array *mask, int axis);

/* softmax(x, axis), which is nn's too. */
int bind_array_softmax(lua_State *L);

/* totable(x), tobytes(x). */
int bind_array_totable(lua_State *L);
int bind_array_tobytes(lua_State *L);

/* The operation `data` (an ArrayOp) on the arguments; into the first of them. */
int bind_array_apply(lua_State *L);
int bind_array_apply_in_place(lua_State *L);

#endif
