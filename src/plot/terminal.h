/* terminal.h — what the terminal can do: width, colours, pictures. */
#ifndef PERIGEE_PLOT_TERMINAL_H
#define PERIGEE_PLOT_TERMINAL_H

#include "plot/terminal_picture.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct Terminal {
    bool output;          /* stdout is a terminal */
    bool colour;          /* it shows colours, and NO_COLOR is not set */
    size_t columns, rows; /* 80 × 24 if unknown */
    size_t cell_width;    /* pixels per cell, 0 if unknown */
    PictureMode picture;  /* the best way to draw, sixel not considered */
} Terminal;

/* As things are now: the user may have resized the window since. PERIGEE_PICTURE (plain, 256, rgb,
 * sixel) overrides `picture`. */
Terminal terminal_now(void);

/* Whether the terminal draws sixel. Asks it the first time (primary device attributes; a tenth of a
 * second at most), and never while typed keys are waiting, which the answer would mix with. */
bool terminal_has_sixel(void);

#endif
