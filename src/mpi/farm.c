#include "mpi/farm.h"

#include "core/context.h"
#include "core/fail.h"
#include "core/progress.h"
#include "mpi/ranks.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TAG_TASK = 1, TAG_ANSWER, TAG_SHARE, TAG_STOP, TAG_END };

/* Begins tasks, answers and wishes to stop. */
typedef struct Head {
    uint64_t round;        /* which farm_begin it belongs to */
    uint64_t task, failed; /* of what is shared: its bytes in `task` */
} Head;

typedef struct Farm {
    bool attends;
    uint64_t round;
    /* rank 0 */
    size_t count, laid, next; /* tasks; `next` is the first that nobody has */
    FileBytes *task;          /* with their heads */
    FarmAnswer *answer;       /* those that nobody has asked for yet */
    size_t answers, asked, outstanding;
    size_t *held; /* by rank: tasks that it has not answered */
    size_t most;  /* of them */
    bool open, stopped;
    /* the others */
    uint64_t own_task, stopped_round;
} Farm;

static void clear(void *state) {
    Farm *farm = state;
    for (size_t i = 0; i < farm->laid; i++)
        file_bytes_free(&farm->task[i]);
    for (size_t i = farm->asked; i < farm->answers; i++)
        file_bytes_free(&farm->answer[i].bytes);
    free(farm->task);
    free(farm->answer);
    free(farm->held);
    *farm = (Farm){ .attends = farm->attends,
                    .round = farm->round,
                    .stopped_round = farm->stopped_round };
}

static Farm *the_farm(void) {
    static const ContextSlot slot = { .size = sizeof(Farm), .destroy = clear };
    return context_slot(&slot);
}

static void rest(long nanoseconds) {
    const struct timespec span = { .tv_nsec = nanoseconds };
    nanosleep(&span, NULL);
}

/* Others cannot go on without us, nor without what did not fit here. */
static _Noreturn void give_up(const char *why) {
    fprintf(stderr, "perigee: rank %d: %s; all ranks end\n", ranks_own(), why);
    fflush(stderr);
    ranks_transport()->abort(1);
    _Exit(1);
}

static unsigned char *room(size_t n) {
    unsigned char *bytes = malloc(n > 0 ? n : 1);
    if (!bytes)
        give_up("not enough memory for a message");
    return bytes;
}

/* ---- Rank 0 -----------------------------------------------------------------------------------
 */

static void hand_out(Farm *farm, int rank) {
    if (farm->stopped || farm->next == farm->count || farm->held[rank] == farm->most)
        return;
    const FileBytes *task = &farm->task[farm->next++];
    ranks_transport()->send(rank, TAG_TASK, task->bytes, task->size);
    farm->held[rank]++;
    farm->outstanding++;
}

static void take_answer(Farm *farm, const TransportMessage *message) {
    Head head;
    unsigned char *bytes = room(message->bytes);
    ranks_transport()->receive(message, bytes);
    memcpy(&head, bytes, sizeof head);
    memmove(bytes, bytes + sizeof head, message->bytes - sizeof head);
    farm->answer[farm->answers++] = (FarmAnswer){
        .task = head.task,
        .failed = head.failed != 0,
        .rank = message->from,
        .bytes = { bytes, message->bytes - sizeof head },
    };
    farm->held[message->from]--;
    farm->outstanding--;
    hand_out(farm, message->from);
}

/* Take what has come; was there anything? */
static bool look(Farm *farm) {
    bool any = false;
    TransportMessage message = { TRANSPORT_ANY, TAG_ANSWER, 0 };
    while (farm->outstanding > 0 && ranks_transport()->probe(&message)) {
        take_answer(farm, &message);
        message = (TransportMessage){ TRANSPORT_ANY, TAG_ANSWER, 0 };
        any = true;
    }
    return any;
}

/* Is called within all long loops. */
static void attend(void *state) {
    look(state);
}

bool farm_begin(size_t count, size_t most, Error *err) {
    Farm *farm = the_farm();
    size_t ranks = (size_t)ranks_count();
    farm_close();
    farm->task = calloc(count + 1, sizeof *farm->task);
    farm->answer = calloc(count + 1, sizeof *farm->answer);
    farm->held = calloc(ranks, sizeof *farm->held);
    if (!farm->task || !farm->answer || !farm->held) {
        clear(farm);
        return error_memory(err, "farm", count * (sizeof *farm->task + sizeof *farm->answer));
    }
    farm->count = count;
    farm->most = most;
    farm->round++;
    return true;
}

/* A head, and the bytes behind it. */
static FileBytes joined(const Head *head, const void *bytes, size_t n) {
    FileBytes made = { malloc(sizeof *head + n), sizeof *head + n };
    if (made.bytes) {
        memcpy(made.bytes, head, sizeof *head);
        if (n > 0)
            memcpy(made.bytes + sizeof *head, bytes, n);
    }
    return made;
}

bool farm_lay(const void *bytes, size_t n, Error *err) {
    Farm *farm = the_farm();
    if (n > TRANSPORT_MOST - sizeof(Head))
        return error_set(err, ERROR_ARGUMENT, "farm: a task of %.1f GB", (double)n / 1e9);
    const Head head = { farm->round, farm->laid, 0 };
    FileBytes task = joined(&head, bytes, n);
    if (!task.bytes)
        return error_memory(err, "farm", n);
    farm->task[farm->laid++] = task;
    return true;
}

void farm_open(void) {
    Farm *farm = the_farm();
    farm->open = true;
    if (ranks_count() > 1 && !farm->attends) {
        progress_attend(attend, farm);
        farm->attends = true;
    }
    for (size_t k = 0; k < farm->most; k++)
        for (int rank = 1; rank < ranks_count(); rank++)
            hand_out(farm, rank);
}

ptrdiff_t farm_take(void) {
    Farm *farm = the_farm();
    look(farm);
    return farm->stopped || farm->next == farm->count ? -1 : (ptrdiff_t)farm->next++;
}

bool farm_answer(FarmAnswer *answer) {
    Farm *farm = the_farm();
    if (farm->asked == farm->answers)
        return false;
    *answer = farm->answer[farm->asked++];
    return true;
}

size_t farm_outstanding(void) {
    return the_farm()->outstanding;
}

void farm_wait(void) {
    if (!look(the_farm()))
        rest(200000);
}

void farm_stop(void) {
    Farm *farm = the_farm();
    const Head head = { .round = farm->round };
    if (farm->stopped)
        return;
    farm->stopped = true;
    for (int rank = 1; farm->outstanding > 0 && rank < ranks_count(); rank++)
        if (farm->held[rank] > 0)
            ranks_transport()->send(rank, TAG_STOP, &head, sizeof head);
}

void farm_close(void) {
    Farm *farm = the_farm();
    if (farm->outstanding > 0)
        farm_stop();
    while (farm->outstanding > 0)
        farm_wait();
    clear(farm);
}

bool farm_share(const FarmShared *shared, Error *err) {
    const Transport *transport = ranks_transport();
    if (!transport)
        return true;
    const Head head = { .task = shared->size };
    FileBytes message = joined(&head, shared->words, shared->length);
    if (!message.bytes)
        return error_memory(err, "farm", shared->length);
    for (int rank = 1; rank < ranks_count(); rank++)
        transport->send(rank, TAG_SHARE, message.bytes, message.size);
    file_bytes_free(&message);
    if (shared->size == 0)
        return true;
    const void *bytes = transport->share(shared->bytes, shared->size);
    if (!bytes)
        return error_memory(err, "farm", shared->size);
    transport->unshare(bytes);
    return true;
}

void farm_finish(void) {
    if (ranks_own() > 0)
        return;
    farm_close();
    for (int rank = 1; rank < ranks_count(); rank++)
        ranks_transport()->send(rank, TAG_END, NULL, 0);
}

/* ---- The other ranks --------------------------------------------------------------------------
 */

/* While a task is worked on: is it to stop? */
static void hear_stop(void *state) {
    Farm *farm = state;
    Head head;
    TransportMessage message = { 0, TAG_STOP, 0 };
    while (ranks_transport()->probe(&message)) {
        ranks_transport()->receive(&message, &head);
        farm->stopped_round = head.round;
        if (head.round == farm->round)
            progress_interrupt();
        message = (TransportMessage){ 0, TAG_STOP, 0 };
    }
}

/* The longer nothing comes, the seldomer it is looked for. */
static TransportMessage wait_for_message(void) {
    TransportMessage message = { 0, TRANSPORT_ANY, 0 };
    for (long looks = 0; !ranks_transport()->probe(&message); looks++) {
        rest(looks < 1000 ? 50000 : looks < 10000 ? 500000 : 2000000);
        message = (TransportMessage){ 0, TRANSPORT_ANY, 0 };
    }
    return message;
}

/* What stands behind a message's head. */
static FileBytes behind_head(const unsigned char *bytes, size_t n, Head *head) {
    memcpy(head, bytes, sizeof *head);
    n -= sizeof *head;
    FileBytes made = { room(n), n };
    memcpy(made.bytes, bytes + sizeof *head, n);
    return made;
}

static void read_task(Farm *farm, const unsigned char *bytes, size_t n, FarmOrder *order) {
    Head head;
    *order = (FarmOrder){ .word = FARM_TASK, .bytes = behind_head(bytes, n, &head) };
    farm->round = head.round;
    farm->own_task = head.task;
}

/* At the end of all it has been given back already. */
static void give_back(const void *shared) {
    if (ranks_transport())
        ranks_transport()->unshare(shared);
}

static void read_shared(const unsigned char *bytes, size_t n, FarmOrder *order) {
    Head head;
    *order = (FarmOrder){ .word = FARM_SHARED, .bytes = behind_head(bytes, n, &head) };
    void *shared = head.task > 0 ? ranks_transport()->share(NULL, head.task) : NULL;
    if (!shared) /* there is none, or rank 0 knows, and says so */
        return;
    order->shared = lender_new(shared, head.task, give_back);
    if (!order->shared)
        give_up("not enough memory for what is shared");
}

/* False: it is a task that waited here when its round was stopped, and is answered so. */
static bool is_wanted(const Farm *farm, FarmOrder *order) {
    static const char stopped[] = "stopped";
    if (farm->round != farm->stopped_round)
        return true;
    file_bytes_free(&order->bytes);
    farm_reply(true, stopped, sizeof stopped - 1);
    return false;
}

static void read_stop(Farm *farm, const unsigned char *bytes) {
    Head head;
    memcpy(&head, bytes, sizeof head);
    farm->stopped_round = head.round;
}

/* False: there is nothing to be done. */
static bool read_order(Farm *farm, const TransportMessage *message, const unsigned char *bytes,
                       FarmOrder *order) {
    if (message->tag == TAG_TASK) {
        read_task(farm, bytes, message->bytes, order);
        return is_wanted(farm, order);
    }
    if (message->tag == TAG_SHARE)
        read_shared(bytes, message->bytes, order);
    else if (message->tag == TAG_END)
        *order = (FarmOrder){ .word = FARM_END };
    else if (message->tag == TAG_STOP)
        read_stop(farm, bytes);
    return message->tag == TAG_SHARE || message->tag == TAG_END;
}

void farm_next(FarmOrder *order) {
    Farm *farm = the_farm();
    bool is_order;
    if (!farm->attends)
        progress_attend(hear_stop, farm);
    farm->attends = true;
    do {
        TransportMessage message = wait_for_message();
        unsigned char *bytes = room(message.bytes);
        ranks_transport()->receive(&message, bytes);
        is_order = read_order(farm, &message, bytes, order);
        free(bytes);
    } while (!is_order);
    if (order->word == FARM_END)
        ranks_told();
}

void farm_reply(bool failed, const void *bytes, size_t n) {
    const Farm *farm = the_farm();
    static const char too_large[] = "an answer has more than a gigabyte";
    const Head head = { farm->round, farm->own_task, failed };
    FileBytes reply = n > TRANSPORT_MOST - sizeof head ? joined(&(Head){ head.round, head.task, 1 },
                                                                too_large, sizeof too_large - 1)
                                                       : joined(&head, bytes, n);
    if (!reply.bytes)
        give_up("not enough memory for an answer");
    ranks_transport()->send(0, TAG_ANSWER, reply.bytes, reply.size);
    free(reply.bytes);
}
