#include "data/image.h"

#include "core/fail.h"

#include <string.h>

enum { MOST_SIDE = 1 << 20 };

static const ImageFormat *const formats[] = { &image_png, &image_jpeg };

static const ImageFormat *find_format(const ImageFile *file, Error *err) {
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        size_t length = strlen(formats[i]->magic);
        if (file->size >= length && memcmp(file->bytes, formats[i]->magic, length) == 0)
            return formats[i];
    }
    error_set(err, ERROR_FILE, "%s: %s", file->name,
              file->size ? "neither a PNG nor a JPEG, as its first bytes are" : "it is empty");
    return NULL;
}

bool image_check_size(const ImageFile *file, const ImageHead *head, size_t ratio, Error *err) {
    size_t height = head->height, width = head->width;
    if (height == 0 || width == 0 || height > MOST_SIDE || width > MOST_SIDE)
        return error_set(err, ERROR_FILE, "%s: %zu × %zu pixels", file->name, height, width);
    return height * width / ratio <= file->size ||
           error_set(err, ERROR_FILE,
                     "%s: claims %zu × %zu pixels, which its %zu bytes cannot hold", file->name,
                     height, width, file->size);
}

bool image_head(const ImageFile *file, ImageHead *head, Error *err) {
    const ImageFormat *format = find_format(file, err);
    return format && format->head(file, head, err);
}

bool image_pixels(const ImageFile *file, const ImageHead *head, unsigned char *pixels, Error *err) {
    const ImageFormat *format = find_format(file, err);
    return format && format->pixels(file, head, pixels, err);
}
