/* picture.h — a picture's file: its kind, a safe place to write it, and whether it is whole.
 *
 * gnuplot does not say that a disk is full. So a picture is written under a temporary name in its
 * own folder, must carry its format's beginning and end, and only then gets the name that was asked
 * for: a file of that name is always a complete one. */
#ifndef PERIGEE_PLOT_PICTURE_H
#define PERIGEE_PLOT_PICTURE_H

#include "core/error.h"

/* The last two are what terminals show: letters (gnuplot's dumb), and sixel. */
typedef enum PictureFormat {
    PICTURE_PNG,
    PICTURE_SVG,
    PICTURE_PDF,
    PICTURE_LETTERS,
    PICTURE_SIXELS
} PictureFormat;

/* By the ending of a file's name (.png, .svg, .pdf), in any case; false for other endings. */
bool picture_format(const char *file, PictureFormat *format);

/* Make an empty temporary file beside `file` and give its path, which starts with '/' or './' and
 * is to be freed. Fails, with the file's name and the system's reason, where the folder is missing
 * or cannot be written, and where `file` is something else than a regular file. */
char *picture_open(const char *where, const char *file, Error *err);

/* Check that the file at `path` is a whole picture; the message names `file`, which it is for. */
bool picture_whole(const char *where, const char *path, const char *file, PictureFormat format,
                   Error *err);

/* Give the temporary file the name `file`; on failure it is removed. */
bool picture_keep(const char *where, const char *path, const char *file, Error *err);

#endif
