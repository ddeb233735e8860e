#include "core/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

/* The first outputs of xoshiro256** from the state {1, 2, 3, 4}, by hand from its definition:
 * rotl(s1·5, 7)·9 with s1 = 2 gives 10·2⁷·9 = 11520; then s1 = 1^2^3 = 0 gives 0. */
static void test_known_outputs(void **state) {
    (void)state;
    Rng rng = { .state = { 1, 2, 3, 4 } };
    assert_true(rng_next(&rng) == 11520);
    assert_true(rng_next(&rng) == 0);
    assert_true(rng_next(&rng) == 1509978240);
    assert_true(rng_next(&rng) == 1215971899390074240u); /* as its authors' program has it */
}

static void test_seeds(void **state) {
    (void)state;
    Rng a, b, c;
    rng_seed(&a, 7);
    rng_seed(&b, 7);
    rng_seed(&c, 8);
    uint64_t first = rng_next(&a);
    assert_true(first == rng_next(&b));
    assert_true(first != rng_next(&c));
    rng_seed(&a, 0);
    assert_true(rng_next(&a) != rng_next(&a));
}

static void test_uniform(void **state) {
    (void)state;
    Rng rng;
    double sum = 0, squares = 0;
    rng_seed(&rng, 1);
    for (int i = 0; i < 100000; i++) {
        double x = rng_uniform(&rng);
        assert_true(x >= 0 && x < 1);
        sum += x;
        squares += x * x;
    }
    assert_true(fabs(sum / 1e5 - 0.5) < 0.005);
    assert_true(fabs(squares / 1e5 - 1.0 / 3) < 0.005);
}

static void test_normal(void **state) {
    (void)state;
    Rng rng;
    double sum = 0, squares = 0, fourth = 0;
    rng_seed(&rng, 2);
    for (int i = 0; i < 200000; i++) {
        double x = rng_normal(&rng);
        sum += x;
        squares += x * x;
        fourth += x * x * x * x;
    }
    assert_true(fabs(sum / 2e5) < 0.01);
    assert_true(fabs(squares / 2e5 - 1) < 0.02);
    assert_true(fabs(fourth / 2e5 - 3) < 0.15);
}

static void test_seeding_forgets_the_spare_normal(void **state) {
    (void)state;
    Rng a, b;
    rng_seed(&a, 3);
    rng_normal(&a);
    rng_seed(&a, 3);
    rng_seed(&b, 3);
    assert_true(rng_normal(&a) == rng_normal(&b));
}

static void test_below(void **state) {
    (void)state;
    Rng rng;
    int count[7] = { 0 };
    rng_seed(&rng, 4);
    for (int i = 0; i < 70000; i++)
        count[rng_below(&rng, 7)]++;
    for (int i = 0; i < 7; i++)
        assert_true(count[i] >= 9600 && count[i] <= 10400);
    assert_true(rng_below(&rng, 1) == 0);
    for (int i = 0; i < 100; i++)
        assert_true(rng_below(&rng, (UINT64_C(1) << 63) + 1) <= UINT64_C(1) << 63);
}

static void test_permutation(void **state) {
    (void)state;
    Rng rng;
    size_t order[100];
    int seen[100] = { 0 }, moved = 0;
    rng_seed(&rng, 5);
    rng_permutation(&rng, 100, order);
    for (size_t i = 0; i < 100; i++) {
        seen[order[i]]++;
        moved += order[i] != i;
    }
    for (int i = 0; i < 100; i++)
        assert_int_equal(seen[i], 1);
    assert_true(moved > 80);
    rng_permutation(&rng, 0, order);
}

/* Every order of three comes as often as the others, that of the start among them. */
static void test_permutations_are_equally_likely(void **state) {
    (void)state;
    enum { DRAWS = 6000 };
    Rng rng;
    int count[27] = { 0 }, orders = 0;
    rng_seed(&rng, 6);
    for (int k = 0; k < DRAWS; k++) {
        size_t order[3];
        rng_permutation(&rng, 3, order);
        count[9 * order[0] + 3 * order[1] + order[2]]++;
    }
    for (int i = 0; i < 27; i++) {
        orders += count[i] > 0;
        assert_true(count[i] == 0 || abs(count[i] - DRAWS / 6) < 150); /* five deviations */
    }
    assert_int_equal(orders, 6);
}

static void test_forks_differ(void **state) {
    (void)state;
    Rng rng;
    rng_seed(&rng, 6);
    assert_true(rng_fork(&rng) != rng_fork(&rng));
}

/* Neighbours share none of their state, which the increment of the seeding's mixing would make them
 * do; part 0 is the seed's own generator. */
static void test_parts(void **state) {
    (void)state;
    Rng first, next;
    rng_seed(&first, 5);
    rng_seed_part(&next, 5, 0);
    assert_memory_equal(first.state, next.state, sizeof first.state);
    rng_seed_part(&next, 5, 1);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            assert_true(first.state[i] != next.state[j]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_outputs),
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_uniform),
        cmocka_unit_test(test_normal),
        cmocka_unit_test(test_seeding_forgets_the_spare_normal),
        cmocka_unit_test(test_below),
        cmocka_unit_test(test_permutation),
        cmocka_unit_test(test_permutations_are_equally_likely),
        cmocka_unit_test(test_forks_differ),
        cmocka_unit_test(test_parts),
    };
    return cmocka_run_group_tests_name("rng", tests, NULL, NULL);
}
