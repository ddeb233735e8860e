/* image_png.c — PNG by libpng. */
#include "core/fail.h"
#include "core/png_jump.h"
#include "data/image.h"

#include <png.h>
#include <stdio.h>
#include <string.h>

/* Deflate expands a byte to 1032 at most, and eight pixels may be one byte. */
enum { MOST_RATIO = 8 * 1032 };

typedef struct PngReading {
    const ImageFile *file;
    size_t at;
    png_structp png;
    png_infop info;
    PngJump jump;
    ImageHead head;
    unsigned char *pixels;
} PngReading;

static void give_bytes(png_structp png, png_bytep out, size_t n) {
    PngReading *reading = png_get_io_ptr(png);
    if (n > reading->file->size - reading->at)
        png_error(png, "truncated");
    memcpy(out, reading->file->bytes + reading->at, n);
    reading->at += n;
}

static void read_head(void *object) {
    PngReading *reading = object;
    png_read_info(reading->png, reading->info);
    reading->head.height = png_get_image_height(reading->png, reading->info);
    reading->head.width = png_get_image_width(reading->png, reading->info);
    bool colour = png_get_color_type(reading->png, reading->info) & PNG_COLOR_MASK_COLOR;
    reading->head.channels = colour ? 3 : 1;
}

/* An interlaced picture comes in passes, each of which adds to the rows. */
static void read_pixels(void *object) {
    PngReading *reading = object;
    png_structp png = reading->png;
    png_set_palette_to_rgb(png);
    png_set_expand_gray_1_2_4_to_8(png);
    png_set_scale_16(png);
    png_set_strip_alpha(png);
    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, reading->info);
    size_t row = reading->head.width * (size_t)reading->head.channels;
    if (png_get_rowbytes(png, reading->info) != row)
        png_error(png, "rows of another length than expected");
    for (int pass = 0; pass < passes; pass++)
        for (size_t i = 0; i < reading->head.height; i++)
            png_read_row(png, reading->pixels + i * row, NULL);
    png_read_end(png, NULL);
}

static bool start(PngReading *reading, Error *err) {
    reading->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reading->jump, png_jump_out,
                                          png_ignore_warning);
    reading->info = reading->png ? png_create_info_struct(reading->png) : NULL;
    if (!reading->info)
        return error_memory(err, reading->file->name, 0);
    png_set_read_fn(reading->png, reading, give_bytes);
    /* All but size, palette and pixels is passed over: of some of it libpng would allocate as much
     * as the file says. */
    png_set_keep_unknown_chunks(reading->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    return true;
}

/* Of a lack of memory libpng tells by its message alone. */
static bool work_on(PngReading *reading, void (*work)(void *object), Error *err) {
    if (png_guarded(&reading->jump, work, reading))
        return true;
    if (strcasestr(reading->jump.message, "out of memory") ||
        strcasestr(reading->jump.message, "insufficient memory"))
        return error_memory(err, reading->file->name, 0);
    return error_set(err, ERROR_FILE, "%s: a damaged PNG: %s", reading->file->name,
                     reading->jump.message);
}

static void stop(PngReading *reading) {
    png_destroy_read_struct(reading->png ? &reading->png : NULL,
                            reading->info ? &reading->info : NULL, NULL);
}

static bool head(const ImageFile *file, ImageHead *out, Error *err) {
    PngReading reading = { .file = file };
    bool ok = start(&reading, err) && work_on(&reading, read_head, err) &&
              image_check_size(file, &reading.head, MOST_RATIO, err);
    if (ok)
        *out = reading.head;
    stop(&reading);
    return ok;
}

static bool pixels(const ImageFile *file, const ImageHead *known, unsigned char *out, Error *err) {
    PngReading reading = { .file = file, .pixels = out };
    bool ok = start(&reading, err) && work_on(&reading, read_head, err);
    if (ok && !image_same_head(&reading.head, known))
        ok = error_set(err, ERROR_FILE, "%s: it changed while it was read", file->name);
    ok = ok && work_on(&reading, read_pixels, err);
    stop(&reading);
    return ok;
}

const ImageFormat image_png = { "\x89PNG\r\n\x1a\n", head, pixels };
