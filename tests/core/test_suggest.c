#include "core/suggest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void edits_count_twice_and_case_once(void **state) {
    (void)state;
    assert_int_equal(suggest_distance("gamma", "gamma"), 0);
    assert_int_equal(suggest_distance("Gamma", "gamma"), 1);
    assert_int_equal(suggest_distance("gama", "gamma"), 2);
    assert_int_equal(suggest_distance("gmama", "gamma"), 2);
    assert_int_equal(suggest_distance("gamut", "gamma"), 4);
}

static void the_word_that_was_meant(void **state) {
    (void)state;
    const char *const words[] = { "eta", "eta_min", "max_iter", NULL };
    assert_string_equal(suggest_nearest("max_itre", words), "max_iter");
    assert_string_equal(suggest_nearest("et", words), "eta");
    assert_null(suggest_nearest("kernel", words));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edits_count_twice_and_case_once),
        cmocka_unit_test(the_word_that_was_meant),
    };
    return cmocka_run_group_tests_name("suggest", tests, NULL, NULL);
}
