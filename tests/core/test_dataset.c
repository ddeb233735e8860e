/* dataset.h: shapes, parts that share pixels, seeded choices, joining. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/array.h"
#include "core/error.h"
#include "data/dataset.h"
#include "resident.h"

#include <string.h>

/* n samples of 2 × 2 whose pixels are 10·i … 10·i+3, labels 5 3 9 5 3 9 … */
static Dataset *make(size_t n) {
    Error err = { 0 };
    Array *x = array_new("test", DTYPE_F32, &(Sizes){ 3, { n, 2, 2 } }, &err);
    Array *y = array_new1("test", DTYPE_I32, n, &err);
    for (size_t i = 0; i < n; i++) {
        array_i32(y)[i] = (int32_t[]){ 5, 3, 9 }[i % 3];
        for (size_t j = 0; j < 4; j++)
            array_f32(x)[4 * i + j] = (float)(10 * i + j);
    }
    Dataset *ds =
        dataset_new("data.new", &(DatasetParts){ .x = x, .y = y, .source = "made up" }, &err);
    array_free(x);
    array_free(y);
    assert_non_null(ds);
    return ds;
}

static float pixel(const Dataset *ds, size_t i) {
    return array_f32(dataset_x(ds))[i * dataset_features(ds)];
}

static void test_new(void **state) {
    (void)state;
    Dataset *ds = make(7);
    assert_int_equal(dataset_count(ds), 7);
    assert_int_equal(dataset_features(ds), 4);
    assert_int_equal(ds->sample_ndim, 2);
    assert_int_equal(ds->sample_shape[1], 2);
    assert_int_equal(ds->classes.count, 3);
    assert_int_equal(ds->classes.label[0], 3);
    assert_int_equal(ds->classes.label[2], 9);
    dataset_free(ds);
    dataset_free(NULL);
}

static void test_new_refuses(void **state) {
    (void)state;
    Error err = { 0 };
    Array *x = array_new2("test", DTYPE_F32, 3, 4, &err);
    Array *y = array_new1("test", DTYPE_I32, 2, &err);
    Array *z = array_new1("test", DTYPE_F64, 3, &err);
    assert_null(dataset_new("data.new", &(DatasetParts){ .x = x, .y = y, .source = "" }, &err));
    assert_string_equal(err.message, "data.new: x of shape (3, 4) and y of shape (2,): expected one"
                                     " label per sample");
    assert_null(dataset_new("data.new", &(DatasetParts){ x, z, "", { 2, { 3, 2 } }, NULL }, &err));
    assert_non_null(strstr(err.message, "a sample of shape (3, 2) has 6 values, a row has 4"));
    assert_null(dataset_new(
        "data.new",
        &(DatasetParts){ x, z, "", { ARRAY_MAX_DIMS, { 2, 2, 1, 1, 1, 1, 1, 1 } }, NULL }, &err));
    assert_non_null(strstr(err.message, "at most 7 are taken"));
    assert_null(dataset_new("data.new", &(DatasetParts){ .x = z, .y = z, .source = "" }, &err));
    Dataset *ds = dataset_new("data.new", &(DatasetParts){ x, z, "", { 2, { 2, 2 } }, NULL }, &err);
    assert_non_null(ds);
    assert_true(array_f32(dataset_x(ds)) == array_f32(x)); /* shared, not copied */
    assert_true(dataset_x(ds)->read_only && ds->y->read_only && !x->read_only);
    dataset_free(ds);
    array_f64(z)[1] = 1e10;
    assert_null(dataset_new("data.new", &(DatasetParts){ .x = x, .y = z, .source = "" }, &err));
    array_free(x);
    array_free(y);
    array_free(z);
}

static void test_range_shares_pixels(void **state) {
    (void)state;
    Error err = { 0 };
    Dataset *ds = make(7), *part = dataset_range(ds, 2, 2, &err);
    assert_true(array_f32(dataset_x(part)) == array_f32(dataset_x(ds)) + 8);
    assert_int_equal(part->classes.count, 2); /* 9 and 5 */
    assert_int_equal(array_i32(part->y)[0], 9);
    dataset_free(ds);
    assert_true(pixel(part, 1) == 30); /* outlives its parent */
    assert_null(dataset_range(part, 1, 2, &err));
    assert_string_equal(err.message, "slice: samples 2 to 3 of 2");
    Dataset *none = dataset_range(part, 2, 0, &err);
    assert_int_equal(dataset_count(none), 0);
    dataset_free(none);
    dataset_free(part);
}

static void test_take(void **state) {
    (void)state;
    Error err = { 0 };
    Dataset *ds = make(7), *part = dataset_take(ds, (size_t[]){ 6, 0, 6 }, 3, &err);
    assert_true(pixel(part, 0) == 60 && pixel(part, 1) == 0 && pixel(part, 2) == 60);
    assert_int_equal(array_i32(part->y)[2], 5);
    assert_string_equal(part->source, "made up");
    assert_null(dataset_take(ds, (size_t[]){ 7 }, 1, &err));
    dataset_free(part);
    dataset_free(ds);
}

enum { WIDE = 4096, ROWS = 2000, LEAST = 1000 }; /* 33 MB; and the rows of a large part */

static Dataset *make_wide(void) {
    Error err = { 0 };
    Array *x = array_new2("test", DTYPE_F32, ROWS, WIDE, &err);
    Array *y = array_new1("test", DTYPE_I32, ROWS, &err);
    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = 0; j < WIDE; j++)
            array_f32(x)[i * WIDE + j] = (float)(i + j);
    Dataset *ds = dataset_new("data.new", &(DatasetParts){ .x = x, .y = y, .source = "" }, &err);
    array_free(x);
    array_free(y);
    assert_non_null(ds);
    return ds;
}

/* Row i of `part` is row first + step · i of what make_wide makes. */
static void assert_rows(const Dataset *part, size_t first, size_t step) {
    const float *x = array_f32(dataset_x(part));
    for (size_t i = 0; i < dataset_count(part); i++)
        for (size_t j = 0; j < WIDE; j += 511)
            assert_true(x[i * WIDE + j] == (float)(first + step * i + j));
}

/* Parts of parts, whose rows are copied when they are asked for: by then nobody else has any. */
static void test_large_parts(void **state) {
    (void)state;
    Error err = { 0 };
    static size_t every_second[LEAST], backwards[LEAST];
    for (size_t i = 0; i < LEAST; i++) {
        every_second[i] = 2 * i + 1;
        backwards[i] = LEAST - 1 - i;
    }
    Dataset *ds = make_wide();
    size_t before = resident_bytes();
    Dataset *half = dataset_take(ds, every_second, LEAST, &err);
    Dataset *turned = dataset_take(half, backwards, LEAST, &err);
    Dataset *few = dataset_take(turned, (size_t[]){ 999, 0, 999 }, 3, &err);
    assert_true(resident_bytes() < before + (8 << 20));
    assert_int_equal(dataset_own_bytes(half), (size_t)LEAST * WIDE * sizeof(float));
    dataset_free(ds);
    Dataset *range = dataset_range(turned, 1, 3, &err);
    assert_rows(range, 1997, (size_t)-2);
    dataset_free(turned);
    assert_rows(range, 1997, (size_t)-2);
    assert_rows(half, 1, 2);
    dataset_free(half);
    assert_true(dataset_x(few)->shape[0] == 3 && array_f32(dataset_x(few))[0] == 1 &&
                array_f32(dataset_x(few))[WIDE] == 1999 &&
                array_f32(dataset_x(few))[2 * WIDE] == 1);
    dataset_free(range);
    dataset_free(few);
}

/* A small share of the whole does not keep it, nor does a large one that has been read. */
static void test_who_keeps_the_whole(void **state) {
    (void)state;
    enum { FEW = ROWS / 5 }; /* 6.5 MB */
    Error err = { 0 };
    static size_t place[LEAST];
    for (size_t i = 0; i < LEAST; i++)
        place[i] = 2 * i;
    Dataset *ds = make_wide();
    const Array *x = dataset_x(ds);
    Dataset *few = dataset_take(ds, place, FEW, &err);
    assert_true(array_is_sole(x));
    assert_rows(few, 0, 2);
    Dataset *half = dataset_take(ds, place, LEAST, &err);
    Dataset *of_half = dataset_take(half, place, FEW, &err);
    assert_false(array_is_sole(x));
    assert_rows(half, 0, 2);
    assert_true(array_is_sole(x));
    assert_rows(of_half, 0, 4);
    dataset_free(ds);
    dataset_free(few);
    dataset_free(half);
    dataset_free(of_half);
}

static void test_per_class(void **state) {
    (void)state;
    Error err = { 0 };
    Rng rng;
    Dataset *ds = make(30), *first = dataset_per_class(ds, 2, NULL, &err);
    assert_int_equal(dataset_count(first), 6);
    for (size_t i = 0; i < 6; i++)
        assert_true(pixel(first, i) == (float)(10 * i));
    rng_seed(&rng, 3);
    Dataset *some = dataset_per_class(ds, 4, &rng, &err);
    assert_int_equal(dataset_count(some), 12);
    size_t found[10] = { 0 };
    for (size_t i = 0; i < 12; i++) {
        found[array_i32(some->y)[i]]++;
        assert_true(i == 0 || pixel(some, i) > pixel(some, i - 1));
    }
    assert_true(found[3] == 4 && found[5] == 4 && found[9] == 4);
    assert_true(pixel(some, 11) > 110); /* not merely the first ones */
    assert_null(dataset_per_class(ds, 11, NULL, &err));
    assert_string_equal(err.message, "per_class: class 3 has 10 samples, 11 are asked for");
    dataset_free(some);
    dataset_free(first);
    dataset_free(ds);
}

static void test_conditions(void **state) {
    (void)state;
    Error err = { 0 };
    size_t counts[3];
    Dataset *ds = make(7); /* 5 3 9 5 3 9 5 */
    Array *labels = array_new1("labels", DTYPE_I32, 3, &err);
    Array *none = array_new1("labels", DTYPE_I32, 0, &err);
    memcpy(array_i32(labels), (int32_t[]){ 9, 4, 3 }, 3 * sizeof(int32_t));
    Dataset *part = dataset_labelled(ds, labels, &err);
    assert_int_equal(dataset_count(part), 4);
    assert_true(pixel(part, 0) == 10 && pixel(part, 1) == 20 && pixel(part, 2) == 40 &&
                pixel(part, 3) == 50);
    dataset_free(part);
    part = dataset_labelled(ds, none, &err);
    assert_int_equal(dataset_count(part), 0);
    dataset_free(part);
    array_free(none);
    array_free(labels);
    dataset_class_counts(ds, counts);
    assert_true(counts[0] == 2 && counts[1] == 3 && counts[2] == 2);
    Array *mask = array_new1("mask", DTYPE_F32, 7, &err);
    array_f32(mask)[6] = 0.5F;
    part = dataset_masked(ds, mask, &err);
    assert_int_equal(dataset_count(part), 1);
    assert_true(pixel(part, 0) == 60);
    dataset_free(part);
    assert_null(dataset_masked(ds, dataset_x(ds), &err));
    assert_string_equal(err.message, "where: a mask of shape (7, 4) for 7 samples");
    array_free(mask);
    dataset_free(ds);
}

static void test_concat(void **state) {
    (void)state;
    Error err = { 0 };
    Dataset *a = make(2), *b = make(3);
    Dataset *both = dataset_concat((const Dataset *const[]){ a, b }, 2, &err);
    assert_int_equal(dataset_count(both), 5);
    assert_true(pixel(both, 1) == 10 && pixel(both, 2) == 0 && pixel(both, 4) == 20);
    assert_string_equal(both->source, "made up");
    b->sample_ndim = 1;
    assert_null(dataset_concat((const Dataset *const[]){ a, b }, 2, &err));
    assert_non_null(strstr(err.message, "concat: samples of shape (2, 2) and "));
    assert_null(dataset_concat(NULL, 0, &err));
    dataset_free(both);
    dataset_free(a);
    dataset_free(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new),
        cmocka_unit_test(test_new_refuses),
        cmocka_unit_test(test_range_shares_pixels),
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_large_parts),
        cmocka_unit_test(test_who_keeps_the_whole),
        cmocka_unit_test(test_per_class),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_concat),
    };
    return cmocka_run_group_tests_name("dataset", tests, NULL, NULL);
}
