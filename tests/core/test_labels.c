#include "core/error.h"
#include "core/labels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void test_from(void **state) {
    (void)state;
    const int32_t y[] = { 7, 3, 7, -2, 3, INT32_MAX, INT32_MIN + 1 };
    const int32_t want[] = { INT32_MIN + 1, -2, 3, 7, INT32_MAX };
    Labels labels;
    assert_true(labels_from("test", y, 7, &labels, NULL));
    assert_int_equal(labels.count, 5);
    assert_memory_equal(labels.label, want, sizeof want);
    labels_clear(&labels);
    assert_int_equal(labels.count, 0);
    labels_clear(&labels);
}

static void test_empty(void **state) {
    (void)state;
    Labels labels, copy;
    assert_true(labels_from("test", NULL, 0, &labels, NULL));
    assert_int_equal(labels.count, 0);
    assert_int_equal(labels_find(&labels, 0), -1);
    assert_true(labels_copy("test", &labels, &copy, NULL));
    assert_true(labels_equal(&labels, &copy));
    labels_clear(&labels);
    labels_clear(&copy);
}

/* INT32_MIN says that there is no label, also where it is the only one. */
static void test_none_is_no_label(void **state) {
    (void)state;
    const int32_t y[] = { LABEL_NONE, 3, LABEL_NONE };
    Error err = { 0 };
    Labels labels;
    for (size_t n = 1; n <= 3; n++) {
        assert_false(labels_from("test", y, n, &labels, &err));
        assert_string_equal(err.message,
                            "test: -2147483648 cannot be a label: it says that there is none");
    }
}

static void test_find(void **state) {
    (void)state;
    const int32_t y[] = { 0, 10, 20, 30 };
    Labels labels;
    labels_from("test", y, 4, &labels, NULL);
    for (int32_t x = -5; x < 40; x++)
        assert_int_equal(labels_find(&labels, x), x >= 0 && x % 10 == 0 && x <= 30 ? x / 10 : -1);
    labels_clear(&labels);
}

static void test_equal(void **state) {
    (void)state;
    Labels a, b, c;
    labels_from("test", (int32_t[]){ 1, 2 }, 2, &a, NULL);
    labels_from("test", (int32_t[]){ 2, 1, 1 }, 3, &b, NULL);
    labels_from("test", (int32_t[]){ 1, 3 }, 2, &c, NULL);
    assert_true(labels_equal(&a, &b));
    assert_false(labels_equal(&a, &c));
    labels_clear(&a);
    labels_clear(&b);
    labels_clear(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_from),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_none_is_no_label),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_equal),
    };
    return cmocka_run_group_tests_name("labels", tests, NULL, NULL);
}
