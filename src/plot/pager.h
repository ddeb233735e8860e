/* pager.h — a text shown by a pager (less), a screen at a time. */
#ifndef PERIGEE_PLOT_PAGER_H
#define PERIGEE_PLOT_PAGER_H

#include <stdbool.h>
#include <stddef.h>

/* Run the shell's command on the terminal with the text as its input, and wait for its end; Ctrl-C
 * is the pager's meanwhile. `less` is told to end where all fits on one screen, and to obey
 * colours, unless the user has set LESS. False, and nothing is shown, where standard input or
 * output is no terminal or the command cannot be found. */
bool pager_show(const char *command, const char *text, size_t length);

#endif
