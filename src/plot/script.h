/* script.h — text that goes into a gnuplot script.
 *
 * Every string is written in single quotes: gnuplot runs a shell for backquotes inside double ones.
 * What single quotes cannot hold is joined by the '.' operator, as in 'two'."\012".'lines', so a
 * quoted string stands wherever gnuplot takes a string expression. An apostrophe is one of those:
 * doubled, it breaks off at the beginning of a string in gnuplot 5.4; and by its code, since a bare
 * one in double quotes would make gnuplot look for macros (@x) in what follows. */
#ifndef PERIGEE_PLOT_SCRIPT_H
#define PERIGEE_PLOT_SCRIPT_H

#include <stddef.h>

/* A label: newlines stay, tabs become spaces, other controls and what is not UTF-8 visible
 * (core/printable.h). NULL on lack of memory; to be freed. */
char *script_label(const char *text, size_t length);

/* A file's name, byte by byte. NULL on lack of memory; to be freed. */
char *script_path(const char *path);

#endif
