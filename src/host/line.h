/* line.h — one line from the user: GNU readline on a terminal, plain reading elsewhere.
 *
 * Readline's signal handling is off. While a line is typed Ctrl-C is a key like any other; a SIGINT
 * from elsewhere is the program's (it marks an interrupt, progress.h), and line_read notices it and
 * gives the line up as well. */
#ifndef PERIGEE_HOST_LINE_H
#define PERIGEE_HOST_LINE_H

#include <stdbool.h>
#include <stddef.h>

typedef enum LineStatus {
    LINE_READ,       /* a line is there, without its newline (a paste may hold newlines inside) */
    LINE_END,        /* end of input: Ctrl-D on an empty line */
    LINE_INTERRUPTED /* Ctrl-C: what was typed is dropped */
} LineStatus;

/* What may stand before the cursor, asked at the Tab key. `before` is all that was typed up to the
 * cursor, earlier lines of an unfinished chunk not included: the completer knows those. */
typedef struct LineChoices {
    char **
        word; /* malloc'd strings in a malloc'd list: readline frees the strings, line.c the list */
    size_t count;
    size_t replaced; /* bytes before the cursor that each word replaces */
    bool want_files; /* complete a file's name instead */
} LineChoices;
typedef void LineCompleter(const void *context, const char *before, LineChoices *choices);

/* Called once before the first line. history_path may be NULL: nothing is kept. */
void line_open(const char *history_path, LineCompleter *completer, const void *context);

/* *line is malloc'd by LINE_READ and untouched otherwise. */
LineStatus line_read(const char *prompt, char **line);

/* Put an entry (several lines if need be) into the history, and into its file at once. Nothing
 * happens for blank entries and for a repetition of the last one. */
void line_remember(const char *entry);

#endif
