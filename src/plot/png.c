#include "plot/png.h"

#include "core/fail.h"
#include "core/file.h"
#include "core/png_jump.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SIDE = 1 << 24, TEXT_ROOM = 1024 };

typedef struct PngWriting {
    png_structp png;
    png_infop info;
    PngJump jump;
    const PngImage *image;
} PngWriting;

/* The stream's errors are looked at when it is closed, by whoever owns it. */
static void put_bytes(png_structp png, png_bytep bytes, size_t n) {
    fwrite(bytes, 1, n, png_get_io_ptr(png));
}

static void flush_nothing(png_structp png) {
    (void)png;
}

static bool start(PngWriting *writing, FILE *out) {
    writing->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &writing->jump, png_jump_out,
                                           png_ignore_warning);
    writing->info = writing->png ? png_create_info_struct(writing->png) : NULL;
    if (writing->info)
        png_set_write_fn(writing->png, out, put_bytes, flush_nothing);
    return writing->info != NULL;
}

static void stop(PngWriting *writing) {
    png_destroy_write_struct(writing->png ? &writing->png : NULL,
                             writing->info ? &writing->info : NULL);
}

static void write_comment(void *object) {
    PngWriting *writing = object;
    static const char key[] = "Comment";
    char text[TEXT_ROOM];
    memcpy(text, key, sizeof key);
    int length =
        snprintf(text + sizeof key, sizeof text - sizeof key, "%s", writing->image->comment);
    size_t room = sizeof text - sizeof key - 1;
    png_write_chunk(writing->png, (png_const_bytep) "tEXt", (png_const_bytep)text,
                    sizeof key + ((size_t)length < room ? (size_t)length : room));
}

static void write_dots(void *object) {
    PngWriting *writing = object;
    png_byte density[9] = { [8] = 1 }; /* for each metre, across and up */
    png_save_uint_32(density, (png_uint_32)(writing->image->dots / 0.0254 + 0.5));
    memcpy(density + 4, density, 4);
    png_write_chunk(writing->png, (png_const_bytep) "pHYs", density, sizeof density);
}

/* A chunk by itself; without memory the picture is as it was. */
static void write_alone(FILE *out, const PngImage *image, void (*work)(void *object)) {
    PngWriting writing = { .image = image };
    if (start(&writing, out))
        png_guarded(&writing.jump, work, &writing);
    stop(&writing);
}

void png_write_comment(FILE *out, const char *comment) {
    write_alone(out, &(PngImage){ .comment = comment }, write_comment);
}

void png_write_dots(FILE *out, double dots) {
    write_alone(out, &(PngImage){ .dots = dots }, write_dots);
}

static void write_image(void *object) {
    PngWriting *writing = object;
    const PngImage *image = writing->image;
    png_structp png = writing->png;
    png_set_IHDR(png, writing->info, (png_uint_32)image->width, (png_uint_32)image->height, 8,
                 image->channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_UP);
    png_set_compression_level(png, 6);
    png_write_info(png, writing->info);
    if (image->comment)
        write_comment(writing);
    if (image->dots > 0)
        write_dots(writing);
    for (size_t i = 0; i < image->height; i++)
        png_write_row(png, image->pixels + i * image->width * (size_t)image->channels);
    png_write_end(png, NULL);
}

static bool write_file(FILE *out, const char *path, const PngImage *image, Error *err) {
    PngWriting writing = { .image = image };
    bool started = start(&writing, out);
    bool ok = started && png_guarded(&writing.jump, write_image, &writing);
    if (!started)
        error_memory(err, path, 0);
    else if (!ok)
        error_set(err, ERROR_FILE, "%s: libpng: %s", path, writing.jump.message);
    stop(&writing);
    return ok;
}

bool png_write(const char *path, const PngImage *image, Error *err) {
    size_t height = image->height, width = image->width;
    if (height == 0 || width == 0 || height > MAX_SIDE || width > MAX_SIDE)
        return error_set(err, ERROR_ARGUMENT, "%s: %zu × %zu pixels do not fit a PNG", path, height,
                         width);
    FileWriter writer;
    if (!file_writer_open(&writer, path, err))
        return false;
    if (write_file(writer.stream, path, image, err))
        return file_writer_commit(&writer, err);
    file_writer_abandon(&writer);
    return false;
}
