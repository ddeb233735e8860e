/* picture.h — a picture's file: its kind, a safe place to draw it, and whether it is whole.
 *
 * gnuplot does not say that a disk is full. So a picture is drawn into a temporary file beside its
 * own (core/file.h), must carry its format's beginning and end, and only then gets the name that
 * was asked for: a file of that name is always a complete one. */
#ifndef PERIGEE_PLOT_PICTURE_H
#define PERIGEE_PLOT_PICTURE_H

#include "core/file.h"

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

/* One that is being made. Messages are "where: … file …"; both belong to the caller. */
typedef struct PictureFile {
    const char *where, *file;
    PictureFormat format;
    double dots;       /* of a PNG: pixels an inch; 0: not said */
    FileWriter writer; /* writer.temporary is where to draw */
} PictureFile;

/* Make the temporary file. Fails where the folder is missing or cannot be written, and where `file`
 * is something else than a regular file. */
bool picture_open(PictureFile *picture, Error *err);

/* Is it whole? If not, the error adds what gnuplot said last, or nothing where `words` is empty. */
bool picture_whole(const PictureFile *picture, const char *words, Error *err);

/* Write into a whole picture what made it, one line of printable ASCII without "--". PNG: a tEXt
 * chunk "Comment" after the header. SVG: a comment after the declaration. PDF: a comment behind the
 * end, where no offset in the file changes. Other formats stay as they are. */
bool picture_sign(const PictureFile *picture, const char *text, Error *err);

/* Give it its name, or give it up. Both end it. */
bool picture_keep(PictureFile *picture, Error *err);
void picture_drop(PictureFile *picture);

#endif
