#include "nn/augment.h"

#include <math.h>
#include <string.h>

#define AT(field) offsetof(Augment, field)
static const Field fields[] = {
    { "shift", FIELD_SIZE, AT(shift), .low = 0, .high = 1e6,
      .meaning = "moved by up to this many pixels, zeros behind it" },
    { "crop", FIELD_SIZE, AT(crop), .low = 0, .high = 1e6,
      .meaning = "a random part, up to this many pixels lower and narrower, made as large again" },
    { "flip", FIELD_NUMBER, AT(flip), .low = 0, .high = 1,
      .meaning = "the probability of being mirrored, left and right" },
    { "noise", FIELD_NUMBER, AT(noise), .low = 0, .high = 1e6,
      .meaning = "the standard deviation of what is added to every number" },
    { .name = NULL },
};
#undef AT
static const Augment initial = { .shift = 1, .crop = 2, .flip = 0.5, .noise = 0.1 };

const Fields augment_fields = { fields, &initial };

bool augment_needs_image(const Augment *augment) {
    return augment->shift > 0 || augment->crop > 0 || augment->flip > 0;
}

bool augment_is_any(const Augment *augment) {
    return augment_needs_image(augment) || augment->noise > 0;
}

void augment_shift(Picture picture, const float *from, size_t most) {
    ptrdiff_t dy = (ptrdiff_t)rng_below(picture.rng, 2 * most + 1) - (ptrdiff_t)most;
    ptrdiff_t dx = (ptrdiff_t)rng_below(picture.rng, 2 * most + 1) - (ptrdiff_t)most;
    Shape shape = picture.shape;
    float *to = picture.image;
    ptrdiff_t height = (ptrdiff_t)shape.height, width = (ptrdiff_t)shape.width;
    for (size_t c = 0; c < shape.channels; c++, from += height * width)
        for (ptrdiff_t y = 0; y < height; y++)
            for (ptrdiff_t x = 0; x < width; x++) {
                ptrdiff_t sy = y - dy, sx = x - dx;
                bool inside = sy >= 0 && sy < height && sx >= 0 && sx < width;
                *to++ = inside ? from[sy * width + sx] : 0;
            }
}

/* A window of an image. */
typedef struct Window {
    size_t top, left, height, width;
} Window;

/* Where the i-th of `count` pixels lies between the `size` of a window: the one before it, and how
 * far it is on the way to the next. Corners stay corners. */
static size_t between(size_t i, size_t count, size_t size, double *share) {
    double at = count > 1 ? (double)i * (double)(size - 1) / (double)(count - 1) : 0;
    size_t before = (size_t)at;
    before = before + 1 < size ? before : size - (size > 1 ? 2 : 1);
    *share = at - (double)before;
    return before;
}

/* The window, as large as the image, by interpolation between four pixels. */
static void enlarge(Shape shape, const float *map, Window window, float *to) {
    size_t down = window.height > 1 ? shape.width : 0, right = window.width > 1;
    for (size_t y = 0; y < shape.height; y++)
        for (size_t x = 0; x < shape.width; x++) {
            double v, u;
            size_t row = window.top + between(y, shape.height, window.height, &v);
            size_t column = window.left + between(x, shape.width, window.width, &u);
            const float *p = map + row * shape.width + column;
            *to++ = (float)((1 - v) * ((1 - u) * p[0] + u * p[right]) +
                            v * ((1 - u) * p[down] + u * p[down + right]));
        }
}

static void crop(Picture picture, size_t most, float *room) {
    Shape shape = picture.shape;
    size_t low = most < shape.height ? most : shape.height - 1;
    size_t narrow = most < shape.width ? most : shape.width - 1;
    size_t pixels = shape.height * shape.width;
    Window window;
    window.height = shape.height - rng_below(picture.rng, low + 1);
    window.width = shape.width - rng_below(picture.rng, narrow + 1);
    window.top = rng_below(picture.rng, shape.height - window.height + 1);
    window.left = rng_below(picture.rng, shape.width - window.width + 1);
    for (size_t c = 0; c < shape.channels; c++)
        enlarge(shape, picture.image + c * pixels, window, room + c * pixels);
    memcpy(picture.image, room, shape_size(shape) * sizeof *room);
}

static void mirror(Shape shape, float *image) {
    for (size_t row = 0; row < shape.channels * shape.height; row++, image += shape.width)
        for (size_t x = 0; x < shape.width / 2; x++) {
            float left = image[x];
            image[x] = image[shape.width - 1 - x];
            image[shape.width - 1 - x] = left;
        }
}

void augment_image(Picture picture, const Augment *augment, float *room) {
    if (augment->crop > 0)
        crop(picture, augment->crop, room);
    if (augment->flip > 0 && rng_uniform(picture.rng) < augment->flip)
        mirror(picture.shape, picture.image);
    for (size_t i = 0; augment->noise > 0 && i < shape_size(picture.shape); i++)
        picture.image[i] += (float)(augment->noise * rng_normal(picture.rng));
}
