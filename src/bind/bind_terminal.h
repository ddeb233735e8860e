/* bind_terminal.h — the terminal's functions, for the table `perigee`. */
#ifndef PERIGEE_BIND_TERMINAL_H
#define PERIGEE_BIND_TERMINAL_H

#include <lua.h>

/* Add terminal(), picture() and print_room() to the table on top of the stack. */
void bind_open_terminal(lua_State *L);

#endif
