#include "core/parallel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

enum { N = 10007, MOST = 8 };

typedef struct Marks {
    unsigned char touched[N];
    size_t first[MOST], last[MOST];
} Marks;

static void mark(void *context, size_t first, size_t last, int worker) {
    Marks *m = context;
    for (size_t i = first; i < last; i++)
        m->touched[i]++;
    if (worker < MOST) {
        m->first[worker] = first;
        m->last[worker] = last;
    }
}

static void check_every_item_once(const Marks *m) {
    for (size_t i = 0; i < N; i++)
        assert_int_equal(m->touched[i], 1);
}

static void test_blocks(void **state) {
    (void)state;
    int threads = parallel_threads();
    assert_true(threads >= 1);
    for (int t = 1; t <= MOST; t++) {
        Marks m = { .first = { 0 } };
        parallel_set_threads(t);
        assert_int_equal(parallel_threads(), t);
        parallel_for(N, mark, &m);
        check_every_item_once(&m);
        for (int w = 1; w < t; w++) /* contiguous, in the workers' order */
            assert_int_equal(m.first[w], m.last[w - 1]);
    }
    parallel_set_threads(threads);
}

static void test_dynamic(void **state) {
    (void)state;
    int threads = parallel_threads();
    const size_t chunks[] = { 0, 1, 7, 64, N, 10 * N };
    for (int t = 1; t <= MOST; t += 3)
        for (size_t c = 0; c < sizeof chunks / sizeof *chunks; c++) {
            Marks m = { .first = { 0 } };
            parallel_set_threads(t);
            parallel_for_dynamic(N, chunks[c], mark, &m);
            check_every_item_once(&m);
        }
    parallel_set_threads(threads);
}

static void test_nothing_to_do(void **state) {
    (void)state;
    Marks m = { .first = { 0 } };
    parallel_for(0, mark, &m);
    parallel_for_dynamic(0, 4, mark, &m);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(m.touched[i], 0);
}

typedef struct Nested {
    unsigned char touched[64][64];
    int outside;
} Nested;

typedef struct Row {
    Nested *nested;
    size_t row;
} Row;

static void mark_row(void *context, size_t first, size_t last, int worker) {
    Row *r = context;
    (void)worker;
    for (size_t i = first; i < last; i++)
        r->nested->touched[r->row][i]++;
}

static void mark_rows(void *context, size_t first, size_t last, int worker) {
    (void)worker;
    for (size_t i = first; i < last; i++) {
        Row row = { context, i };
        if (!parallel_inside())
            ((Nested *)context)->outside = 1;
        parallel_for(64, mark_row, &row);
    }
}

static void test_nested_loops_run_serially(void **state) {
    (void)state;
    int threads = parallel_threads();
    Nested n;
    memset(&n, 0, sizeof n);
    parallel_set_threads(4);
    assert_false(parallel_inside());
    parallel_for(64, mark_rows, &n);
    assert_false(parallel_inside());
    assert_int_equal(n.outside, 0);
    for (int i = 0; i < 64; i++)
        for (int j = 0; j < 64; j++)
            assert_int_equal(n.touched[i][j], 1);
    parallel_set_threads(threads);
}

static void test_many_short_loops(void **state) {
    (void)state;
    int threads = parallel_threads();
    parallel_set_threads(3);
    for (int k = 0; k < 2000; k++) {
        Nested n;
        memset(n.touched[0], 0, sizeof n.touched[0]);
        Row row = { &n, 0 };
        parallel_for(5, mark_row, &row);
        for (int i = 0; i < 5; i++)
            assert_int_equal(n.touched[0][i], 1);
    }
    parallel_set_threads(threads);
}

static void test_thread_count_is_bounded(void **state) {
    (void)state;
    int threads = parallel_threads();
    parallel_set_threads(-3); /* as many as there are processors */
    assert_true(parallel_threads() >= 1);
    parallel_set_threads(threads);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks),           cmocka_unit_test(test_dynamic),
        cmocka_unit_test(test_nothing_to_do),    cmocka_unit_test(test_nested_loops_run_serially),
        cmocka_unit_test(test_many_short_loops), cmocka_unit_test(test_thread_count_is_bounded),
    };
    return cmocka_run_group_tests_name("parallel", tests, NULL, NULL);
}
