/* Tasks of a job and their answers, over a transport that is a list of messages in this process:
 * rank 0 and rank 1 are contexts that take turns. */
#include "mpi/farm.h"

#include "core/context.h"
#include "core/error.h"
#include "core/progress.h"
#include "mpi/ranks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

/* ---- Two ranks ------------------------------------------------------------------------------- */

enum { MOST = 32, BYTES = 64, TAG_END = 5 };

typedef struct Message {
    int from, to, tag;
    size_t n;
    unsigned char bytes[BYTES];
} Message;

static Message list[MOST];
static size_t messages;
static int own_rank;
static Context *other;

static void send(int to, int tag, const void *bytes, size_t n) {
    assert_true(messages < MOST && n <= BYTES);
    Message *message = &list[messages++];
    *message = (Message){ .from = own_rank, .to = to, .tag = tag, .n = n };
    if (n > 0)
        memcpy(message->bytes, bytes, n);
}

static Message *find(const TransportMessage *wanted) {
    for (size_t i = 0; i < messages; i++)
        if (list[i].to == own_rank && (wanted->from < 0 || wanted->from == list[i].from) &&
            (wanted->tag < 0 || wanted->tag == list[i].tag))
            return &list[i];
    return NULL;
}

static bool probe(TransportMessage *message) {
    const Message *found = find(message);
    if (found)
        *message = (TransportMessage){ found->from, found->tag, found->n };
    return found != NULL;
}

static void receive(const TransportMessage *message, void *bytes) {
    Message *found = find(message);
    assert_non_null(found);
    if (found->n > 0)
        memcpy(bytes, found->bytes, found->n);
    messages--;
    memmove(found, found + 1, (size_t)(list + messages - found) * sizeof *found);
}

static void end_all(int status) {
    fail_msg("all ranks end with status %d", status);
}

static const Transport transport = {
    .version = TRANSPORT_VERSION, .send = send, .probe = probe, .receive = receive, .abort = end_all
};

/* In place of mpi/ranks.c. */
int ranks_own(void) {
    return own_rank;
}

int ranks_count(void) {
    return 2;
}

const Transport *ranks_transport(void) {
    return &transport;
}

void ranks_told(void) {
}

static void as_rank(int rank) {
    own_rank = rank;
    context_enter(rank == 1 ? other : NULL);
}

static int set_up(void **state) {
    (void)state;
    Error err;
    messages = 0;
    other = context_new(&err);
    as_rank(0);
    return other ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    as_rank(1);
    progress_clear_interrupt();
    as_rank(0);
    if (farm_outstanding() == 0)
        farm_close();
    context_free(other);
    return 0;
}

/* ---- Tests ----------------------------------------------------------------------------------- */

/* Farm out the numbers 0 to n − 1, as text. */
static void lay(size_t n, size_t most) {
    Error err;
    assert_true(farm_begin(n, most, &err));
    for (size_t i = 0; i < n; i++) {
        const char digit = (char)('0' + i);
        assert_true(farm_lay(&digit, 1, &err));
    }
    farm_open();
}

/* Rank 1's next task, whose digit is expected. */
static void take_order(char digit) {
    FarmOrder order;
    farm_next(&order);
    assert_int_equal(order.word, FARM_TASK);
    assert_int_equal(order.bytes.size, 1);
    assert_int_equal(order.bytes.bytes[0], digit);
    free(order.bytes.bytes);
}

static void expect_answer(size_t task, const char *text) {
    FarmAnswer answer;
    assert_true(farm_answer(&answer));
    assert_int_equal(answer.task, task);
    assert_int_equal(answer.rank, 1);
    assert_false(answer.failed);
    assert_int_equal(answer.bytes.size, strlen(text));
    assert_memory_equal(answer.bytes.bytes, text, strlen(text));
    free(answer.bytes.bytes);
}

static void test_tasks_are_handed_out_on_demand(void **state) {
    (void)state;
    lay(5, 2);
    assert_int_equal(messages, 2); /* no more than it may hold */
    assert_int_equal(farm_outstanding(), 2);
    assert_int_equal(farm_take(), 2); /* rank 0's own */
    as_rank(1);
    take_order('0');
    farm_reply(false, "zero", 4);
    as_rank(0);
    farm_wait();
    expect_answer(0, "zero");
    assert_int_equal(farm_outstanding(), 2); /* one is answered, the next one sent */
    as_rank(1);
    take_order('1');
    farm_reply(false, "", 0);
    take_order('3');
    farm_reply(false, "three", 5);
    as_rank(0);
    farm_wait();
    expect_answer(1, "");
    expect_answer(3, "three");
    FarmAnswer none;
    assert_false(farm_answer(&none));
    as_rank(1);
    take_order('4');
    farm_reply(false, "four", 4);
    as_rank(0);
    assert_int_equal(farm_take(), -1);
    assert_int_equal(farm_outstanding(), 0);
    expect_answer(4, "four");
}

/* What waits there is answered without being worked on; of the next round it is again. */
static void test_a_stopped_round(void **state) {
    (void)state;
    FarmAnswer answer;
    FarmOrder order;
    lay(4, 2);
    as_rank(1);
    take_order('0');
    as_rank(0);
    farm_stop();
    assert_int_equal(farm_take(), -1);
    as_rank(1);
    assert_true(progress_interrupt_pending()); /* the work hears of it */
    progress_clear_interrupt();
    farm_reply(false, "zero", 4);
    as_rank(0);
    farm_wait();
    assert_true(farm_answer(&answer));
    assert_int_equal(answer.task, 0);
    free(answer.bytes.bytes);
    assert_int_equal(farm_outstanding(), 1);
    send(1, TAG_END, NULL, 0);
    as_rank(1);
    farm_next(&order);
    assert_int_equal(order.word, FARM_END);
    as_rank(0);
    farm_wait();
    assert_true(farm_answer(&answer));
    assert_int_equal(answer.task, 1);
    assert_int_equal(farm_outstanding(), 0);
    free(answer.bytes.bytes);
}

static void test_failures_and_sizes(void **state) {
    (void)state;
    Error err;
    FarmAnswer answer;
    lay(1, 1);
    as_rank(1);
    take_order('0');
    farm_reply(true, "why", 3);
    as_rank(0);
    farm_wait();
    assert_true(farm_answer(&answer));
    assert_true(answer.failed);
    assert_memory_equal(answer.bytes.bytes, "why", 3);
    free(answer.bytes.bytes);
    farm_close();
    assert_true(farm_begin(1, 1, &err));
    assert_false(farm_lay("", (size_t)TRANSPORT_MOST, &err));
    assert_non_null(strstr(err.message, "a task of 1.1 GB"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tasks_are_handed_out_on_demand, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_stopped_round, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failures_and_sizes, set_up, tear_down),
    };
    alarm(60); /* what is waited for has been sent */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
