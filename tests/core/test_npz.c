/* npz.h: the round trip, stored and deflated, numpy's own bytes, and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/array_values.h"
#include "core/error.h"
#include "core/file.h"
#include "data/npz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/perigee-npz-XXXXXX";

static int make_path(void **state) {
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state) {
    (void)state;
    return unlink(path);
}

/* x, a thousand zeros and a one, and y, three labels. */
static void save(bool deflate) {
    Error err = { 0 };
    Array *x = array_new1("test", DTYPE_F32, 1001, &err),
          *y = array_new1("test", DTYPE_I32, 3, &err);
    array_f32(x)[1000] = 1;
    array_i32(y)[2] = -7;
    struct NamedArray entries[2] = { { .name = "y", .array = y }, { .name = "x", .array = x } };
    if (!npz_save(&(Tensors){ .count = 2, .entry = entries }, deflate, path, &err))
        fail_msg("%s", err.message);
    array_free(x);
    array_free(y);
}

static void test_round_trip(void **state) {
    (void)state;
    for (int deflate = 0; deflate < 2; deflate++) {
        Error err = { 0 };
        Tensors in;
        FileBytes file;
        save(deflate);
        assert_true(file_read(path, &file, &err));
        assert_true(deflate ? file.size < 1000 : file.size > 4000);
        file_bytes_free(&file);
        if (!npz_load(path, NULL, &in, &err))
            fail_msg("%s", err.message);
        assert_int_equal(in.count, 2);
        assert_true(array_f32(tensors_find(&in, NULL, "x"))[1000] == 1);
        assert_int_equal(array_i32(tensors_find(&in, NULL, "y"))[2], -7);
        tensors_clear(&in);
        assert_true(npz_load(path, &(NpzWanted){ { "y" }, NULL }, &in, &err));
        assert_int_equal(in.count, 1);
        tensors_clear(&in);
        assert_false(npz_load(path, &(NpzWanted){ { "y", "z" }, NULL }, &in, &err));
        assert_non_null(strstr(err.message, ": holds no array 'z' (it holds: x, y)"));
    }
}

static void test_same_bytes(void **state) {
    (void)state;
    Error err = { 0 };
    FileBytes first, second;
    save(true);
    assert_true(file_read(path, &first, &err));
    save(true);
    assert_true(file_read(path, &second, &err));
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.bytes, second.bytes, first.size);
    file_bytes_free(&first);
    file_bytes_free(&second);
}

/* Every byte changed in turn: refused or read, never a crash; the data's bytes are checksummed. */
static void test_mutations(void **state) {
    (void)state;
    Error err = { 0 };
    FileBytes file;
    save(true);
    assert_true(file_read(path, &file, &err));
    for (size_t i = 0; i < file.size; i++) {
        Tensors in;
        file.bytes[i] ^= 0x55;
        if (npz_parse("test.npz", file.bytes, file.size, NULL, &in, &err))
            tensors_clear(&in);
        else
            assert_ptr_equal(strstr(err.message, "test.npz"), err.message);
        file.bytes[i] ^= 0x55;
    }
    for (size_t size = 0; size < file.size; size += 7) {
        Tensors in;
        assert_false(npz_parse("test.npz", file.bytes, size, NULL, &in, &err));
    }
    file_bytes_free(&file);
}

static void test_refusals(void **state) {
    (void)state;
    Error err = { 0 };
    Tensors in;
    assert_false(npz_load("/nonexistent.npz", NULL, &in, &err));
    assert_string_equal(err.message, "/nonexistent.npz: No such file or directory");
    assert_false(npz_parse("a", "\x93NUMPY", 6, NULL, &in, &err));
    assert_ptr_equal(strstr(err.message, "a: not an npz file: "), err.message);
    assert_false(npz_save(&(Tensors){ .count = 0 }, false, path, &err));
    assert_non_null(strstr(err.message, "no arrays to save"));
    Array *x = array_new1("test", DTYPE_F32, 1, &err);
    struct NamedArray entries[2] = { { .name = "x", .array = x }, { .name = "x", .array = x } };
    assert_false(npz_save(&(Tensors){ .count = 2, .entry = entries }, false, path, &err));
    assert_non_null(strstr(err.message, "array 'x': "));
    assert_false(
        npz_save(&(Tensors){ .count = 1, .entry = entries }, false, "/nonexistent/x.npz", &err));
    assert_string_equal(err.message, "/nonexistent/x.npz: No such file or directory");
    array_free(x);
}

/* More entries than are read, however few the end says that there are. */
static void test_too_many_entries(void **state) {
    (void)state;
    enum { ENTRIES = 16385, ENTRY = 46, END = 22, SIZE = ENTRIES * ENTRY + END };
    Error err = { 0 };
    Tensors in;
    unsigned char *bytes = calloc(SIZE, 1), *end = bytes + SIZE - END;
    assert_non_null(bytes);
    for (size_t i = 0; i < ENTRIES; i++)
        memcpy(bytes + i * ENTRY, "PK\1\2", 4);
    memcpy(end, "PK\5\6", 4);
    end[8] = end[10] = 1;
    for (int k = 0; k < 4; k++)
        end[12 + k] = (unsigned char)((SIZE - END) >> 8 * k);
    assert_false(npz_parse("a", bytes, SIZE, NULL, &in, &err));
    assert_non_null(strstr(err.message, "a: more than 16384 entries"));
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),       cmocka_unit_test(test_same_bytes),
        cmocka_unit_test(test_mutations),        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_too_many_entries),
    };
    return cmocka_run_group_tests_name("npz", tests, make_path, remove_path);
}
