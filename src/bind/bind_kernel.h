/* bind_kernel.h — kernels in Lua: tables of a name and parameters, and those whose values a
 * function written there gives (svm/own_kernel.h; lua/perigee/kernel.lua is the other half). */
#ifndef PERIGEE_BIND_KERNEL_H
#define PERIGEE_BIND_KERNEL_H

#include "bind/bind.h"
#include "svm/kernel.h"

/* Push its table. */
void bind_push_kernel(lua_State *L, const Kernel *kernel);

/* The kernel at `arg`, a table as its constructor makes it or a name; raises what it is not. One
 * written in Lua is borrowed from what stands there. */
Kernel bind_check_kernel(lua_State *L, int arg, const char *where);

/* Push what a kernel is written in Lua by, a table { values =, gradient = }; false: it is not. */
bool bind_push_kernel_definition(lua_State *L, const Kernel *kernel);

/* Set the built-in kernels' constructors in the library on top of the stack. */
void bind_open_kernels(lua_State *L);

/* native.own_kernel(definition, name or nil, names, values) → the kernel's table. The definition is
 * what kernel.lua calls; names and values are lists, of its parameters. */
int bind_own_kernel(lua_State *L);

#endif
