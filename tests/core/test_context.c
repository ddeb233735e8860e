#include "core/context.h"

#include "core/buffer_pool.h"
#include "core/error.h"
#include "core/parallel.h"
#include "core/progress.h"
#include "svm/matrix_memory.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* ---- Slots ----------------------------------------------------------------------------------- */

static char order[16]; /* of destroying */
static atomic_int created;

static void create_a(void *state) {
    *(int *)state = 7;
    atomic_fetch_add(&created, 1);
}

static void destroy_a(void *state) {
    (void)state;
    strcat(order, "a");
}

static void destroy_b(void *state) {
    free(*(void **)state);
    strcat(order, "b");
}

static const ContextSlot slot_a = { .size = sizeof(int), .create = create_a, .destroy = destroy_a };
static const ContextSlot slot_b = { .size = sizeof(void *), .destroy = destroy_b };
static const ContextSlot slot_c = { .size = 1000 };

static Context *context(void) {
    Error err;
    Context *made = context_new(&err);
    assert_non_null(made);
    return made;
}

static void test_entering(void **state) {
    (void)state;
    Context *own = context_current(), *one = context(), *two = context();
    assert_non_null(own);
    assert_ptr_equal(context_enter(one), own);
    assert_ptr_equal(context_current(), one);
    assert_ptr_equal(context_enter(two), one);
    assert_ptr_equal(context_enter(NULL), two);
    assert_ptr_equal(context_current(), own);
    assert_ptr_equal(context_enter(one), own);
    assert_ptr_equal(context_enter(own), one);
    context_enter(two);
    context_free(one);
    assert_ptr_equal(context_current(), two);
    context_free(two); /* the one that it is in */
    assert_ptr_equal(context_current(), own);
    context_free(NULL);
}

static void test_slots(void **state) {
    (void)state;
    Context *one = context(), *two = context(), *before = context_enter(one);
    int *a = context_slot(&slot_a);
    void **b = context_slot(&slot_b);
    const char *c = context_slot(&slot_c);
    assert_int_equal(*a, 7);
    assert_null(*b);
    for (size_t i = 0; i < slot_c.size; i++)
        assert_int_equal(c[i], 0);
    *a = 8;
    *b = malloc(10); /* freed by its destroy, or LSan tells */
    context_enter(two);
    assert_ptr_not_equal(context_slot(&slot_a), a);
    assert_int_equal(*(int *)context_slot(&slot_a), 7);
    context_enter(one);
    assert_ptr_equal(context_slot(&slot_a), a);
    assert_int_equal(*a, 8);
    assert_ptr_equal(context_slot(&slot_c), c);
    context_enter(before);
    order[0] = '\0';
    context_free(one);
    assert_string_equal(order, "ba");
    context_free(two);
    assert_string_equal(order, "baa");
}

static void test_alignment(void **state) {
    (void)state;
    static const ContextSlot odd[] = {
        { .size = 1 }, { .size = 3 }, { .size = 17 }, { .size = 1 }, { .size = 8 }, { .size = 65 },
        { .size = 1 }, { .size = 2 }, { .size = 1 },  { .size = 1 }, { .size = 9 }, { .size = 1 }
    };
    Context *one = context(), *before = context_enter(one);
    char *place[sizeof odd / sizeof *odd];
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        place[i] = context_slot(&odd[i]);
        assert_int_equal((uintptr_t)place[i] % _Alignof(max_align_t), 0);
        assert_true(i == 0 || place[i] >= place[i - 1] + odd[i - 1].size);
    }
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) /* some fell together in the table */
        assert_ptr_equal(context_slot(&odd[i]), place[i]);
    context_enter(before);
    context_free(one);
}

/* ---- Threads --------------------------------------------------------------------------------- */

typedef struct Asked {
    Context *context;
    void *state[64];
} Asked;

static void ask(void *argument, size_t first, size_t last, int worker) {
    Asked *asked = argument;
    (void)worker;
    for (size_t i = first; i < last; i++)
        asked->state[i] = context_current() == asked->context ? context_slot(&slot_a) : NULL;
}

static void test_workers_are_in_their_context(void **state) {
    (void)state;
    Context *one = context(), *before = context_enter(one);
    Asked asked = { one, { NULL } };
    parallel_set_threads(8);
    created = 0;
    parallel_for(64, 1, ask, &asked);
    for (int i = 0; i < 64; i++)
        assert_ptr_equal(asked.state[i], context_slot(&slot_a));
    assert_int_equal(created, 1); /* whoever asks first makes it, once */
    context_enter(before);
    context_free(one);
}

static void test_threads_of_two(void **state) {
    (void)state;
    int own = parallel_threads();
    Context *one = context(), *two = context(), *before = context_enter(one);
    parallel_set_threads(3);
    context_enter(two);
    parallel_set_threads(5);
    context_enter(one);
    assert_int_equal(parallel_threads(), 3);
    context_free(one);
    assert_int_equal(parallel_threads(), own);
    context_enter(two);
    assert_int_equal(parallel_threads(), 5);
    Asked asked = { two, { NULL } };
    parallel_for(64, 1, ask, &asked);
    for (int i = 0; i < 64; i++)
        assert_non_null(asked.state[i]);
    context_enter(before);
    context_free(two);
}

/* Sums of products that threads of two contexts work out at the same time. */
typedef struct Sums {
    int threads;
    double result[200];
} Sums;

static void add(void *argument, size_t first, size_t last, int worker) {
    double *result = argument;
    (void)worker;
    for (size_t i = first; i < last; i++)
        for (int k = 1; k <= 1000; k++)
            result[i] += (double)i / k;
}

static void *sum_in_a_context(void *argument) {
    Sums *sums = argument;
    Context *mine = context_new(NULL), *before = context_enter(mine);
    parallel_set_threads(sums->threads);
    for (int round = 0; round < 50; round++)
        parallel_for(200, 1, add, sums->result);
    context_enter(before);
    context_free(mine);
    return NULL;
}

static void test_at_the_same_time(void **state) {
    (void)state;
    Sums sums[3] = { { .threads = 1 }, { .threads = 2 }, { .threads = 4 } };
    pthread_t thread[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, sum_in_a_context, &sums[i]), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(thread[i], NULL);
    assert_true(sums[0].result[199] > 1);
    assert_memory_equal(sums[0].result, sums[1].result, sizeof sums[0].result);
    assert_memory_equal(sums[0].result, sums[2].result, sizeof sums[0].result);
}

/* ---- Tenants --------------------------------------------------------------------------------- */

static void count(void *heard, const Progress *progress) {
    (void)progress;
    ++*(int *)heard;
}

static void run_loop(void) {
    Progress progress = progress_new();
    progress_begin(&progress, "a loop", 1);
    progress_step(&progress, 1, NULL);
    progress_end(&progress);
}

static void test_listeners(void **state) {
    (void)state;
    Context *one = context(), *two = context(), *before = context_enter(one);
    int heard_one = 0, heard_two = 0;
    progress_listen(count, &heard_one);
    context_enter(two);
    progress_listen(count, &heard_two);
    run_loop();
    run_loop();
    context_enter(one);
    run_loop();
    context_enter(before);
    run_loop();
    assert_int_equal(heard_one, 3);
    assert_int_equal(heard_two, 6);
    context_free(one);
    context_free(two);
}

static void test_interrupts(void **state) {
    (void)state;
    Context *one = context(), *two = context(), *before = context_enter(one);
    progress_interrupt();
    assert_false(progress_step(NULL, 1, NULL));
    context_enter(two);
    assert_false(progress_interrupt_pending());
    assert_true(progress_step(NULL, 1, NULL));
    progress_clear_interrupt();
    context_enter(one);
    assert_true(progress_interrupt_pending());
    context_enter(before);
    assert_false(progress_interrupt_pending());
    context_free(one);
    context_free(two);
}

/* A block goes where it is given back, and stays good when its maker is gone. */
static void test_kept_memory(void **state) {
    (void)state;
    const size_t bytes = 1 << 20;
    size_t capacity;
    Context *one = context(), *two = context(), *before = context_enter(one);
    char *block = pool_take(bytes, &capacity);
    assert_non_null(block);
    matrix_hold();
    matrix_give(matrix_take(bytes));
    assert_int_equal(matrix_kept(), bytes);
    context_enter(two);
    assert_int_equal(matrix_kept(), 0);
    context_free(one);
    memset(block, 1, bytes);
    pool_give(block, capacity);
    context_enter(before);
    context_free(two);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entering),       cmocka_unit_test(test_slots),
        cmocka_unit_test(test_alignment),      cmocka_unit_test(test_workers_are_in_their_context),
        cmocka_unit_test(test_threads_of_two), cmocka_unit_test(test_at_the_same_time),
        cmocka_unit_test(test_listeners),      cmocka_unit_test(test_interrupts),
        cmocka_unit_test(test_kept_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
