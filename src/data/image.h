/* image.h — pictures in files: PNG by libpng, JPEG by libjpeg, told by their first bytes.
 *
 * Bytes from the top row on, a pixel's channels side by side: one of grey, or red, green, blue.
 * Palettes become colours, 16 bits lose the lower eight (rounded), transparency is left out (as
 * Pillow's convert("RGB") does), orientation and colour profiles are not looked at. Messages start
 * with the picture's name. */
#ifndef PERIGEE_DATA_IMAGE_H
#define PERIGEE_DATA_IMAGE_H

#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>

/* A file's bytes in memory. */
typedef struct ImageFile {
    const char *name;
    const unsigned char *bytes;
    size_t size;
} ImageFile;

typedef struct ImageHead {
    size_t height, width;
    int channels; /* 1 or 3 */
} ImageHead;

static inline bool image_same_head(const ImageHead *a, const ImageHead *b) {
    return a->height == b->height && a->width == b->width && a->channels == b->channels;
}

/* What it says that it is. Sizes that its bytes cannot hold are an error. */
bool image_head(const ImageFile *file, ImageHead *head, Error *err);

/* Its pixels, into the height · width · channels bytes that its head says; half-written where this
 * fails. A picture that is damaged or cut short is an error. */
bool image_pixels(const ImageFile *file, const ImageHead *head, unsigned char *pixels, Error *err);

/* A format: image_png.c, image_jpeg.c. The same two functions of files that begin as they do. */
typedef struct ImageFormat {
    const char *magic;
    bool (*head)(const ImageFile *file, ImageHead *head, Error *err);
    bool (*pixels)(const ImageFile *file, const ImageHead *head, unsigned char *pixels, Error *err);
} ImageFormat;

extern const ImageFormat image_png, image_jpeg;

/* Is it a size that these bytes can hold, at `ratio` bytes of pixels a byte? */
bool image_check_size(const ImageFile *file, const ImageHead *head, size_t ratio, Error *err);

#endif
