#include "nn/augment.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

enum { HEIGHT = 7, WIDTH = 9, PIXELS = HEIGHT * WIDTH, DRAWS = 200 };

/* Any numbers, far from a line. */
static double pattern(int row, int column) {
    return (row * 31 + column * 17 + row * column * 5) % 23;
}

/* The pattern at a place between four pixels. */
static double interpolated(double row, double column) {
    int r = (int)fmin(floor(row), HEIGHT - 2), c = (int)fmin(floor(column), WIDTH - 2);
    double v = row - r, u = column - c;
    return (1 - v) * ((1 - u) * pattern(r, c) + u * pattern(r, c + 1)) +
           v * ((1 - u) * pattern(r + 1, c) + u * pattern(r + 1, c + 1));
}

/* A crop of three channels: the number of a pixel's row, that of its column, and the pattern. So
 * the first two say where each pixel comes from, and the third has to be what was there. */
static void test_a_crop_is_a_part_made_larger(void **state) {
    (void)state;
    Augment augment = { .crop = 3 };
    Shape shape = { .channels = 3, .height = HEIGHT, .width = WIDTH };
    float image[3 * PIXELS], room[3 * PIXELS];
    int cropped = 0;
    for (uint64_t seed = 0; seed < DRAWS; seed++) {
        for (int i = 0; i < PIXELS; i++) {
            image[i] = (float)(i / WIDTH);
            image[PIXELS + i] = (float)(i % WIDTH);
            image[2 * PIXELS + i] = (float)pattern(i / WIDTH, i % WIDTH);
        }
        Rng rng;
        rng_seed(&rng, seed);
        augment_image((Picture){ shape, image, &rng }, &augment, room);
        double top = image[0], left = image[PIXELS];
        double bottom = image[PIXELS - 1], right = image[2 * PIXELS - 1];
        assert_true(top == floor(top) && left == floor(left) && bottom == floor(bottom));
        assert_in_range((int)(bottom - top), HEIGHT - 1 - 3, HEIGHT - 1);
        assert_in_range((int)(right - left), WIDTH - 1 - 3, WIDTH - 1);
        cropped += bottom - top < HEIGHT - 1 && right - left < WIDTH - 1;
        for (int i = 0; i < PIXELS; i++) {
            double row = top + (bottom - top) * (i / WIDTH) / (HEIGHT - 1);
            double column = left + (right - left) * (i % WIDTH) / (WIDTH - 1);
            assert_true(fabs(image[i] - row) < 1e-5 && fabs(image[PIXELS + i] - column) < 1e-5);
            assert_true(fabs(image[2 * PIXELS + i] - interpolated(row, column)) < 1e-4);
        }
    }
    assert_true(cropped > DRAWS / 3);
}

static void test_a_mirrored_image_is_that_mirrored(void **state) {
    (void)state;
    Augment augment = { .flip = 1 };
    float image[PIXELS], room[PIXELS];
    for (int i = 0; i < PIXELS; i++)
        image[i] = (float)pattern(i / WIDTH, i % WIDTH);
    Rng rng;
    rng_seed(&rng, 1);
    augment_image((Picture){ { .channels = 1, .height = HEIGHT, .width = WIDTH }, image, &rng },
                  &augment, room);
    for (int i = 0; i < PIXELS; i++)
        assert_true(image[i] == (float)pattern(i / WIDTH, WIDTH - 1 - i % WIDTH));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_crop_is_a_part_made_larger),
        cmocka_unit_test(test_a_mirrored_image_is_that_mirrored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
