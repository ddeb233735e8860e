#include "plot/raster.h"

#include "core/fail.h"
#include "plot/png.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const Field raster_image_fields[] = {
    { FIELD_OF(RasterImage, low, FIELD_NUMBER), .low = -1e300, .high = 1e300 },
    { FIELD_OF(RasterImage, high, FIELD_NUMBER), .low = -1e300, .high = 1e300 },
    { FIELD_OF(RasterImage, left, FIELD_NUMBER), .low = -1e6, .high = 1e6 },
    { FIELD_OF(RasterImage, top, FIELD_NUMBER), .low = -1e6, .high = 1e6 },
    { FIELD_OF(RasterImage, right, FIELD_NUMBER), .low = -1e6, .high = 1e6 },
    { FIELD_OF(RasterImage, bottom, FIELD_NUMBER), .low = -1e6, .high = 1e6 },
    { FIELD_OF(RasterImage, map, FIELD_WORD), .words = colour_map_words },
    { .name = NULL },
};

const Field raster_page_fields[] = {
    { FIELD_OF(RasterPage, where, FIELD_STRING) },
    { FIELD_OF(RasterPage, file, FIELD_STRING), .required = true },
    { FIELD_OF(RasterPage, width, FIELD_SIZE), .low = 1, .high = 100000 },
    { FIELD_OF(RasterPage, height, FIELD_SIZE), .low = 1, .high = 100000 },
    { FIELD_OF(RasterPage, comment, FIELD_STRING) },
    { FIELD_OF(RasterPage, dots, FIELD_NUMBER), .low = 0, .high = 1e6 },
    { .name = "images", .kind = FIELD_OBJECT },
    { .name = NULL },
};

bool raster_new(Raster *sheet, size_t height, size_t width) {
    *sheet = (Raster){ malloc(height * width * 3), height, width };
    if (sheet->rgb)
        memset(sheet->rgb, 255, height * width * 3);
    return sheet->rgb != NULL;
}

void raster_free(Raster *sheet) {
    free(sheet->rgb);
    sheet->rgb = NULL;
}

static uint8_t channel_byte(const RasterImage *image, size_t plane, size_t at) {
    double v = image->value[plane * image->rows * image->cols + at];
    double t = (v - image->low) / (image->high - image->low);
    return (uint8_t)lround(255 * (t > 0 ? t < 1 ? t : 1 : 0));
}

static Rgb image_colour(const RasterImage *image, size_t row, size_t col) {
    size_t at = row * image->cols + col;
    if (image->channels == 3)
        return (Rgb){ channel_byte(image, 0, at), channel_byte(image, 1, at),
                      channel_byte(image, 2, at) };
    return colour_at(image->map, (image->value[at] - image->low) / (image->high - image->low));
}

/* The sheet's pixels whose middles lie in [from, to), within 0 … size. */
static size_t first_pixel(double from, size_t size) {
    double pixel = ceil(from - 0.5);
    return pixel <= 0 ? 0 : pixel >= (double)size ? size : (size_t)pixel;
}

void raster_draw(Raster *sheet, const RasterImage *image) {
    size_t top = first_pixel(image->top, sheet->height);
    size_t bottom = first_pixel(image->bottom, sheet->height);
    size_t left = first_pixel(image->left, sheet->width);
    size_t right = first_pixel(image->right, sheet->width);
    double down = (double)image->rows / (image->bottom - image->top);
    double across = (double)image->cols / (image->right - image->left);
    for (size_t y = top; y < bottom; y++)
        for (size_t x = left; x < right; x++) {
            size_t row = (size_t)(((double)y + 0.5 - image->top) * down);
            size_t col = (size_t)(((double)x + 0.5 - image->left) * across);
            row = row < image->rows ? row : image->rows - 1;
            col = col < image->cols ? col : image->cols - 1;
            if (isnan(image->value[row * image->cols + col]))
                continue;
            Rgb colour = image_colour(image, row, col);
            uint8_t *pixel = sheet->rgb + (y * sheet->width + x) * 3;
            pixel[0] = colour.r, pixel[1] = colour.g, pixel[2] = colour.b;
        }
}

bool raster_save(const RasterPage *page, const RasterImage *images, size_t count, Error *err) {
    Raster raster;
    if (!raster_new(&raster, page->height, page->width))
        return error_memory(err, page->where, page->height * page->width * 3);
    for (size_t i = 0; i < count; i++)
        raster_draw(&raster, &images[i]);
    PngImage png = { raster.rgb, page->height, page->width, 3, page->comment, page->dots };
    bool fine = png_write(page->file, &png, err);
    raster_free(&raster);
    if (!fine)
        error_prefix(err, "%s", page->where);
    return fine;
}
