/* typing.h — the terminal while a line is typed, across what ends, stops or resizes it.
 *
 * Readline reads keys one by one and unechoed. A SIGTERM or SIGHUP at the prompt must not leave the
 * terminal so for the shell, nor a SIGTSTP; and after a SIGCONT the shell has put its own modes
 * there, in which there is no editing. Readline's own handlers know nothing of it: they are there
 * only while it looks at a key. */
#ifndef PERIGEE_HOST_TYPING_H
#define PERIGEE_HOST_TYPING_H

/* From here on the terminal is put into the modes in which lines are typed, and back, by readline
 * as it needs them; Ctrl-C, Ctrl-S and Ctrl-Q are keys meanwhile. */
void typing_install(void);

/* A line begins: the terminal's size may be another than at the last one. */
void typing_begin(void);

/* A signal has come, or a key: show the line anew if the program was stopped and goes on, or the
 * terminal has another size. */
void typing_redraw(void);

#endif
