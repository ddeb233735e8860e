/* utf8.h: what is a character, and where a text is cut. */
#include "core/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_characters(void **state) {
    (void)state;
    static const char *const whole[] = { "a",
                                         "\x7f",
                                         "\xc2\x80",
                                         "\xdf\xbf",
                                         "\xe0\xa0\x80",
                                         "\xed\x9f\xbf",
                                         "\xee\x80\x80",
                                         "\xef\xbf\xbf",
                                         "\xf0\x90\x80\x80",
                                         "\xf4\x8f\xbf\xbf" };
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        size_t n = strlen(whole[i]);
        assert_int_equal(utf8_character(whole[i], n), n);
        assert_int_equal(utf8_character(whole[i], n - 1), 0);
    }
    assert_int_equal(utf8_character("", 1), 1); /* a 0 is one too */
}

static void test_what_is_none(void **state) {
    (void)state;
    static const char *const broken[] = { "\x80",
                                          "\xbf",
                                          "\xc0\x80",
                                          "\xc1\xbf",
                                          "\xc3(",
                                          "\xe0\x9f\xbf",
                                          "\xed\xa0\x80",
                                          "\xe2\x82(",
                                          "\xf0\x8f\xbf\xbf",
                                          "\xf4\x90\x80\x80",
                                          "\xf5\x80\x80\x80",
                                          "\xff" };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        assert_int_equal(utf8_character(broken[i], strlen(broken[i])), 0);
}

static void test_head(void **state) {
    (void)state;
    size_t count;
    const char *text = "a\xc3\xa9\xe2\x82\xac!";
    const size_t bytes[] = { 0, 1, 3, 6, 7, 7 };
    for (size_t most = 0; most < 6; most++) {
        assert_int_equal(utf8_head(text, most, &count), bytes[most]);
        assert_int_equal(count, most < 4 ? most : 4);
    }
    assert_int_equal(utf8_head("", 3, NULL), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_characters),
        cmocka_unit_test(test_what_is_none),
        cmocka_unit_test(test_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
