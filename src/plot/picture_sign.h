/* picture_sign.h — one line in a picture's file that says what made it.
 *
 * PNG: a tEXt chunk "Comment" after the header. SVG: a comment after the declaration. PDF: a
 * comment behind the end, where no offset in the file changes. Other formats stay as they are. */
#ifndef PERIGEE_PLOT_PICTURE_SIGN_H
#define PERIGEE_PLOT_PICTURE_SIGN_H

#include "plot/picture.h"

/* Write `text` (printable ASCII without "--") into the whole picture at `path`. The message names
 * `file`, which it is for; the picture is then no longer of use. */
bool picture_sign(const char *where, const char *path, const char *file, PictureFormat format,
                  const char *text, Error *err);

#endif
