/* bind_terminal.h — the terminal's functions, for the table `perigee`. */
#ifndef PERIGEE_BIND_TERMINAL_H
#define PERIGEE_BIND_TERMINAL_H

#include "core/array_print.h"

#include <lua.h>

/* The room that arrays' texts have now, or NULL where the prompt has not said. */
const ArrayPrintRoom *bind_print_room(void);

/* Add terminal(), picture() and print_room() to the table on top of the stack. */
void bind_open_terminal(lua_State *L);

#endif
