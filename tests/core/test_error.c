#include "core/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void test_set(void **state) {
    (void)state;
    Error err = { 0 };
    assert_false(error_set(&err, ERROR_FILE, "load: %s: %d bytes", "x", 3));
    assert_int_equal(err.kind, ERROR_FILE);
    assert_string_equal(err.message, "load: x: 3 bytes");
    assert_false(error_set(NULL, ERROR_FILE, "nobody asks"));
    assert_false(error_memory(&err, "zeros", 4000000));
    assert_int_equal(err.kind, ERROR_MEMORY);
    assert_string_equal(err.message, "zeros: out of memory: could not get 4.0 MB");
}

static void test_prefix(void **state) {
    (void)state;
    Error err = { 0 };
    error_set(&err, ERROR_ARGUMENT, "bad");
    error_prefix(&err, "layer %d", 2);
    assert_string_equal(err.message, "layer 2: bad");
    error_prefix(NULL, "nobody");
}

static void test_a_file_is_blamed_but_for_memory(void **state) {
    (void)state;
    Error err = { 0 };
    error_set(&err, ERROR_ARGUMENT, "gamma is -1");
    error_blame_file(&err);
    assert_int_equal(err.kind, ERROR_FILE);
    error_memory(&err, "load", 1);
    error_blame_file(&err);
    assert_int_equal(err.kind, ERROR_MEMORY);
    error_blame_file(NULL);
}

static void test_long_messages_are_cut(void **state) {
    (void)state;
    Error err = { 0 };
    char text[3000];
    memset(text, 'y', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    error_set(&err, ERROR_ARGUMENT, "%s", text);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
    error_prefix(&err, "%s", text);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
    assert_non_null(strstr(err.message, "y: y"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_a_file_is_blamed_but_for_memory),
        cmocka_unit_test(test_long_messages_are_cut),
    };
    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
