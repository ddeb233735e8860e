/* colour.h — colour maps: a table of anchor colours each, linear between them in sRGB.
 *
 *     grey       black to white, as images are shown
 *     heat       dark violet over green to yellow; lightness rises evenly (the anchors of viridis)
 *     diverging  blue over white to red; the middle is zero (the anchors of ColorBrewer's RdBu) */
#ifndef PERIGEE_PLOT_COLOUR_H
#define PERIGEE_PLOT_COLOUR_H

#include <stdint.h>

typedef struct Rgb {
    uint8_t r, g, b;
} Rgb;

typedef enum ColourMap { COLOUR_GREY, COLOUR_HEAT, COLOUR_DIVERGING } ColourMap;
extern const char *const colour_map_words[]; /* in that order, NULL at the end */

/* The colour at t, clamped to 0 … 1. NaN gives a magenta that no map has. */
Rgb colour_at(ColourMap map, double t);

/* The anchors of a map, evenly spaced from its low end to its high one; *count gets how many. */
const Rgb *colour_anchors(ColourMap map, int *count);

/* The nearest colour of xterm's 256: 16–231 are a 6×6×6 cube, 232–255 greys. */
int colour_xterm256(Rgb colour);

#endif
