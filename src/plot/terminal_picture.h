/* terminal_picture.h — images as text: what show() prints.
 *
 * Panels stand side by side under their captions and wrap where the width ends. A panel that
 * is wider than the terminal is shrunk by averaging blocks of pixels.
 *
 *     plain      one character a cell from a ramp of ink, for terminals without colours
 *     256, rgb   half blocks: the upper and the lower pixel of a cell are its two colours
 *     sixel      real pixels, enlarged by a whole factor */
#ifndef PERIGEE_PLOT_TERMINAL_PICTURE_H
#define PERIGEE_PLOT_TERMINAL_PICTURE_H

#include "core/fields.h"
#include "core/types.h"
#include "plot/colour.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum PictureMode { PICTURE_PLAIN, PICTURE_256, PICTURE_RGB, PICTURE_SIXEL } PictureMode;
extern const char *const picture_mode_words[]; /* in that order, as colour_map_words */

typedef struct Panel {
    const float *value; /* rows × cols, or three such planes: red, green, blue */
    size_t rows, cols;
    double low, high;    /* the values at the two ends of the colour map, or of each colour */
    ColourMap map;       /* of one channel */
    const char *caption; /* UTF-8; NULL for none */
    bool colours;        /* are there three planes? */
} Panel;
extern const Field panel_fields[]; /* of all but the values */

/* What a picture is drawn with and how wide it may be. */
typedef struct PictureSpace {
    PictureMode mode;
    size_t width;      /* in cells */
    size_t cell_width; /* in pixels, which only sixel needs (0: taken for 10) */
} PictureSpace;
extern const Field picture_space_fields[]; /* of mode and width */

/* The text, newline at its end; the caller frees it. */
char *terminal_picture(const Panel *panels, size_t count, const PictureSpace *space, Error *err);

#endif
