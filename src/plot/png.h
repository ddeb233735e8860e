/* png.h — images out as PNG, by libpng: a picture needs no gnuplot.
 *
 * 8 bits a channel, rows from the top, filter "up" (flat areas and enlarged pixels pack well). */
#ifndef PERIGEE_PLOT_PNG_H
#define PERIGEE_PLOT_PNG_H

#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* height × width × channels bytes (1: grey, 3: RGB). */
typedef struct PngImage {
    const uint8_t *pixels;
    size_t height, width;
    int channels;
    const char *comment; /* stored with it; Latin-1, or NULL */
    double dots;         /* pixels an inch; 0: not said */
} PngImage;

/* Write it to `path`, whole or not at all. Messages start with the path. */
bool png_write(const char *path, const PngImage *image, Error *err);

/* The chunk of a comment alone, "tEXt" with the key "Comment", and that of pixels an inch, "pHYs":
 * they may stand behind the first. */
void png_write_comment(FILE *out, const char *comment);
void png_write_dots(FILE *out, double dots);

#endif
