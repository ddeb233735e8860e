/* buffer_pool.h: which blocks come again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/buffer_pool.h"

enum { MEGABYTE = 1 << 20 };

/* Take and give back; where it was. */
static void *use(size_t bytes) {
    size_t capacity;
    void *block = pool_take(bytes, &capacity);
    assert_non_null(block);
    assert_true(capacity >= bytes && (uintptr_t)block % 64 == 0);
    pool_give(block, capacity);
    return block;
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

/* Instrumented builds keep nothing. */
static void skip_where_nothing_is_kept(void) {
#if defined(__SANITIZE_ADDRESS__)
    skip();
#endif
}

static void test_the_last_one_comes_again(void **state) {
    (void)state;
    skip_where_nothing_is_kept();
    void *block = use(MEGABYTE);
    assert_ptr_equal(use(MEGABYTE), block);
    assert_ptr_equal(use(MEGABYTE / 8 * 7), block); /* a little smaller */
    size_t capacity;
    void *taken = pool_take(MEGABYTE, &capacity);
    void *another = use(MEGABYTE);
    assert_ptr_not_equal(another, taken);
    pool_give(taken, capacity);
}

/* Sizes that nobody wants any more give way to those that are in use, by number and by bytes. */
static void test_old_sizes_give_way(void **state) {
    (void)state;
    enum { SIZES = 20 };
    skip_where_nothing_is_kept();
    for (size_t i = 1; i <= SIZES; i++) {
        void *block = use(2 * i * MEGABYTE);
        assert_ptr_equal(use(2 * i * MEGABYTE), block);
    }
    for (size_t i = SIZES; i > 0; i--) {
        void *block = use(MEGABYTE + i * MEGABYTE / 2), *other = use((SIZES + i) * MEGABYTE);
        assert_ptr_equal(use((SIZES + i) * MEGABYTE), other);
        assert_ptr_equal(use(MEGABYTE + i * MEGABYTE / 2), block);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_last_one_comes_again),
        cmocka_unit_test(test_old_sizes_give_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
