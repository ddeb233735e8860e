/* bind_plot_columns.h — the part of gnuplot that turns numbers into text. */
#ifndef PERIGEE_BIND_PLOT_COLUMNS_H
#define PERIGEE_BIND_PLOT_COLUMNS_H

#include <lua.h>

/* Add its functions to the table on top of the stack. "perigee.text" is registered before. */
void bind_add_plot_columns(lua_State *L);

#endif
