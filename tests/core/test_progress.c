#include "core/parallel.h"
#include "core/progress.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

typedef struct Heard {
    int reports, deepest;
    double last;
    char detail[96];
} Heard;

static void listen(void *context, const Progress *progress) {
    Heard *heard = context;
    heard->reports++;
    heard->last = progress_fraction(progress);
    heard->deepest = progress->depth > heard->deepest ? progress->depth : heard->deepest;
    strcpy(heard->detail, progress->detail);
}

static void test_steps(void **state) {
    (void)state;
    Heard heard = { 0 };
    progress_listen(listen, &heard);
    Progress p = progress_new();
    progress_begin(&p, "loop", 4);
    assert_true(progress_fraction(&p) == 0);
    assert_true(progress_step(&p, 1, "first"));
    assert_string_equal(heard.detail, "first");
    assert_true(heard.last == 0.25);
    assert_true(progress_step(&p, 3, NULL));
    assert_true(heard.last == 1);
    progress_step(&p, 0, "layer \x1b[2J");
    assert_string_equal(heard.detail, "layer \\x1b[2J");
    progress_end(&p);
    assert_int_equal(p.depth, 0);
    assert_true(heard.reports >= 4);
    progress_listen(NULL, NULL);
}

static void test_nesting(void **state) {
    (void)state;
    Progress p = progress_new();
    progress_begin(&p, "outer", 2);
    progress_step(&p, 1, NULL);
    progress_begin(&p, "inner", 10);
    progress_step(&p, 5, NULL);
    assert_true(fabs(progress_fraction(&p) - 0.75) < 1e-12);
    progress_end(&p);
    assert_true(fabs(progress_fraction(&p) - 0.5) < 1e-12);
    progress_end(&p);
}

static void test_deeper_than_the_table(void **state) {
    (void)state;
    Progress p = progress_new();
    for (int i = 0; i < 2 * PROGRESS_MAX_DEPTH; i++) {
        progress_begin(&p, "deep", 2);
        assert_true(progress_step(&p, 1, NULL));
    }
    for (int i = 0; i < 2 * PROGRESS_MAX_DEPTH; i++)
        progress_end(&p);
    assert_int_equal(p.depth, 0);
    progress_end(&p); /* one too many is ignored */
    assert_int_equal(p.depth, 0);
}

static void test_interrupts(void **state) {
    (void)state;
    Progress p = progress_new(), other = progress_new();
    progress_begin(&p, "loop", 10);
    assert_true(progress_step(&p, 1, NULL));
    progress_interrupt();
    assert_true(progress_interrupt_pending());
    assert_false(progress_step(&p, 1, NULL));
    assert_false(progress_step(NULL, 1, NULL));
    assert_true(progress_was_interrupted(&p));
    assert_false(progress_was_interrupted(&other));
    assert_true(progress_was_interrupted(NULL));
    progress_clear_interrupt();
    assert_false(progress_step(&p, 1, NULL)); /* this one has been told */
    assert_true(progress_step(NULL, 1, NULL));
    assert_false(progress_was_interrupted(NULL));
    progress_end(&p);
}

static void test_null_and_odd_totals(void **state) {
    (void)state;
    progress_begin(NULL, "nothing", 1);
    progress_end(NULL);
    Progress p = progress_new();
    progress_begin(&p, "empty", 0);
    assert_true(progress_step(&p, 5, NULL));
    assert_true(progress_fraction(&p) == 1);
    char longest[300];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    progress_step(&p, 0, longest);
    assert_int_equal(strlen(p.detail), sizeof p.detail - 1);
    progress_end(&p);
}

static void test_clock(void **state) {
    (void)state;
    double t = progress_clock();
    assert_true(progress_clock() >= t);
}

/* How often attended, and whether ever on a thread that is not ours. */
typedef struct Attended {
    pthread_t own;
    int times, strange;
} Attended;

static void attend(void *context) {
    Attended *attended = context;
    attended->times++;
    attended->strange += !pthread_equal(attended->own, pthread_self());
}

static void wait_a_little(void *context, size_t first, size_t last, int worker) {
    double start = progress_clock();
    while (progress_clock() - start < 0.003) {
    }
    if (context && first < last && worker >= 0) /* as a long piece would */
        progress_let_attend();
}

static void test_attending(void **state) {
    (void)state;
    Attended attended = { .own = pthread_self() };
    int threads = parallel_threads(), before;
    progress_attend(attend, &attended);
    wait_a_little(NULL, 0, 1, 0);
    progress_step(NULL, 1, NULL);
    assert_int_equal(attended.times, 1);
    progress_step(NULL, 1, NULL); /* not all the time */
    assert_int_equal(attended.times, 1);
    wait_a_little(NULL, 0, 1, 0);
    assert_false(progress_interrupt_pending());
    assert_int_equal(attended.times, 2);
    parallel_set_threads(1);
    parallel_for(4, 1, wait_a_little, NULL);
    assert_int_equal(attended.times, 6);
    parallel_set_threads(3);
    before = attended.times;
    parallel_for(30, 1, wait_a_little, &attended);
    assert_true(attended.times > before);
    assert_int_equal(attended.strange, 0);
    progress_attend(NULL, NULL);
    before = attended.times;
    wait_a_little(&attended, 0, 1, 0);
    assert_int_equal(attended.times, before);
    parallel_set_threads(threads);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_deeper_than_the_table),
        cmocka_unit_test(test_interrupts),
        cmocka_unit_test(test_null_and_odd_totals),
        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_attending),
    };
    return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
