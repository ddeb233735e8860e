/* bind_array_parts.h — the parts of the `array` library, each of the bind_array_*.c of its name. */
#ifndef PERIGEE_BIND_ARRAY_PARTS_H
#define PERIGEE_BIND_ARRAY_PARTS_H

#include "bind/bind.h"

extern const BindFunction bind_array_creators[]; /* of the library alone */
extern const BindFunction bind_array_joiners[];
extern const BindFunction bind_array_functions[]; /* library and methods */
extern const BindFunction bind_array_index_functions[];
extern const BindFunction bind_array_reduce_functions[];
extern const BindFunction bind_array_math_functions[]; /* beside the operations of core's table */
extern const BindFunction bind_array_math_methods[];   /* methods alone */

/* The operation `data` (an ArrayOp) on the arguments; into the first of them. */
int bind_array_apply(lua_State *L);
int bind_array_apply_in_place(lua_State *L);

#endif
