/* safetensors.h: the layout byte for byte, the round trip, and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/array.h"
#include "core/error.h"
#include "data/bundle.h"
#include "data/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/perigee-safetensors-XXXXXX";

static int make_path(void **state) {
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state) {
    (void)state;
    return unlink(path);
}

static void write_bytes(const void *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

/* A file with this header and `held` bytes of data 0, 1, 2 … */
static void write_file(const char *header, size_t held) {
    unsigned char bytes[4096] = { 0 };
    size_t length = strlen(header);
    bytes[0] = (unsigned char)(length & 255);
    bytes[1] = (unsigned char)(length >> 8);
    memcpy(bytes + 8, header, length);
    for (size_t i = 0; i < held; i++)
        bytes[8 + length + i] = (unsigned char)i;
    write_bytes(bytes, 8 + length + held);
}

static void refused(const char *header, size_t held, const char *part) {
    Error err = { 0 };
    Tensors tensors;
    write_file(header, held);
    tensors_init(&tensors);
    assert_false(tensors_load(&tensors, path, &err));
    assert_int_equal(tensors.count, 0);
    assert_ptr_equal(strstr(err.message, path), err.message);
    if (!strstr(err.message, part))
        fail_msg("expected '%s' in: %s", part, err.message);
}

static void test_round_trip(void **state) {
    (void)state;
    Error err = { 0 };
    Tensors out, in;
    tensors_init(&out);
    const float w[6] = { 1, 2, 3, 4, 5, 6 };
    const double b[2] = { -0.5, 1e300 };
    const int32_t label[3] = { 0, -1, 7 };
    assert_true(tensors_add_values(&out, (TensorName){ "svm.", "label" },
                                   &(TensorValues){ DTYPE_I32, label, 1, (size_t[]){ 3 } }, &err));
    assert_true(tensors_add_values(&out, (TensorName){ "conv1.", "weight" },
                                   &(TensorValues){ DTYPE_F32, w, 2, (size_t[]){ 2, 3 } }, &err));
    assert_true(tensors_add_values(&out, (TensorName){ NULL, "b" },
                                   &(TensorValues){ DTYPE_F64, b, 1, (size_t[]){ 2 } }, &err));
    assert_true(tensors_add_values(&out, (TensorName){ NULL, "empty" },
                                   &(TensorValues){ DTYPE_F32, w, 2, (size_t[]){ 0, 3 } }, &err));
    assert_true(tensors_add_values(&out, (TensorName){ NULL, "scalar" },
                                   &(TensorValues){ DTYPE_F32, w, 0, NULL }, &err));
    assert_true(tensors_set_text(&out, "perigee", "{\"C\": \"ü\n\"}", &err));
    assert_true(tensors_set_text(&out, "seed", "1", &err));
    assert_true(tensors_set_text(&out, "seed", "2", &err));
    assert_false(tensors_add_values(&out, (TensorName){ "conv", "1.weight" },
                                    &(TensorValues){ DTYPE_F32, w, 0, NULL }, &err));
    assert_non_null(strstr(err.message, "'conv1.weight' is there twice"));
    assert_true(tensors_save(&out, path, &err));
    tensors_init(&in);
    assert_true(tensors_load(&in, path, &err));
    assert_int_equal(in.count, 5);
    assert_int_equal(in.text_count, 2);
    assert_string_equal(tensors_text(&in, "perigee"), "{\"C\": \"ü\n\"}");
    assert_string_equal(tensors_text(&in, "seed"), "2");
    assert_null(tensors_text(&in, "absent"));
    Array *a = tensors_require(&in, (TensorName){ "conv1.", "weight" },
                               (TensorForm){ DTYPE_F32, 2 }, &err);
    assert_non_null(a);
    assert_memory_equal(a->data, w, sizeof w);
    assert_memory_equal(array_f64(tensors_find(&in, NULL, "b")), b, sizeof b);
    assert_memory_equal(array_i32(tensors_find(&in, "svm", ".label")), label, sizeof label);
    assert_int_equal(tensors_find(&in, NULL, "empty")->shape[1], 3);
    assert_int_equal(tensors_find(&in, NULL, "scalar")->ndim, 0);
    assert_null(
        tensors_require(&in, (TensorName){ NULL, "b" }, (TensorForm){ DTYPE_F32, 1 }, &err));
    assert_string_equal(err.message, "tensor 'b' is f64 with 1 dimensions; expected f32 with 1");
    assert_null(
        tensors_require(&in, (TensorName){ "x.", "b" }, (TensorForm){ DTYPE_F32, 1 }, &err));
    assert_string_equal(err.message, "tensor 'x.b' is missing");
    tensors_clear(&out);
    tensors_clear(&in);
    tensors_clear(&in);
}

/* Length of the header a multiple of eight, widest elements first, no spaces but the padding. */
static void test_layout(void **state) {
    (void)state;
    Error err = { 0 };
    Tensors out;
    tensors_init(&out);
    assert_true(tensors_add_values(&out, (TensorName){ NULL, "a" },
                                   &(TensorValues){ DTYPE_F32, (float[]){ 1 }, 1, (size_t[]){ 1 } },
                                   &err));
    assert_true(tensors_add_values(
        &out, (TensorName){ NULL, "z" },
        &(TensorValues){ DTYPE_F64, (double[]){ 1 }, 1, (size_t[]){ 1 } }, &err));
    assert_true(tensors_save(&out, path, &err));
    tensors_clear(&out);
    const char *header = "{\"z\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]},"
                         "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}";
    size_t padded = (strlen(header) + 7) / 8 * 8;
    unsigned char bytes[512];
    FILE *file = fopen(path, "rb");
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_int_equal(size, 8 + padded + 12);
    assert_int_equal(bytes[0], padded);
    assert_memory_equal(bytes + 8, header, strlen(header));
    assert_memory_equal(bytes + 8 + padded, "\0\0\0\0\0\0\xf0\x3f\0\0\x80\x3f", 12);
}

static void test_other_types(void **state) {
    (void)state;
    Error err = { 0 };
    Tensors in;
    write_file("{\"h\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,2]},"
               "\"w\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[2,4]},"
               "\"u\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[4,6]},"
               "\"s\":{\"dtype\":\"I16\",\"shape\":[],\"data_offsets\":[6,8]}}   ",
               8);
    tensors_init(&in);
    assert_true(tensors_load(&in, path, &err));
    assert_int_equal(tensors_find(&in, NULL, "h")->dtype, DTYPE_F32);
    assert_int_equal(tensors_find(&in, NULL, "w")->dtype, DTYPE_F32);
    assert_int_equal(array_u8(tensors_find(&in, NULL, "u"))[1], 5);
    assert_int_equal(array_i32(tensors_find(&in, NULL, "s"))[0], 6 + 256 * 7);
    tensors_clear(&in);
}

static void test_refusals(void **state) {
    (void)state;
    refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4, "truncated");
    refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 9,
            "1 bytes too many");
    refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "does not take");
    refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", 8, "data_offsets");
    refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]}}", 8, "data_offsets");
    refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,6]}}", 6, "shape");
    refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1e15,1e15],\"data_offsets\":[0,8]}}", 8,
            "does not take");
    refused("{\"a\":{\"dtype\":\"C64\",\"shape\":[1],\"data_offsets\":[0,8]}}", 8, "'C64'");
    refused("{\"a\":{\"shape\":[1],\"data_offsets\":[0,8]}}", 8, "unknown type");
    refused("{\"a\":7}", 0, "unknown type");
    refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
            "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}",
            3, "overlaps");
    refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
            "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[3,5]}}",
            5, "gap");
    refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},"
            "\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}",
            0, "twice");
    refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]}}", 1,
            "more than 8");
    refused("{\"a\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]}}", 8,
            "does not fit a 32-bit integer");
    refused("{\"__metadata__\":{\"a\":1}}", 0, "not a text");
    refused("{\"__metadata__\":7}", 0, "__metadata__");
    refused("{\"a\":", 0, "not a JSON object");
    refused("{}x", 0, "not a JSON object");
    refused("[]", 0, "not a safetensors file");
    Error err = { 0 };
    Tensors in;
    tensors_init(&in);
    write_bytes("\377\377\0\0\0\0\0\0{}", 10);
    assert_false(tensors_load(&in, path, &err));
    assert_non_null(strstr(err.message, "truncated"));
    write_bytes("\377\377\377\377\377\377\377\377{}", 10);
    assert_false(tensors_load(&in, path, &err));
    assert_non_null(strstr(err.message, "not a safetensors file"));
    write_bytes("", 0);
    assert_false(tensors_load(&in, path, &err));
}

/* Arrays that were never asked for are read when they are written or put elsewhere; one that was
 * handed on is missed, not followed. */
static void test_still_in_the_file(void **state) {
    (void)state;
    const char header[] = "{\"u\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
                          "\"v\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[2,3]}}";
    char other[sizeof path + 2];
    snprintf(other, sizeof other, "%s-2", path);
    Error err = { 0 };
    Tensors in, bundle, part;
    write_file(header, 3);
    tensors_init(&bundle);
    assert_true(tensors_open(&in, path, &err));
    assert_null(tensors_find(&in, NULL, "u"));
    assert_true(tensors_save(&in, other, &err));
    tensors_clear(&in);
    assert_true(tensors_load(&in, other, &err));
    assert_int_equal(array_u8(tensors_find(&in, NULL, "v"))[0], 2);
    tensors_clear(&in);
    unlink(other);

    assert_true(tensors_open(&in, path, &err));
    assert_true(bundle_put(&bundle, "p", &in, &err));
    assert_int_equal(array_u8(tensors_find(&bundle, "p/", "u"))[1], 1);
    assert_true(bundle_take(&bundle, "p", &part, &err));
    assert_false(tensors_save(&bundle, other, &err));
    assert_non_null(strstr(err.message, "tensor 'p/u' is used twice"));
    assert_false(bundle_put(&in, "q", &bundle, &err));
    tensors_clear(&part);
    tensors_clear(&bundle);
    tensors_clear(&in);
}

/* A failed save leaves the old file, and nothing beside it. */
static void test_failed_save(void **state) {
    (void)state;
    Error err = { 0 };
    Tensors out;
    tensors_init(&out);
    assert_false(tensors_save(&out, "/nonexistent/folder/model.safetensors", &err));
    assert_int_equal(err.kind, ERROR_FILE);
    assert_string_equal(err.message,
                        "/nonexistent/folder/model.safetensors: No such file or directory");
    assert_false(tensors_save(&out, "/tmp", &err));
    tensors_clear(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_other_types),       cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_still_in_the_file), cmocka_unit_test(test_failed_save),
    };
    return cmocka_run_group_tests_name("safetensors", tests, make_path, remove_path);
}
