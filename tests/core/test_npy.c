/* npy.h: files as NumPy writes them, literal bytes, and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/array.h"
#include "core/error.h"
#include "data/npy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* An npy file of one version with this dict and these elements, as one malloc'd block. */
static unsigned char *compose(int version, const char *dict, const void *data, size_t bytes,
                              size_t *size) {
    size_t start = version == 1 ? 10 : 12, length = strlen(dict);
    unsigned char *file = malloc(start + length + bytes);
    assert_non_null(file);
    memcpy(file, "\x93NUMPY", 6);
    file[6] = (unsigned char)version;
    file[7] = 0;
    file[8] = (unsigned char)(length & 255);
    file[9] = (unsigned char)(length >> 8);
    if (version > 1)
        file[10] = file[11] = 0;
    memcpy(file + start, dict, length);
    memcpy(file + start + length, data, bytes);
    *size = start + length + bytes;
    return file;
}

static Array *parse(int version, const char *dict, const void *data, size_t bytes, Error *err) {
    size_t size;
    unsigned char *file = compose(version, dict, data, bytes, &size);
    Array *a = npy_parse("test.npy", file, size, err);
    free(file);
    return a;
}

static void refused(const char *dict, const void *data, size_t bytes, const char *part) {
    Error err = { 0 };
    assert_null(parse(1, dict, data, bytes, &err));
    assert_int_equal(err.kind, ERROR_FILE);
    assert_ptr_equal(strstr(err.message, "test.npy: "), err.message);
    if (!strstr(err.message, part))
        fail_msg("expected '%s' in: %s", part, err.message);
}

static void test_little_endian_float(void **state) {
    (void)state;
    const float values[6] = { 0, 1, -2.5f, 3, 1e30f, -0.0f };
    for (int version = 1; version <= 3; version++) {
        Error err = { 0 };
        Array *a =
            parse(version, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }     \n",
                  values, sizeof values, &err);
        assert_non_null(a);
        assert_int_equal(a->dtype, DTYPE_F32);
        assert_int_equal(a->ndim, 2);
        assert_int_equal(a->shape[1], 3);
        assert_memory_equal(array_f32(a), values, sizeof values);
        array_free(a);
    }
}

static void test_big_endian_and_keys_in_any_order(void **state) {
    (void)state;
    const unsigned char bytes[16] = { 0x3f, 0xf8, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0 };
    Error err = { 0 };
    Array *a =
        parse(1, "{\"shape\": (2L,), 'fortran_order':False, 'descr': '>f8'}", bytes, 16, &err);
    assert_non_null(a);
    assert_true(array_f64(a)[0] == 1.5 && array_f64(a)[1] == -2);
    array_free(a);
}

static void test_fortran_order(void **state) {
    (void)state;
    const int16_t columns[6] = { 1, 4, 2, 5, 3, 6 };
    Error err = { 0 };
    Array *a = parse(1, "{'descr': '<i2', 'fortran_order': True, 'shape': (2, 3)}", columns,
                     sizeof columns, &err);
    assert_non_null(a);
    assert_int_equal(a->shape[0], 2);
    for (int32_t i = 0; i < 6; i++)
        assert_int_equal(array_i32(a)[i], i + 1);
    array_free(a);
}

static void test_half_floats(void **state) {
    (void)state;
    const uint16_t half[6] = { 0x3c00, 0xc000, 0x0001, 0x7c00, 0x7e00, 0x3555 };
    Error err = { 0 };
    Array *a = parse(1, "{'descr': '<f2', 'fortran_order': False, 'shape': (6,)}", half, 12, &err);
    assert_non_null(a);
    const float *x = array_f32(a);
    assert_true(x[0] == 1 && x[1] == -2 && x[2] == 0x1p-24f && isinf(x[3]) && isnan(x[4]));
    assert_true(fabsf(x[5] - 0.333252f) < 1e-6f);
    array_free(a);
}

static void test_integers(void **state) {
    (void)state;
    const int64_t wide[2] = { -5, 2147483647 }, too_wide[2] = { 1, 2147483648LL };
    const unsigned char bytes[3] = { 0, 255, 7 };
    Error err = { 0 };
    Array *a = parse(1, "{'descr': '<i8', 'fortran_order': False, 'shape': (2,)}", wide, 16, &err);
    assert_non_null(a);
    assert_true(array_i32(a)[0] == -5 && array_i32(a)[1] == 2147483647);
    array_free(a);
    a = parse(1, "{'descr': '|u1', 'fortran_order': False, 'shape': (3,)}", bytes, 3, &err);
    assert_non_null(a);
    assert_int_equal(array_u8(a)[1], 255);
    array_free(a);
    refused("{'descr': '<i8', 'fortran_order': False, 'shape': (2,)}", too_wide, 16,
            "element 2 is 2147483648");
}

static void test_refusals(void **state) {
    (void)state;
    const float x[4] = { 0 };
    refused("{'descr': '<f4', 'fortran_order': False, 'shape': (5,)}", x, 16, "truncated");
    refused("{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", x, 16, "4 bytes too many");
    refused("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", x, 16, "pickled");
    refused("{'descr': '<c8', 'fortran_order': False, 'shape': (2,)}", x, 16, "'<c8'");
    refused("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4,)}", x, 16,
            "structured");
    refused("{'descr': '<f4', 'fortran_order': False}", x, 16, "malformed");
    refused("{'descr': '<f4', 'fortran_order': False, 'shape': (4 4)}", x, 16, "malformed");
    refused("{'descr': '<f4', 'fortran_order': False, 'shape': (4,)} x", x, 16, "malformed");
    refused("{'descr': '<f4', 'fortran_order': False, 'shape': (4,)", x, 16, "malformed");
    refused("{'descr': '<f4', 'fortran_order': 0, 'shape': (4,)}", x, 16, "fortran_order");
    refused("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,4)}", x, 16,
            "more than 8");
    refused("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 9223372036854775807, 4)}", x, 16,
            "truncated");
    refused("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", x, 16,
            "malformed");
    Error err = { 0 };
    assert_null(npy_parse("a", (const unsigned char *)"PK\3\4......", 10, &err));
    assert_string_equal(err.message, "a: not an npy file");
    assert_null(npy_parse("a", (const unsigned char *)"\x93NUMPY\1\0\377\377{", 11, &err));
    assert_string_equal(err.message, "a: truncated in the npy header");
    assert_null(npy_load("/nonexistent/x.npy", &err));
    assert_string_equal(err.message, "/nonexistent/x.npy: No such file or directory");
    assert_null(npy_load("/tmp", &err));
    assert_string_equal(err.message, "/tmp: a folder, not a file");
}

/* Scalars, vectors and empty arrays, through a file that replaces another. */
static void test_round_trip(void **state) {
    (void)state;
    char path[] = "/tmp/perigee-npy-XXXXXX";
    close(mkstemp(path));
    const size_t shapes[4][3] = { { 0 }, { 5 }, { 2, 3 }, { 4, 0, 7 } };
    for (int ndim = 0; ndim <= 3; ndim++) {
        Error err = { 0 };
        Sizes shape = sizes_of(ndim, shapes[ndim]);
        Array *a = array_new("test", (DType)(ndim % 3), &shape, &err);
        memset(a->data, 1, array_bytes(a));
        assert_true(npy_save(a, path, &err));
        Array *b = npy_load(path, &err);
        assert_non_null(b);
        assert_true(array_same_shape(a, b) && a->dtype == b->dtype);
        assert_memory_equal(a->data, b->data, array_bytes(a));
        array_free(a);
        array_free(b);
    }
    unlink(path);
}

static void test_view_is_saved_in_its_own_order(void **state) {
    (void)state;
    Error err = { 0 };
    size_t size;
    Array *a = array_new2("test", DTYPE_I32, 2, 2, &err);
    memcpy(a->data, (int32_t[]){ 1, 2, 3, 4 }, 16);
    Array layout = *a;
    layout.stride[0] = 1;
    layout.stride[1] = 2;
    Array *turned = array_view(&layout, &err);
    unsigned char *bytes = npy_encode(turned, &size, &err);
    assert_non_null(bytes);
    assert_int_equal(size % 64, 16);
    assert_memory_equal(bytes + size - 16, ((int32_t[]){ 1, 3, 2, 4 }), 16);
    free(bytes);
    array_free(turned);
    array_free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_little_endian_float),
        cmocka_unit_test(test_big_endian_and_keys_in_any_order),
        cmocka_unit_test(test_fortran_order),
        cmocka_unit_test(test_half_floats),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_view_is_saved_in_its_own_order),
    };
    return cmocka_run_group_tests_name("npy", tests, NULL, NULL);
}
