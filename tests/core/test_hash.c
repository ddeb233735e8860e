/* hash.h: the vectors that its authors published. */
#include "core/hash.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_published_vectors(void **state) {
    (void)state;
    assert_true(hash_text("") == 0xcbf29ce484222325u);
    assert_true(hash_text("a") == 0xaf63dc4c8601ec8cu);
    assert_true(hash_text("foobar") == 0x85944171f73967e8u);
    assert_true(hash_bytes("\xff\x00\x00\x01", 4) == 0x6961196491cc682du);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_published_vectors) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
