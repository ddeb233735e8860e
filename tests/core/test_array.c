#include "core/array.h"
#include "core/array_compare.h"
#include "core/array_create.h"
#include "core/array_index.h"
#include "core/array_math.h"
#include "core/array_reduce.h"
#include "core/array_shape.h"
#include "core/array_transfer.h"
#include "core/error.h"
#include "core/parallel.h"
#include "core/rng.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* 0 … n−1 in an array of this shape. */
static Array *counting(DType dtype, int ndim, const size_t *shape) {
    Sizes sizes = sizes_of(ndim, shape);
    Array *a = array_new("test", dtype, &sizes, NULL);
    size_t n = array_size(a);
    for (size_t i = 0; i < n; i++) {
        if (dtype == DTYPE_F32)
            array_f32(a)[i] = (float)i;
        else if (dtype == DTYPE_F64)
            array_f64(a)[i] = (double)i;
        else
            array_i32(a)[i] = (int32_t)i;
    }
    return a;
}

static void test_new(void **state) {
    (void)state;
    Error err = { 0 };
    Array *a = array_new2("test", DTYPE_F32, 3, 4, &err);
    assert_non_null(a);
    assert_int_equal(array_size(a), 12);
    assert_int_equal(array_bytes(a), 48);
    assert_int_equal(array_row_size(a), 4);
    assert_int_equal((uintptr_t)a->data % 64, 0);
    for (int i = 0; i < 12; i++)
        assert_true(array_f32(a)[i] == 0);
    array_free(a);
    array_free(NULL);
}

/* Reused memory must be cleared too. */
static void test_large_blocks_are_reused_and_cleared(void **state) {
    (void)state;
    for (int i = 0; i < 20; i++) {
        Array *a = array_new1("test", DTYPE_F64, 200000 + 1000 * (size_t)(i % 3), NULL);
        size_t n = array_size(a);
        for (size_t k = 0; k < n; k++)
            assert_true(array_f64(a)[k] == 0);
        memset(a->data, 0xff, array_bytes(a));
        array_free(a);
    }
}

static void test_new_refuses(void **state) {
    (void)state;
    Error err = { 0 };
    const Sizes huge = { 2, { SIZE_MAX / 2, 8 } };
    assert_null(array_new("zeros", DTYPE_F32, &huge, &err));
    assert_int_equal(err.kind, ERROR_ARGUMENT);
    assert_non_null(strstr(err.message, "zeros: an array of shape ("));
    assert_null(array_new1("zeros", DTYPE_F32, (size_t)1 << 46, &err));
    assert_int_equal(err.kind, ERROR_MEMORY);
    /* 2⁶³ bytes: a size_t, but no distance between two places */
    assert_null(
        array_new("zeros", DTYPE_F64, &(Sizes){ 2, { (size_t)1 << 30, (size_t)1 << 30 } }, &err));
    assert_int_equal(err.kind, ERROR_ARGUMENT);
    assert_null(array_new("zeros", DTYPE_F32, &(Sizes){ .ndim = 9 }, &err));
    assert_int_equal(err.kind, ERROR_ARGUMENT);
}

static void test_views_share_the_buffer(void **state) {
    (void)state;
    Array *a = counting(DTYPE_F32, 2, (size_t[]){ 4, 3 });
    Array *rows = array_rows(a, 1, 2, NULL);
    assert_false(array_is_sole(a));
    array_f32(rows)[0] = 50;
    assert_true(array_f32(a)[3] == 50);
    array_free(a);
    assert_true(array_is_sole(rows));
    assert_true(array_f32(rows)[5] == 8);
    Array *none = array_rows(rows, 2, 0, NULL);
    assert_int_equal(array_size(none), 0);
    array_free(none);
    array_free(rows);
}

/* Of rows that do not follow one another. */
static void test_rows_of_views(void **state) {
    (void)state;
    Array *a = counting(DTYPE_F64, 2, (size_t[]){ 4, 3 });
    Array *turned = array_transpose("test", a, (int[]){ 1, 0 }, NULL);
    Array *rows = array_rows(turned, 1, 2, NULL);
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < 4; j++)
            assert_true(array_get(rows, (size_t[]){ i, j }) == (double)(j * 3 + i + 1));
    array_free(rows);
    array_free(turned);
    array_free(a);
}

static void test_contiguous(void **state) {
    (void)state;
    Error err = { 0 };
    Array *a = counting(DTYPE_F32, 3, (size_t[]){ 2, 3, 4 });
    Array *same = array_contiguous("test", a, DTYPE_F32, &err);
    assert_ptr_equal(same->data, a->data);
    Array *turned = array_transpose("test", a, (int[]){ 2, 0, 1 }, &err);
    assert_false(array_is_contiguous(turned));
    Array *doubles = array_contiguous("test", turned, DTYPE_F64, &err);
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < 2; j++)
            for (size_t k = 0; k < 3; k++)
                assert_true(array_get(doubles, (size_t[]){ i, j, k }) ==
                            (double)(j * 12 + k * 4 + i));
    array_free(doubles);
    array_free(turned);
    array_free(same);
    array_free(a);
}

static void test_conversion_to_int32(void **state) {
    (void)state;
    Error err = { 0 };
    Array *a = array_new1("test", DTYPE_F64, 3, &err);
    array_f64(a)[0] = INT32_MIN;
    array_f64(a)[1] = INT32_MAX;
    Array *i = array_contiguous("test", a, DTYPE_I32, &err);
    assert_int_equal(array_i32(i)[0], INT32_MIN);
    assert_int_equal(array_i32(i)[1], INT32_MAX);
    const double bad[] = { NAN, INFINITY, 2147483648.0, -2147483649.0, 0.5 };
    for (size_t k = 0; k < 5; k++) {
        array_f64(a)[2] = bad[k];
        assert_null(array_contiguous("astype", a, DTYPE_I32, &err));
        assert_non_null(strstr(err.message, "astype: "));
        assert_false(array_assign("assign", a, i, &err));
        assert_int_equal(array_i32(i)[0], INT32_MIN);
        assert_false(array_put(i, &(size_t){ 0 }, bad[k]));
    }
    array_free(i);
    array_free(a);
}

/* Lost digits are no failure, infinity and NaN are floats; what is out of range is refused, in an
 * array large enough for the threads to share too, and where it stands strided. */
static void test_conversion_to_float32(void **state) {
    (void)state;
    Error err = { 0 };
    Array *a = array_new2("test", DTYPE_F64, 400, 400, &err);
    array_f64(a)[0] = 0.1;
    array_f64(a)[1] = INFINITY;
    array_f64(a)[2] = NAN;
    array_f64(a)[3] = 1e-300;
    array_f64(a)[4] = FLT_MAX;
    Array *f = array_contiguous("test", a, DTYPE_F32, &err);
    assert_true(array_f32(f)[0] == 0.1f && array_f32(f)[3] == 0 && array_f32(f)[4] == FLT_MAX);
    assert_true(isinf(array_f32(f)[1]) && isnan(array_f32(f)[2]));
    array_f64(a)[159999] = -1e300;
    assert_null(array_contiguous("astype", a, DTYPE_F32, &err));
    assert_string_equal(err.message, "astype: -1e+300 does not fit into a float32 array");
    Array *turned = array_transpose("test", a, NULL, &err);
    assert_null(array_contiguous("astype", turned, DTYPE_F32, &err));
    array_f32(f)[0] = 7;
    assert_false(array_assign("assign", turned, f, &err));
    assert_true(array_f32(f)[0] == 7);
    assert_false(array_put(f, (size_t[]){ 0, 0 }, 1e39));
    array_free(turned);
    array_free(f);
    array_free(a);
}

/* Told its type, a mask is an int32 array; its copy and its views are masks. */
static void test_masks(void **state) {
    (void)state;
    Array *a = counting(DTYPE_F64, 1, (size_t[]){ 2 });
    Array *mask = array_unary("truth", a, NULL);
    Array *copy = array_copy("test", mask, NULL), *row = array_rows(mask, 1, 1, NULL);
    Array *whole = array_contiguous("test", mask, DTYPE_I32, NULL);
    assert_true(mask->origin == ORIGIN_MASK && copy->origin == ORIGIN_MASK);
    assert_true(row->origin == ORIGIN_MASK && whole->origin == ORIGIN_ARRAY);
    assert_ptr_equal(whole->data, mask->data);
    Array *all[] = { a, mask, copy, row, whole };
    for (size_t i = 0; i < 5; i++)
        array_free(all[i]);
}

/* Every way of core to write, on a read-only array and on a view taken from one. */
static void refuse_writes(Array *out) {
    enum { WAYS = 6 };
    const Array *in[] = { out, out, NULL };
    const size_t first = 0;
    const Places places = { 0, &first, 0 };
    Array *copy = array_copy("test", out, NULL);
    for (int way = 0; way < WAYS; way++) {
        Error err = { 0 };
        bool written = way == 0   ? array_assign("test", copy, out, &err)
                       : way == 1 ? array_fill("test", out, 1, &err)
                       : way == 2 ? array_put_at(copy, &places, out, &err)
                       : way == 3 ? array_apply_into(array_op("add"), in, out, &err)
                       : way == 4 ? array_scale("test", out, 2, &err)
                                  : array_writable("test", out, &err);
        bool same;
        assert_false(written);
        assert_non_null(strstr(err.message, ": this array is read-only"));
        assert_true(array_equal((const Array *[]){ copy, out }, &same, &err) && same);
    }
    assert_true(array_fill("test", copy, 1, NULL));
    array_free(copy);
}

static void test_read_only(void **state) {
    (void)state;
    Array *own = counting(DTYPE_F32, 2, (size_t[]){ 2, 3 });
    Array *a = array_share_read_only(own, NULL);
    const Slice all[] = { { 0, 2, 1, false }, { 0, 3, 1, false } };
    Array *view[] = { array_share(a, NULL),
                      array_rows(a, 1, 1, NULL),
                      array_row(a, 1, NULL),
                      array_slice(a, all, NULL),
                      array_reshape("test", a, &(Sizes){ 1, { 6 } }, NULL),
                      array_expand_dims(a, 0, NULL),
                      array_squeeze(a, -1, NULL),
                      array_contiguous("test", a, DTYPE_F32, NULL),
                      a };
    for (size_t i = 0; i < sizeof view / sizeof *view; i++) {
        assert_true(view[i]->read_only);
        refuse_writes(view[i]);
        array_free(view[i]);
    }
    assert_true(array_fill("test", own, 7, NULL)); /* whoever made it read-only has seen to that */
    Array *turned = array_transpose("test", own, NULL, NULL);
    assert_false(turned->read_only);
    array_free(turned);
    array_free(own);
}

/* The rule, for every set of one or two operands. */
static void test_types_of_operands(void **state) {
    (void)state;
    enum { F32 = DTYPE_F32, F64 = DTYPE_F64, I32 = DTYPE_I32 };
    /* f32, f64, i32, mask, integers, floats; a row for the first, a column for the second */
    static const int expected[6][6] = {
        { F32, F64, F32, F32, F32, F32 }, { F64, F64, F64, F64, F64, F64 },
        { F32, F64, I32, I32, I32, F64 }, { F32, F64, I32, I32, F32, F32 },
        { F32, F64, I32, F32, F64, F64 }, { F32, F64, F64, F32, F64, F64 },
    };
    for (unsigned i = 0; i < 6; i++)
        for (unsigned j = 0; j < 6; j++)
            assert_int_equal(operands_dtype(1u << i | 1u << j), expected[i][j]);
    assert_int_equal(operands_dtype(OPERAND_MASK | OPERAND_I32 | OPERAND_FLOATS), DTYPE_F64);
    assert_int_equal(operands_dtype(OPERAND_F32 | OPERAND_I32 | OPERAND_FLOATS), DTYPE_F32);
    assert_int_equal(result_dtype(RESULT_FLOAT, DTYPE_I32), DTYPE_F64);
    assert_int_equal(result_dtype(RESULT_FLOAT, DTYPE_F32), DTYPE_F32);
    assert_int_equal(result_dtype(RESULT_MASK, DTYPE_F64), DTYPE_I32);
}

static void test_shape_text(void **state) {
    (void)state;
    char text[128];
    assert_string_equal(array_shape_text(0, NULL, text), "()");
    assert_string_equal(array_shape_text(1, (size_t[]){ 5 }, text), "(5,)");
    assert_string_equal(array_shape_text(2, (size_t[]){ 60000, 784 }, text), "(60000, 784)");
}

static void test_apply_broadcasts(void **state) {
    (void)state;
    Error err = { 0 };
    Array *a = counting(DTYPE_F32, 2, (size_t[]){ 2, 3 });
    Array *b = counting(DTYPE_I32, 1, (size_t[]){ 3 });
    Array *sum = array_binary("add", a, b, &err);
    assert_int_equal(sum->dtype, DTYPE_F32);
    const float expected[] = { 0, 2, 4, 3, 5, 7 };
    assert_memory_equal(sum->data, expected, sizeof expected);
    Array *wrong = counting(DTYPE_F32, 1, (size_t[]){ 4 });
    assert_null(array_binary("add", a, wrong, &err));
    assert_string_equal(err.message, "add: shapes (2, 3) and (4,) do not broadcast");
    array_free(wrong);
    array_free(sum);
    array_free(b);
    array_free(a);
}

/* Every operation on every type and layout against a plain loop over array_get. */
static double reference(const char *name, double x, double y) {
    if (strcmp(name, "add") == 0)
        return x + y;
    if (strcmp(name, "sub") == 0)
        return x - y;
    if (strcmp(name, "mul") == 0)
        return x * y;
    if (strcmp(name, "maximum") == 0)
        return x > y ? x : y;
    if (strcmp(name, "lt") == 0)
        return x < y;
    return x == y;
}

static void check_binary(const char *name, const Array *a, const Array *b) {
    Array *out = array_binary(name, a, b, NULL);
    assert_non_null(out);
    for (size_t i = 0; i < out->shape[0]; i++)
        for (size_t j = 0; j < out->shape[1]; j++) {
            size_t at_b[] = { b->shape[0] == 1 ? 0 : i, b->shape[1] == 1 ? 0 : j };
            double want = reference(name, array_get(a, (size_t[]){ i, j }), array_get(b, at_b));
            assert_true(array_get(out, (size_t[]){ i, j }) == want);
        }
    array_free(out);
}

static void test_layouts_and_types(void **state) {
    (void)state;
    static const char *const names[] = { "add", "sub", "mul", "maximum", "lt", "eq" };
    const DType types[] = { DTYPE_F32, DTYPE_F64, DTYPE_I32 };
    for (size_t t = 0; t < 9; t++) {
        Array *square = counting(types[t % 3], 2, (size_t[]){ 60, 60 });
        Array *turned = array_transpose("test", square, NULL, NULL);
        Array *other = counting(types[t / 3], 2, (size_t[]){ 60, 60 });
        Array *row = array_rows(other, 7, 1, NULL);
        Array *column = array_transpose("test", row, NULL, NULL);
        for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
            check_binary(names[k], square, other);
            check_binary(names[k], turned, other);
            check_binary(names[k], turned, row);
            check_binary(names[k], square, column);
        }
        array_free(column);
        array_free(row);
        array_free(other);
        array_free(turned);
        array_free(square);
    }
}

/* The same bits with one thread and with four. */
static void test_sums_do_not_depend_on_threads(void **state) {
    (void)state;
    Rng rng;
    int threads = parallel_threads();
    Array *a = array_new2("test", DTYPE_F32, 700, 900, NULL);
    rng_seed(&rng, 1);
    for (size_t i = 0; i < 630000; i++)
        array_f32(a)[i] = (float)rng_normal(&rng);
    double one, four;
    parallel_set_threads(1);
    const Reduce whole = { .reduction = REDUCE_STD },
                 rows = { .reduction = REDUCE_SUM, .along = { true } };
    assert_true(array_reduce_all(a, &whole, &one, NULL));
    Array *first = array_reduce(a, &rows, NULL);
    parallel_set_threads(4);
    assert_true(array_reduce_all(a, &whole, &four, NULL));
    Array *second = array_reduce(a, &rows, NULL);
    parallel_set_threads(threads);
    assert_true(one == four);
    assert_memory_equal(first->data, second->data, array_bytes(first));
    array_free(first);
    array_free(second);
    array_free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new),
        cmocka_unit_test(test_large_blocks_are_reused_and_cleared),
        cmocka_unit_test(test_new_refuses),
        cmocka_unit_test(test_views_share_the_buffer),
        cmocka_unit_test(test_rows_of_views),
        cmocka_unit_test(test_contiguous),
        cmocka_unit_test(test_conversion_to_int32),
        cmocka_unit_test(test_conversion_to_float32),
        cmocka_unit_test(test_masks),
        cmocka_unit_test(test_read_only),
        cmocka_unit_test(test_types_of_operands),
        cmocka_unit_test(test_shape_text),
        cmocka_unit_test(test_apply_broadcasts),
        cmocka_unit_test(test_layouts_and_types),
        cmocka_unit_test(test_sums_do_not_depend_on_threads),
    };
    return cmocka_run_group_tests_name("array", tests, NULL, NULL);
}
