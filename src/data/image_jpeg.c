/* image_jpeg.c — JPEG by libjpeg (libjpeg-turbo, or any with jpeg_mem_src).
 *
 * libjpeg reports errors by a function that must not return: it jumps into `guarded` alone, over
 * functions of libjpeg and the few here that call them, which hold nothing. What libjpeg would
 * make up for damaged data, with a warning, is an error here. */
#include "core/fail.h"
#include "data/image.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

/* A block of 8 × 8 takes a bit at least. */
enum { MOST_RATIO = 64 * 8 };

typedef struct JpegReading {
    struct jpeg_error_mgr errors; /* first: libjpeg hands out its address */
    struct jpeg_decompress_struct jpeg;
    const ImageFile *file;
    jmp_buf jump;
    char message[JMSG_LENGTH_MAX];
    ImageHead head;
    unsigned char *pixels;
    bool made; /* there is something to destroy */
} JpegReading;

static void jump_out(j_common_ptr jpeg) {
    JpegReading *reading = (JpegReading *)jpeg->err;
    jpeg->err->format_message(jpeg, reading->message);
    longjmp(reading->jump, 1);
}

/* Warnings of a picture that is whole: bytes between markers, JFIF of another revision, Adobe's
 * word for colours that nobody knows (YCbCr or YCCK then), and a scan's parameters that only a
 * progressive file would heed. */
static bool is_harmless(int warning) {
    return warning == JWRN_EXTRANEOUS_DATA || warning == JWRN_JFIF_MAJOR ||
           warning == JWRN_ADOBE_XFORM || warning == JWRN_NOT_SEQUENTIAL;
}

static void take_warning(j_common_ptr jpeg, int level) {
    if (level < 0 && !is_harmless(jpeg->err->msg_code))
        jump_out(jpeg);
}

typedef void Work(JpegReading *reading);

static bool guarded(JpegReading *reading, Work *work) {
    if (setjmp(reading->jump))
        return false;
    work(reading);
    return true;
}

static bool is_inks(const JpegReading *reading) {
    return reading->jpeg.num_components == 4;
}

static void read_head(JpegReading *reading) {
    struct jpeg_decompress_struct *jpeg = &reading->jpeg;
    jpeg_create_decompress(jpeg);
    reading->made = true;
    jpeg_mem_src(jpeg, (unsigned char *)reading->file->bytes, reading->file->size);
    jpeg_read_header(jpeg, TRUE);
    bool grey = jpeg->jpeg_color_space == JCS_GRAYSCALE;
    reading->head = (ImageHead){ jpeg->image_height, jpeg->image_width, grey ? 1 : 3 };
}

/* Cyan, magenta, yellow and black to colours. Adobe's files have 255 less each. */
static void mix_inks(const unsigned char *inks, size_t width, bool adobe, unsigned char *out) {
    for (size_t j = 0; j < width; j++)
        for (int k = 0; k < 3; k++) {
            unsigned ink = inks[4 * j + (size_t)k], black = inks[4 * j + 3];
            unsigned light = adobe ? black : 255 - black, rest = adobe ? 255 - ink : ink;
            out[3 * j + (size_t)k] = (unsigned char)(light - (rest * light + 127) / 255);
        }
}

/* The row's memory of four inks is libjpeg's, and freed with it. */
static void read_pixels(JpegReading *reading) {
    struct jpeg_decompress_struct *jpeg = &reading->jpeg;
    bool inks = is_inks(reading);
    jpeg->out_color_space = inks ? JCS_CMYK : reading->head.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_start_decompress(jpeg);
    size_t row = reading->head.width * (size_t)reading->head.channels;
    JSAMPARRAY mixed = jpeg->mem->alloc_sarray((j_common_ptr)jpeg, JPOOL_IMAGE,
                                               inks ? jpeg->output_width * 4 : 1, 1);
    while (jpeg->output_scanline < jpeg->output_height) {
        unsigned char *out = reading->pixels + jpeg->output_scanline * row;
        JSAMPROW one = inks ? mixed[0] : out;
        jpeg_read_scanlines(jpeg, &one, 1);
        if (inks)
            mix_inks(one, reading->head.width, jpeg->saw_Adobe_marker, out);
    }
    jpeg_finish_decompress(jpeg);
}

static void start(JpegReading *reading) {
    reading->jpeg.err = jpeg_std_error(&reading->errors);
    reading->errors.error_exit = jump_out;
    reading->errors.emit_message = take_warning;
}

static bool work_on(JpegReading *reading, Work *work, Error *err) {
    if (guarded(reading, work))
        return true;
    if (reading->errors.msg_code == JERR_OUT_OF_MEMORY)
        return error_memory(err, reading->file->name, 0);
    return error_set(err, ERROR_FILE, "%s: a damaged JPEG: %s", reading->file->name,
                     reading->message);
}

static void stop(JpegReading *reading) {
    if (reading->made)
        jpeg_destroy_decompress(&reading->jpeg);
}

static bool head(const ImageFile *file, ImageHead *out, Error *err) {
    JpegReading reading = { .file = file };
    start(&reading);
    bool ok =
        work_on(&reading, read_head, err) && image_check_size(file, &reading.head, MOST_RATIO, err);
    if (ok)
        *out = reading.head;
    stop(&reading);
    return ok;
}

static bool pixels(const ImageFile *file, const ImageHead *known, unsigned char *out, Error *err) {
    JpegReading reading = { .file = file, .pixels = out };
    start(&reading);
    bool ok = work_on(&reading, read_head, err);
    if (ok && !image_same_head(&reading.head, known))
        ok = error_set(err, ERROR_FILE, "%s: it changed while it was read", file->name);
    ok = ok && work_on(&reading, read_pixels, err);
    stop(&reading);
    return ok;
}

const ImageFormat image_jpeg = { "\xff\xd8\xff", head, pixels };
