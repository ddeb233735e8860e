/* data_file.h: arrays and datasets as contents of files, whole and damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/array.h"
#include "core/error.h"
#include "files/data_file.h"

static Dataset *make(void) {
    Error err = { 0 };
    Array *x = array_new("test", DTYPE_F32, &(Sizes){ 3, { 2, 3, 2 } }, &err);
    Array *y = array_new1("test", DTYPE_I32, 2, &err);
    array_f32(x)[7] = 0.5F;
    array_i32(y)[1] = 4;
    Dataset *ds =
        dataset_new("data.new", &(DatasetParts){ .x = x, .y = y, .source = "made up" }, &err);
    array_free(x);
    array_free(y);
    assert_non_null(ds);
    return ds;
}

static void test_datasets(void **state) {
    (void)state;
    Error err = { 0 };
    Tensors tensors;
    tensors_init(&tensors);
    Dataset *ds = make();
    assert_true(dataset_to(ds, &tensors, &err));
    Dataset *back = dataset_from(&tensors, &err);
    assert_non_null(back);
    assert_int_equal(back->sample_ndim, 2);
    assert_true(back->sample_shape[0] == 3 && back->sample_shape[1] == 2);
    assert_true(array_f32(dataset_x(back))[7] == 0.5F && array_i32(back->y)[1] == 4);
    assert_string_equal(back->source, "made up");
    dataset_free(back);
    array_f64(tensors_find(&tensors, NULL, "shape"))[0] = 2.5;
    assert_null(dataset_from(&tensors, &err));
    assert_string_equal(err.message, "a dataset's shape is damaged");
    dataset_free(ds);
    tensors_clear(&tensors);
}

static void test_arrays(void **state) {
    (void)state;
    Error err = { 0 };
    Tensors tensors;
    tensors_init(&tensors);
    assert_null(array_from(&tensors, &err));
    assert_string_equal(err.message, "tensor 'value' is missing");
    Array *a = array_new1("test", DTYPE_I32, 3, &err);
    array_i32(a)[2] = 7;
    assert_true(array_to(a, &tensors, &err));
    Array *back = array_from(&tensors, &err);
    assert_non_null(back);
    assert_true(back->dtype == DTYPE_I32 && array_size(back) == 3 && array_i32(back)[2] == 7);
    array_free(back);
    array_free(a);
    tensors_clear(&tensors);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_datasets),
        cmocka_unit_test(test_arrays),
    };
    return cmocka_run_group_tests_name("data_file", tests, NULL, NULL);
}
