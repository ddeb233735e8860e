/* buffer_pool.h: which blocks come again, and that they go where memory is short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/buffer_pool.h"
#include "core/memory.h"
#include "core/sanitizer.h"
#include "resident.h"

#include <string.h>

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
    for (size_t i = SIZES; i > 0; i--) { /* two at a time */
        void *block = use(MEGABYTE + i * MEGABYTE / 2), *other = use((SIZES + i) * MEGABYTE);
        assert_ptr_equal(use((SIZES + i) * MEGABYTE), other);
        assert_ptr_equal(use(MEGABYTE + i * MEGABYTE / 2), block);
    }
}

/* What is kept does not keep others from what they need. */
static void test_goes_where_memory_is_short(void **state) {
    (void)state;
    enum { LARGE = 48 };
    char sum[] = "all there is";
    skip_where_nothing_is_kept();
    size_t capacity;
    void *block = pool_take((size_t)LARGE * MEGABYTE, &capacity);
    assert_non_null(block);
    memset(block, 1, capacity);
    pool_give(block, capacity);
    size_t before = resident_bytes(), half = (size_t)LARGE / 2 * MEGABYTE;
    assert_true(memory_check("test", 1, sum, NULL));
    assert_true(resident_bytes() > before - half);
    assert_false(memory_check("test", 1e18, sum, NULL));
    assert_true(resident_bytes() < before - half);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_last_one_comes_again),
        cmocka_unit_test(test_old_sizes_give_way),
        cmocka_unit_test(test_goes_where_memory_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
