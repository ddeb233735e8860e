/* bind_array_table.h — Lua's numbers and tables as arrays, and back; what comes beside arrays as an
 * operand (bind_array_*.c only; others call bind_to_array of bind.h). */
#ifndef PERIGEE_BIND_ARRAY_TABLE_H
#define PERIGEE_BIND_ARRAY_TABLE_H

#include "bind/bind_array.h"

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

/* totable(x). */
int bind_array_totable(lua_State *L);

#endif
