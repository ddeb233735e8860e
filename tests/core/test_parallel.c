#include "core/parallel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

enum { N = 10007, MOST = 8 };

/* Who touched an item, and in which pieces. */
typedef struct Marks {
    unsigned char touched[N];
    size_t first[N], last[N]; /* of the piece, by item */
    unsigned char inside[N];
} Marks;

static void mark(void *context, size_t first, size_t last, int worker) {
    Marks *m = context;
    for (size_t i = first; i < last; i++) {
        m->touched[i]++;
        m->first[i] = first;
        m->last[i] = last;
        m->inside[i] = parallel_inside() && worker >= 0 && worker < parallel_threads();
    }
}

/* The cut is a matter of n and the piece alone, for one thread as for many. */
static void check_pieces(int threads, size_t n, size_t piece) {
    static Marks m;
    memset(&m, 0, sizeof m);
    parallel_set_threads(threads);
    assert_int_equal(parallel_threads(), threads);
    parallel_for(n, piece, mark, &m);
    size_t width = piece ? piece : 1;
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(m.touched[i], i < n);
        assert_int_equal(m.inside[i], i < n);
        if (i >= n)
            continue;
        assert_int_equal(m.first[i], i / width * width);
        assert_int_equal(m.last[i], m.first[i] + width < n ? m.first[i] + width : n);
    }
}

static void test_pieces(void **state) {
    (void)state;
    int threads = parallel_threads();
    assert_true(threads >= 1);
    const size_t pieces[] = { 0, 1, 7, 64, 5003, N - 1, N, N + 1, 10 * N, SIZE_MAX };
    for (int t = 1; t <= MOST; t += t < 3 ? 1 : 5)
        for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++) {
            check_pieces(t, N, pieces[p]);
            check_pieces(t, 1, pieces[p]);
            check_pieces(t, 0, pieces[p]);
        }
    parallel_set_threads(threads);
}

static void test_counts(void **state) {
    (void)state;
    assert_int_equal(parallel_pieces(0, 7), 0);
    assert_int_equal(parallel_pieces(14, 7), 2);
    assert_int_equal(parallel_pieces(15, 7), 3);
    assert_int_equal(parallel_piece(100, 0), 100);
    assert_int_equal(parallel_piece(100, 30), 3);
    assert_int_equal(parallel_piece(100, 100), 1);
    assert_int_equal(parallel_piece(100, 1000), 1);
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
        parallel_for(64, 5, mark_row, &row);
    }
}

static void test_nested_loops_run_serially(void **state) {
    (void)state;
    int threads = parallel_threads();
    Nested n;
    memset(&n, 0, sizeof n);
    parallel_set_threads(4);
    assert_false(parallel_inside());
    parallel_for(64, 1, mark_rows, &n);
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
        parallel_for(5, 1, mark_row, &row);
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
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_nested_loops_run_serially),
        cmocka_unit_test(test_many_short_loops),
        cmocka_unit_test(test_thread_count_is_bounded),
    };
    return cmocka_run_group_tests_name("parallel", tests, NULL, NULL);
}
