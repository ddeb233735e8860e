#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "svm/matrix_memory.h"

static const size_t large = (size_t)5 << 20;

static void test_kept_while_held(void **state) {
    (void)state;
    matrix_hold();
    matrix_hold();
    char *first = matrix_take(large), *second = matrix_take(large);
    assert_non_null(first);
    assert_non_null(second);
    assert_true(first != second);
    first[0] = second[large - 1] = 1;
    assert_int_equal(matrix_kept(), 0);
    matrix_give(first);
    assert_int_equal(matrix_kept(), large);
    assert_ptr_equal(matrix_take(large - 4096), first);
    matrix_give(first);
    char *smaller = matrix_take(large / 4); /* a block is not spent on much less than it holds */
    assert_true(smaller != first);
    matrix_give(smaller);
    matrix_release();
    matrix_give(second);
    matrix_release();
    assert_int_equal(matrix_kept(), 0);
}

static void test_many_blocks(void **state) {
    (void)state;
    enum { COUNT = 9 };
    void *block[COUNT];
    matrix_hold();
    for (int i = 0; i < COUNT; i++)
        assert_non_null(block[i] = matrix_take(large));
    matrix_release(); /* before they are back */
    for (int i = 0; i < COUNT; i++)
        matrix_give(block[i]);
}

static void test_edges(void **state) {
    (void)state;
    matrix_give(NULL);
    void *nothing = matrix_take(0);
    assert_non_null(nothing);
    matrix_give(nothing);
    assert_null(matrix_take(SIZE_MAX));
    assert_null(matrix_take(SIZE_MAX / 2));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept_while_held),
        cmocka_unit_test(test_many_blocks),
        cmocka_unit_test(test_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
