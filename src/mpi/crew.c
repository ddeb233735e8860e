#include "mpi/crew.h"

#include "mpi/farm.h"
#include "mpi/ranks.h"

#include <sched.h>
#include <time.h>

enum { TAG_READY = 16, TAG_ORDER };

bool crew_muster(void) {
    size_t ready = 0;
    while (ready < farm_outstanding()) {
        TransportMessage message = { TRANSPORT_ANY, TAG_READY, 0 };
        if (ranks_transport()->probe(&message)) {
            ranks_transport()->receive(&message, NULL);
            ready++;
        } else {
            farm_wait();
        }
    }
    if (ready == (size_t)ranks_count() - 1)
        return true;
    crew_dismiss(); /* who has answered does not mind */
    return false;
}

void crew_order(const void *bytes, size_t n) {
    for (int rank = 1; rank < ranks_count(); rank++)
        ranks_transport()->send(rank, TAG_ORDER, bytes, n);
}

void crew_dismiss(void) {
    crew_order(NULL, 0);
}

void crew_ready(void) {
    ranks_transport()->send(0, TAG_READY, NULL, 0);
}

/* Orders follow each other closely, but for what rank 0 does by itself. */
bool crew_await(void *bytes, size_t n) {
    TransportMessage message = { 0, TAG_ORDER, 0 };
    for (long looks = 0; !ranks_transport()->probe(&message); looks++) {
        const struct timespec span = { .tv_nsec = looks < 1000 ? 20000 : 1000000 };
        if (looks < 20)
            sched_yield();
        else
            nanosleep(&span, NULL);
        message = (TransportMessage){ 0, TAG_ORDER, 0 };
    }
    ranks_transport()->receive(&message, bytes);
    return message.bytes == n;
}
