/* Tests of plot/png.h and plot/raster.h: the file is read back chunk by chunk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/error.h"
#include "core/file.h"
#include "plot/png.h"
#include "plot/raster.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

static uint32_t get32(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* The chunk at `at`, its checksum checked; *at moves behind it. */
static const uint8_t *chunk(const FileBytes *file, size_t *at, const char *name, size_t *size) {
    const uint8_t *bytes = file->bytes + *at;
    *size = get32(bytes);
    assert_true(*at + *size + 12 <= file->size);
    assert_memory_equal(bytes + 4, name, 4);
    assert_int_equal(crc32(0, bytes + 4, (uInt)*size + 4), get32(bytes + 8 + *size));
    *at += *size + 12;
    return bytes + 8;
}

static void check_round_trip(size_t height, size_t width, int channels) {
    char path[] = "/tmp/perigee-png-XXXXXX";
    close(mkstemp(path));
    size_t row = width * (size_t)channels, count = height * row;
    uint8_t *pixels = malloc(count);
    for (size_t i = 0; i < count; i++)
        pixels[i] = (uint8_t)(i * 37 + i / 7);
    Error err = { 0 };
    assert_true(png_write(path, &(PngImage){ pixels, height, width, channels, NULL, 0 }, &err));
    FileBytes file;
    assert_true(file_read(path, &file, &err));
    assert_memory_equal(file.bytes, "\x89PNG\r\n\x1a\n", 8);
    size_t at = 8, size;
    const uint8_t *head = chunk(&file, &at, "IHDR", &size);
    assert_int_equal(get32(head), width);
    assert_int_equal(get32(head + 4), height);
    assert_int_equal(head[8], 8);
    assert_int_equal(head[9], channels == 3 ? 2 : 0);
    const uint8_t *data = chunk(&file, &at, "IDAT", &size);
    uLongf raw_size = height * (row + 1);
    uint8_t *raw = malloc(raw_size);
    assert_int_equal(uncompress(raw, &raw_size, data, size), Z_OK);
    for (size_t i = 0; i < height; i++) {
        int filter = raw[i * (row + 1)]; /* none, or up */
        assert_true(filter == 0 || filter == 2);
        for (size_t j = 0; j < row; j++) {
            uint8_t *byte = &raw[i * (row + 1) + 1 + j];
            *byte = (uint8_t)(*byte + (i && filter ? byte[-(ptrdiff_t)(row + 1)] : 0));
            assert_int_equal(*byte, pixels[i * row + j]);
        }
    }
    chunk(&file, &at, "IEND", &size);
    assert_int_equal(at, file.size);
    free(raw), free(pixels);
    file_bytes_free(&file);
    unlink(path);
}

/* 300 dots an inch are 11811 a metre, both ways. */
static void test_dots(void **state) {
    (void)state;
    char path[] = "/tmp/perigee-png-XXXXXX";
    close(mkstemp(path));
    const uint8_t pixel = 7;
    Error err = { 0 };
    assert_true(png_write(path, &(PngImage){ &pixel, 1, 1, 1, NULL, 300 }, &err));
    FileBytes file;
    assert_true(file_read(path, &file, &err));
    size_t at = 8, size;
    chunk(&file, &at, "IHDR", &size);
    const uint8_t *density = chunk(&file, &at, "pHYs", &size);
    assert_int_equal(size, 9);
    assert_int_equal(get32(density), 11811);
    assert_int_equal(get32(density + 4), 11811);
    assert_int_equal(density[8], 1);
    file_bytes_free(&file);
    unlink(path);
}

static void test_round_trip(void **state) {
    (void)state;
    check_round_trip(1, 1, 1);
    check_round_trip(17, 5, 1);
    check_round_trip(40, 33, 3);
}

static void test_refusals(void **state) {
    (void)state;
    Error err = { 0 };
    uint8_t pixel = 0;
    assert_false(png_write("/nonexistent/a.png", &(PngImage){ &pixel, 1, 1, 1, NULL, 0 }, &err));
    assert_non_null(strstr(err.message, "/nonexistent/a.png"));
    assert_false(png_write("/tmp/a.png", &(PngImage){ &pixel, 0, 1, 1, NULL, 0 }, &err));
    assert_false(png_write("/dev/full", &(PngImage){ &pixel, 1, 1, 1, NULL, 0 }, &err));
}

static void check_pixel(const Raster *sheet, size_t y, size_t x, Rgb expected) {
    const uint8_t *pixel = sheet->rgb + (y * sheet->width + x) * 3;
    if (pixel[0] != expected.r || pixel[1] != expected.g || pixel[2] != expected.b)
        fail_msg("pixel %zu, %zu is %d %d %d", y, x, pixel[0], pixel[1], pixel[2]);
}

static void test_raster(void **state) {
    (void)state;
    Raster sheet;
    assert_true(raster_new(&sheet, 10, 12));
    const double value[] = { 0, 1, 0.5, NAN };
    RasterImage image = { .value = value,
                          .rows = 2,
                          .cols = 2,
                          .channels = 1,
                          .low = 0,
                          .high = 1,
                          .left = 2,
                          .top = 3,
                          .right = 6,
                          .bottom = 7 };
    raster_draw(&sheet, &image);
    const Rgb white = { 255, 255, 255 }, black = { 0, 0, 0 }, grey = { 128, 128, 128 };
    check_pixel(&sheet, 2, 2, white);
    check_pixel(&sheet, 3, 1, white);
    check_pixel(&sheet, 3, 2, black);
    check_pixel(&sheet, 4, 3, black);
    check_pixel(&sheet, 3, 4, white);
    check_pixel(&sheet, 6, 3, grey);
    check_pixel(&sheet, 6, 5, white);
    check_pixel(&sheet, 7, 5, white);
    /* three planes, cut at the sheet's edges */
    const double colour[] = { 1, 0, NAN };
    image = (RasterImage){ .value = colour,
                           .rows = 1,
                           .cols = 1,
                           .channels = 3,
                           .low = 0,
                           .high = 1,
                           .left = -5,
                           .top = 8,
                           .right = 500,
                           .bottom = 80 };
    raster_draw(&sheet, &image);
    check_pixel(&sheet, 9, 11, (Rgb){ 255, 0, 0 });
    check_pixel(&sheet, 7, 11, white);
    raster_free(&sheet);
    Error err = { 0 };
    const RasterPage nowhere = { "plot.x", "/nonexistent/x.png", 12, 10, NULL, 0 };
    assert_false(raster_save(&nowhere, &image, 1, &err));
    assert_string_equal(err.message, "plot.x: /nonexistent/x.png: No such file or directory");
    assert_false(
        raster_save(&(RasterPage){ "plot.x", "/dev/full", 12, 10, NULL, 0 }, &image, 1, &err));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_dots),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_raster),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
