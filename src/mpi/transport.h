/* transport.h — what the program asks of an MPI library, as a table of functions.
 *
 * The program itself knows no MPI. Each installed implementation has a module of its own, one C
 * file compiled against its mpi.h (src/mpi/module/), since their ABIs differ; ranks.c loads one of
 * them where the program was started under MPI. All calls come from the main thread. */
#ifndef PERIGEE_MPI_TRANSPORT_H
#define PERIGEE_MPI_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>

/* Raised whenever the table changes: a module of another one is refused. */
enum { TRANSPORT_VERSION = 3 };

typedef struct TransportPlace {
    int rank, size;           /* of all */
    int node_rank, node_size; /* of those that share this machine's memory */
} TransportPlace;

enum { TRANSPORT_ANY = -1 }; /* sender or tag */

typedef struct TransportMessage {
    int from, tag;
    size_t bytes;
} TransportMessage;

/* More in one message is refused (share has no such bound). */
enum { TRANSPORT_MOST = 1 << 30 };

typedef struct Transport {
    int version;
    const char *library; /* "Open MPI": as messages call it */

    /* Join the others. False: the library would not, and has said why on standard error. */
    bool (*start)(TransportPlace *place);

    /* At most TRANSPORT_MOST bytes, which are copied: it does not wait for the receiver. */
    void (*send)(int to, int tag, const void *bytes, size_t n);

    /* Is a message there? Never waits; those of one sender come in their order. `message` says on
     * entry whose and which are meant. What was found is to be received next. */
    bool (*probe)(TransportMessage *message);
    void (*receive)(const TransportMessage *message, void *bytes);

    /* Called by all: rank 0's bytes, which it keeps until it gives them back. What is large is once
     * a node in memory that its ranks share, where that can be had; who writes there gets pages of
     * its own. NULL: no memory, for none of them. The others give back their pointers when they
     * like. */
    void *(*share)(const void *bytes, size_t n);
    void (*unshare)(const void *shared);

    /* Called by all: the bytes of each rank of the node, by node_rank. */
    void (*gather_node)(const void *mine, void *all, size_t each);

    /* Called by all, each with memory for the whole; bytes in one call to or from one rank have the
     * bound of a message. Rank 0's bytes, for all. */
    void (*broadcast)(void *bytes, size_t n);

    /* Rank r has the units from first[r] to before first[r + 1] of `all`; then rank 0 has them. */
    void (*gather)(void *all, const size_t *first, size_t unit);

    /* Rank r has the rows from row[r] to before row[r + 1] of a matrix, which are `stride` apart;
     * then it has of all rows the columns from column[r] to before column[r + 1]. */
    void (*turn)(float *matrix, size_t stride, const size_t *row, const size_t *column);

    void (*abort)(int status); /* end all ranks now; does not return */
    void (*finish)(void);      /* called by all at the end */
} Transport;

/* The one symbol of a module. */
#define TRANSPORT_SYMBOL "perigee_mpi_transport"
typedef const Transport *TransportGet(void);

#endif
