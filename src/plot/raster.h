/* raster.h — images on a white sheet of pixels, each number a rectangle of its colour.
 *
 * All that a figure of nothing but images needs from a plotting program. */
#ifndef PERIGEE_PLOT_RASTER_H
#define PERIGEE_PLOT_RASTER_H

#include "core/fields.h"
#include "core/types.h"
#include "plot/colour.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct Raster {
    uint8_t *rgb; /* height × width × 3 */
    size_t height, width;
} Raster;

typedef struct RasterImage {
    const double *value; /* rows × cols, or channels (3) such planes: red, green, blue */
    size_t rows, cols;
    int channels;
    double low, high; /* the values at the two ends of the map, or of a channel */
    ColourMap map;
    double left, top, right, bottom; /* its place, in pixels of the sheet */
} RasterImage;
extern const Field raster_image_fields[]; /* of its numbers and the map */

/* A white sheet; false on lack of memory. raster_free is fine on a failed one. */
bool raster_new(Raster *sheet, size_t height, size_t width);
void raster_free(Raster *sheet);

/* Draw one image, cut at the sheet's edges; where it is NaN the sheet stays. */
void raster_draw(Raster *sheet, const RasterImage *image);

/* A sheet of so many pixels as a PNG, whole or not at all. Messages start with `where`. */
typedef struct RasterPage {
    const char *where, *file;
    size_t width, height;
    const char *comment; /* stored with it (png.h), or NULL */
    double dots;         /* pixels an inch; 0: not said */
} RasterPage;
extern const Field raster_page_fields[]; /* and "images", an object */
bool raster_save(const RasterPage *page, const RasterImage *images, size_t count, Error *err);

#endif
