#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/error.h"
#include "core/memory.h"

#include <string.h>
#include <sys/resource.h>

static void test_available(void **state) {
    (void)state;
    double left = memory_available();
    assert_true(left > 1e6);
    assert_true(left < 1e15);
}

static void test_own_limit(void **state) {
    (void)state;
    struct rlimit old, lower;
    double before = memory_available();
    assert_int_equal(getrlimit(RLIMIT_AS, &old), 0);
    lower = old;
    lower.rlim_cur = 4096; /* less than is in use already */
    assert_int_equal(setrlimit(RLIMIT_AS, &lower), 0);
    double left = memory_available();
    assert_int_equal(setrlimit(RLIMIT_AS, &old), 0);
    assert_true(before > 0);
    assert_true(left <= 4096); /* 0, unless even asking what is in use took more */
}

static void test_check(void **state) {
    (void)state;
    Error err;
    assert_true(memory_check("fit", 1000, "ten rows", &err));
    assert_false(memory_check("fit", 1e18, "many rows", &err));
    assert_int_equal(err.kind, ERROR_MEMORY);
    assert_ptr_equal(strstr(err.message, "fit: needs 1000000000.0 GB (many rows); "), err.message);
}

static void test_text(void **state) {
    (void)state;
    char text[32];
    assert_string_equal(memory_text(31.4e6, text), "31 MB");
    assert_string_equal(memory_text(1.26e8, text), "126 MB"); /* beside 130 MB it is not the same */
    assert_string_equal(memory_text(999.4e6, text), "999 MB");
    assert_string_equal(memory_text(999.6e6, text), "1.0 GB");
    assert_string_equal(memory_text(1.26e9, text), "1.3 GB");
}

static void test_parse(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double bytes;
    } known[] = { { "17", 17 },
                  { "20 B", 20 },
                  { "2 kB", 2e3 },
                  { "1 KiB", 1024 },
                  { "1.5MiB", 1.5 * 1048576 },
                  { "3 GB", 3e9 },
                  { "2 gib", 2147483648.0 },
                  { "1 TB", 1e12 } };
    static const char *const wrong[] = { "", "kB", "3 k", "3 KiBs", "3 Xb", "nan", "3 Ki" };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        assert_true(memory_parse(known[i].text) == known[i].bytes);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_true(isnan(memory_parse(wrong[i])));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_available), cmocka_unit_test(test_own_limit),
        cmocka_unit_test(test_check),     cmocka_unit_test(test_text),
        cmocka_unit_test(test_parse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
