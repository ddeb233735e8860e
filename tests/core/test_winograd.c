/* Winograd's convolution beside plain sums in double: what comes out, and the kernel's gradient. */
#include "nn_case.h"

#include "nn/winograd.h"

typedef struct Case {
    Winograd images;
    size_t ins, outs, weights;
    float *x, *w, *bias, *y, *scratch, *filter;
} Case;

static float *filled(size_t count, uint64_t seed) {
    float *x = malloc((count + 1) * sizeof *x);
    fill_random(x, count, seed);
    return x;
}

static Case case_of(Winograd images) {
    images.out_height = images.height + 2 * images.padding[0] - 2;
    images.out_width = images.width + 2 * images.padding[1] - 2;
    Case c = { .images = images };
    c.ins = images.n * images.height * images.width * images.channels;
    c.outs = images.n * images.out_height * images.out_width * images.maps;
    c.weights = 9 * images.channels * images.maps;
    c.x = filled(c.ins, 1);
    c.w = filled(c.weights, 2);
    c.bias = filled(images.maps, 3);
    c.y = filled(c.outs, 4);
    c.scratch = filled(winograd_outer_scratch(&images), 5);
    c.filter = filled(4 * c.weights, 6);
    return c;
}

static void case_done(Case *c) {
    free(c->x);
    free(c->w);
    free(c->bias);
    free(c->y);
    free(c->scratch);
    free(c->filter);
}

/* The input that output pixel `at` (counted through the images) meets at place k of the kernel, or
 * NULL in the padding. */
static const float *met(const Case *c, size_t at, size_t k) {
    const Winograd *images = &c->images;
    size_t pixels = images->out_height * images->out_width;
    ptrdiff_t y = (ptrdiff_t)(at % pixels / images->out_width + k / 3 - images->padding[0]);
    ptrdiff_t x = (ptrdiff_t)(at % images->out_width + k % 3 - images->padding[1]);
    if (y < 0 || x < 0 || y >= (ptrdiff_t)images->height || x >= (ptrdiff_t)images->width)
        return NULL;
    size_t row = at / pixels * images->height + (size_t)y;
    return c->x + (row * images->width + (size_t)x) * images->channels;
}

/* How far the numbers are from those expected, over the largest of these. */
static double off(const float *got, const double *expected, size_t count) {
    double most = 0, largest = 0;
    for (size_t i = 0; i < count; i++) {
        most = fmax(most, fabs(got[i] - expected[i]));
        largest = fmax(largest, fabs(expected[i]));
        assert_true(isfinite(got[i]));
    }
    return most / largest;
}

static void check_output(const Case *c, const float *bias) {
    size_t maps = c->images.maps, channels = c->images.channels;
    double *expected = calloc(c->outs, sizeof *expected);
    for (size_t at = 0; at < c->outs / maps; at++)
        for (size_t o = 0; o < maps; o++)
            expected[at * maps + o] = bias ? bias[o] : 0;
    for (size_t at = 0; at < c->outs / maps; at++)
        for (size_t k = 0; k < 9; k++) {
            const float *x = met(c, at, k), *w = c->w + k * channels * maps;
            for (size_t i = 0; x && i < channels * maps; i++)
                expected[at * maps + i % maps] += (double)x[i / maps] * w[i];
        }
    WinogradCall call = { &c->images, c->x, c->scratch };
    winograd_filter(c->w, channels, maps, c->filter);
    winograd_convolve(&call, c->filter, bias, c->y);
    assert_true(off(c->y, expected, c->outs) < 4e-6);
    free(expected);
}

/* y holds the slopes here. */
static void check_kernel(const Case *c) {
    size_t maps = c->images.maps, channels = c->images.channels;
    double *expected = calloc(c->weights, sizeof *expected);
    for (size_t i = 0; i < c->weights; i++)
        expected[i] = c->w[i];
    for (size_t at = 0; at < c->outs / maps; at++)
        for (size_t k = 0; k < 9; k++) {
            const float *x = met(c, at, k), *dy = c->y + at * maps;
            for (size_t i = 0; x && i < channels * maps; i++)
                expected[k * channels * maps + i] += (double)x[i / maps] * dy[i % maps];
        }
    WinogradCall call = { &c->images, c->x, c->scratch };
    winograd_outer(&call, c->y, c->w);
    assert_true(off(c->w, expected, c->weights) < 2e-5);
    free(expected);
}

/* Tiles that the image fills and such that it does not, fewer of them than are worked on at a time
 * and more, every width that products have their own code for. */
static void sums_are_those_of_the_plain_way(void **state) {
    (void)state;
    static const Winograd images[] = {
        { 1, 8, 8, 16, .maps = 16, .padding = { 1, 1 } },
        { 3, 9, 11, 16, .maps = 32, .padding = { 1, 1 } },
        { 2, 17, 18, 32, .maps = 16, .padding = { 0, 0 } },
        { 5, 8, 7, 48, .maps = 80, .padding = { 2, 1 } },
        { 2, 7, 8, 64, .maps = 64, .padding = { 1, 0 } },
        { 3, 8, 8, 128, .maps = 112, .padding = { 1, 1 } },
    };
    for (size_t i = 0; i < sizeof images / sizeof *images; i++) {
        Case c = case_of(images[i]);
        if (winograd_pays(&c.images)) { /* the processor has the instructions */
            check_output(&c, i % 2 == 0 ? c.bias : NULL);
            check_kernel(&c);
        }
        case_done(&c);
    }
}

static void does_what_pays_alone(void **state) {
    (void)state;
    Winograd images = { 1, 8, 8, 16, 8, 8, 16, { 1, 1 } };
    if (!winograd_pays(&images))
        skip();
    images.maps = 15;
    assert_false(winograd_pays(&images));
    images = (Winograd){ 1, 2, 2, 16, 2, 2, 16, { 1, 1 } };
    assert_false(winograd_pays(&images));
    images = (Winograd){ 1, 8, 8, 528, 8, 8, 16, { 1, 1 } };
    assert_false(winograd_pays(&images));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_those_of_the_plain_way),
        cmocka_unit_test(does_what_pays_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
