/* gnuplot.h — one gnuplot, kept as a child process and talked to through pipes.
 *
 * It starts when first needed, with -d (nobody's start-up files), and stays for the next picture.
 * One that has died, was killed, or was stopped for taking too long is replaced by the next call.
 * It reads commands as a script from its standard input, so after a mistake it goes on with the
 * next line; every exchange therefore ends with a question whose answer brings back GPVAL_ERRMSG.
 *
 * Waiting ends early when an interrupt is pending (see progress.h); gnuplot is then stopped too. */
#ifndef PERIGEE_PLOT_GNUPLOT_H
#define PERIGEE_PLOT_GNUPLOT_H

#include "core/types.h"
#include "core/fields.h"
#include "plot/picture.h"

typedef struct Gnuplot Gnuplot;

typedef struct GnuplotPicture {
    const char *where;    /* the user's function, for messages */
    const char *terminal; /* "set terminal pngcairo …" and what else must come before the output */
    const char *body;     /* everything that draws */
    const char *file;     /* NULL: the terminal is a window */
    PictureFormat format;  /* of the file */
    const char *signature; /* one line that the file carries (picture.h), or NULL */
    double dots;           /* of a PNG: pixels an inch, which it says; 0: it does not */
    double timeout;        /* seconds for the whole call */
} GnuplotPicture;
extern const Field gnuplot_picture_fields[];

/* The program that would run: $PERIGEE_GNUPLOT (a path, or a name to be looked up) or "gnuplot"
 * from PATH. Returns its path, to be freed, or NULL if there is none. */
char *gnuplot_find(void);

/* Starts nothing yet. NULL on lack of memory. gnuplot_free stops the child and reaps it. */
Gnuplot *gnuplot_new(Error *err);
void gnuplot_free(Gnuplot *gnuplot);

/* Draw; on success the file is complete and has replaced any older one of its name. On failure the
 * older one is as it was, and the message has gnuplot's own words where it said any. */
bool gnuplot_draw(Gnuplot *gnuplot, const GnuplotPicture *picture, Error *err);

/* Its version ("5.4.4"), and the names of its terminals, each between spaces (" png svg "). Both
 * start it if need be and stay valid until the next call. NULL on failure. */
const char *gnuplot_version(Gnuplot *gnuplot, const char *where, Error *err);
const char *gnuplot_terminals(Gnuplot *gnuplot, const char *where, Error *err);

#endif
