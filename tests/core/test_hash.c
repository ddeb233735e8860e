/* hash.h: the vectors that its authors published, zeros in any number; and that the quick one tells
 * apart. */
#include "core/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void test_published_vectors(void **state) {
    (void)state;
    assert_true(hash_text("") == 0xcbf29ce484222325u);
    assert_true(hash_text("a") == 0xaf63dc4c8601ec8cu);
    assert_true(hash_text("foobar") == 0x85944171f73967e8u);
    assert_true(hash_bytes("\xff\x00\x00\x01", 4) == 0x6961196491cc682du);
}

/* Zeros are taken several at once: of each length, from each place, among others, the number that
 * one byte after the other gives. */
static void test_zeros(void **state) {
    enum { MOST = 48 };
    unsigned char bytes[MOST] = { 0 };
    (void)state;
    bytes[17] = 5;
    bytes[40] = 0x80;
    for (size_t first = 0; first < MOST; first++)
        for (size_t n = 0; first + n <= MOST; n++) {
            uint64_t hash = 0xcbf29ce484222325u;
            for (size_t i = first; i < first + n; i++)
                hash = (hash ^ bytes[i]) * 0x100000001b3u;
            assert_true(hash_bytes(bytes + first, n) == hash);
        }
}

/* Of each length, of zeros and with any one bit set: all are different. */
static void test_quick_tells_apart(void **state) {
    enum { MOST = 70, EACH = 1 + 8 * MOST };
    static uint64_t found[(MOST + 1) * EACH];
    unsigned char bytes[MOST] = { 0 };
    size_t count = 0;
    (void)state;
    for (size_t n = 0; n <= MOST; n++) {
        found[count++] = hash_quick(0, bytes, n);
        for (size_t bit = 0; bit < 8 * n; bit++) {
            bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
            found[count++] = hash_quick(0, bytes, n);
            bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        }
    }
    assert_true(hash_quick(1, bytes, MOST) != hash_quick(0, bytes, MOST));
    qsort(found, count, sizeof *found, compare);
    for (size_t i = 1; i < count; i++)
        assert_true(found[i] != found[i - 1]);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_published_vectors),
                                        cmocka_unit_test(test_zeros),
                                        cmocka_unit_test(test_quick_tells_apart) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
