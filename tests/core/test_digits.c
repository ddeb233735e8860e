/* digits.h: the same options give the same images, balanced, centred, inside [0, 1]. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/array_values.h"
#include "core/error.h"
#include "core/parallel.h"
#include "data/digits.h"

#include <math.h>
#include <string.h>

enum { PIXELS = 28 * 28 };

static Dataset *draw(size_t n, uint64_t seed) {
    Error err = { 0 };
    Dataset *ds = digits_new(&(DigitsOptions){ .n = n, .seed = seed }, NULL, &err);
    assert_non_null(ds);
    return ds;
}

static void test_balanced(void **state) {
    (void)state;
    Dataset *ds = draw(1003, 5);
    size_t found[10] = { 0 };
    assert_int_equal(dataset_count(ds), 1003);
    assert_int_equal(ds->sample_ndim, 2);
    assert_int_equal(ds->sample_shape[0], 28);
    for (size_t i = 0; i < 1003; i++)
        found[array_i32(ds->y)[i]]++;
    for (int c = 0; c < 10; c++)
        assert_true(found[c] == 100 || found[c] == 101);
    dataset_free(ds);
}

static void test_same_bits_for_any_threads(void **state) {
    (void)state;
    parallel_set_threads(1);
    Dataset *a = draw(200, 9), *other = draw(200, 10);
    parallel_set_threads(3);
    Dataset *b = draw(200, 9);
    parallel_set_threads(0);
    assert_memory_equal(array_f32(dataset_x(a)), array_f32(dataset_x(b)),
                        200 * PIXELS * sizeof(float));
    assert_memory_equal(array_i32(a->y), array_i32(b->y), 200 * sizeof(int32_t));
    assert_true(memcmp(array_f32(dataset_x(a)), array_f32(dataset_x(other)),
                       200 * PIXELS * sizeof(float)) != 0);
    dataset_free(a);
    dataset_free(b);
    dataset_free(other);
}

/* As MNIST: values in [0, 1], a dark stroke, an empty rim on the average, mass in the middle. */
static void test_images(void **state) {
    (void)state;
    Dataset *ds = draw(1000, 1);
    double total = 0, rim = 0;
    for (size_t i = 0; i < 1000; i++) {
        const float *image = array_f32(dataset_x(ds)) + i * PIXELS;
        double mass = 0, mx = 0, my = 0;
        float darkest = 0;
        for (int p = 0; p < PIXELS; p++) {
            assert_true(image[p] >= 0 && image[p] <= 1);
            darkest = fmaxf(darkest, image[p]);
            mass += image[p];
            mx += image[p] * (p % 28 + 0.5);
            my += image[p] * (p / 28 + 0.5);
            rim += p / 28 == 0 || p / 28 == 27 || p % 28 == 0 || p % 28 == 27 ? image[p] : 0;
        }
        assert_true(darkest > 0.5f);
        assert_true(fabs(mx / mass - 14) < 1 && fabs(my / mass - 14) < 1);
        total += mass;
    }
    assert_true(total / 1000 > 60 && total / 1000 < 160); /* MNIST: about 102 */
    assert_true(rim / 1000 < 0.5);
    dataset_free(ds);
}

static void test_classes(void **state) {
    (void)state;
    Error err = { 0 };
    DigitsOptions options = { .n = 7, .seed = 1, .class_count = 2, .classes = { 7, 3 } };
    Dataset *ds = digits_new(&options, NULL, &err);
    assert_non_null(ds);
    assert_int_equal(ds->classes.count, 2);
    assert_int_equal(ds->classes.label[0], 3);
    dataset_free(ds);
    options.classes[1] = 7;
    assert_null(digits_new(&options, NULL, &err));
    assert_string_equal(err.message, "data.digits: class 7 is there twice");
    options.classes[1] = 10;
    assert_null(digits_new(&options, NULL, &err));
    assert_string_equal(err.message, "data.digits: class 10 is not a digit");
    ds = draw(0, 1);
    assert_int_equal(dataset_count(ds), 0);
    dataset_free(ds);
}

static void test_interrupt(void **state) {
    (void)state;
    Dataset *whole = draw(5000, 2);
    progress_interrupt();
    Dataset *ds = draw(5000, 2);
    progress_clear_interrupt();
    size_t n = dataset_count(ds);
    assert_true(n >= 1 && n < 5000);
    assert_memory_equal(array_f32(dataset_x(ds)), array_f32(dataset_x(whole)),
                        n * PIXELS * sizeof(float));
    dataset_free(ds);
    dataset_free(whole);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_balanced),  cmocka_unit_test(test_same_bits_for_any_threads),
        cmocka_unit_test(test_images),    cmocka_unit_test(test_classes),
        cmocka_unit_test(test_interrupt),
    };
    return cmocka_run_group_tests_name("digits", tests, NULL, NULL);
}
