/* perigee_mpi.c — the transport over one MPI library: compiled once against each mpi.h that is
 * installed, into a module that the program loads (mpi/ranks.c). */
#include "mpi/transport.h"

#include <mpi.h>
#include <stdlib.h>
#include <string.h>

const Transport *perigee_mpi_transport(void);

enum { SMALL = 4096, SMALL_PER_RANK = 8, CHUNK = 1 << 28 };

enum { TAG_TURN = 32 };

static int own_rank, own_size;
static MPI_Comm node = MPI_COMM_NULL, leaders = MPI_COMM_NULL; /* leaders: ranks 0 of their nodes */
static void *send_buffer;

/* What `share` has handed out. */
typedef struct Shared {
    const void *bytes;
    MPI_Win window; /* MPI_WIN_NULL: our own copy */
    struct Shared *next;
} Shared;
static Shared *all_shared;

/* Small messages are copied and on their way when send returns. */
static void attach_buffer(void) {
    size_t bytes = (size_t)own_size * SMALL_PER_RANK * (SMALL + MPI_BSEND_OVERHEAD);
    if (bytes > 1 << 30)
        bytes = 1 << 30;
    send_buffer = malloc(bytes);
    if (send_buffer)
        MPI_Buffer_attach(send_buffer, (int)bytes);
}

static bool start(TransportPlace *place) {
    int provided, ours = 0;
    MPI_Initialized(&ours);
    if (!ours && MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS)
        return false;
    MPI_Comm_rank(MPI_COMM_WORLD, &own_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &own_size);
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, own_rank, MPI_INFO_NULL, &node);
    MPI_Comm_rank(node, &place->node_rank);
    MPI_Comm_size(node, &place->node_size);
    MPI_Comm_split(MPI_COMM_WORLD, place->node_rank == 0 ? 0 : MPI_UNDEFINED, own_rank, &leaders);
    place->rank = own_rank;
    place->size = own_size;
    attach_buffer();
    return true;
}

static void send_bytes(int to, int tag, const void *bytes, size_t n) {
    if (n <= SMALL && send_buffer)
        MPI_Bsend(bytes, (int)n, MPI_BYTE, to, tag, MPI_COMM_WORLD);
    else
        MPI_Send(bytes, (int)n, MPI_BYTE, to, tag, MPI_COMM_WORLD);
}

static bool probe(TransportMessage *message) {
    int there = 0, count = 0;
    int from = message->from == TRANSPORT_ANY ? MPI_ANY_SOURCE : message->from;
    int tag = message->tag == TRANSPORT_ANY ? MPI_ANY_TAG : message->tag;
    MPI_Status status;
    MPI_Iprobe(from, tag, MPI_COMM_WORLD, &there, &status);
    if (!there)
        return false;
    MPI_Get_count(&status, MPI_BYTE, &count);
    *message = (TransportMessage){ status.MPI_SOURCE, status.MPI_TAG, (size_t)count };
    return true;
}

static void receive(const TransportMessage *message, void *bytes) {
    MPI_Recv(bytes, (int)message->bytes, MPI_BYTE, message->from, message->tag, MPI_COMM_WORLD,
             MPI_STATUS_IGNORE);
}

/* ---- Sharing ----------------------------------------------------------------------------------
 */

static void broadcast(void *bytes, size_t n, MPI_Comm among) {
    for (size_t at = 0; at < n; at += CHUNK)
        MPI_Bcast((char *)bytes + at, (int)(n - at < CHUNK ? n - at : CHUNK), MPI_BYTE, 0, among);
}

static bool all_have(bool mine, MPI_Comm among) {
    int have = mine, all = 0;
    MPI_Allreduce(&have, &all, 1, MPI_INT, MPI_MIN, among);
    return all != 0;
}

/* A window of the node's, of n bytes; NULL for all of the node where one of them has none. */
static char *node_window(size_t n, MPI_Win *window) {
    void *base = NULL;
    MPI_Aint size;
    int unit, leader;
    MPI_Comm_rank(node, &leader);
    int done = MPI_Win_allocate_shared(leader == 0 ? (MPI_Aint)n : 0, 1, MPI_INFO_NULL, node, &base,
                                       window);
    if (!all_have(done == MPI_SUCCESS, node)) {
        if (done == MPI_SUCCESS)
            MPI_Win_free(window);
        *window = MPI_WIN_NULL;
        return NULL;
    }
    MPI_Win_shared_query(*window, 0, &size, &unit, &base);
    return base;
}

/* Into each node's window. */
static bool fill_windows(Shared *made, const void *bytes, size_t n) {
    MPI_Comm_set_errhandler(node, MPI_ERRORS_RETURN);
    char *base = node_window(n, &made->window);
    MPI_Comm_set_errhandler(node, MPI_ERRORS_ARE_FATAL);
    if (!all_have(base != NULL, MPI_COMM_WORLD)) {
        if (base)
            MPI_Win_free(&made->window);
        made->window = MPI_WIN_NULL;
        return false;
    }
    MPI_Win_fence(0, made->window);
    if (own_rank == 0)
        memcpy(base, bytes, n);
    if (leaders != MPI_COMM_NULL)
        broadcast(base, n, leaders);
    MPI_Win_fence(0, made->window);
    made->bytes = base;
    return true;
}

/* Into memory of each rank's own. */
static bool fill_copies(Shared *made, const void *bytes, size_t n) {
    char *copy = malloc(n > 0 ? n : 1);
    if (!all_have(copy != NULL, MPI_COMM_WORLD)) {
        free(copy);
        return false;
    }
    if (own_rank == 0)
        memcpy(copy, bytes, n);
    broadcast(copy, n, MPI_COMM_WORLD);
    made->bytes = copy;
    return true;
}

/* Making a window takes as long as copying some megabytes: it is made where copies of all ranks of
 * this node would be larger together. */
static bool wants_window(size_t n) {
    enum { COPIES_MOST = 1 << 25 };
    int ranks;
    MPI_Comm_size(node, &ranks);
    return n * (size_t)(ranks - 1) > COPIES_MOST;
}

static const void *share(const void *bytes, size_t n) {
    Shared *made = malloc(sizeof *made);
    if (!all_have(made != NULL, MPI_COMM_WORLD)) {
        free(made);
        return NULL;
    }
    *made = (Shared){ NULL, MPI_WIN_NULL, all_shared };
    bool wanted = !all_have(!wants_window(n), MPI_COMM_WORLD);
    if (!(wanted && fill_windows(made, bytes, n)) && !fill_copies(made, bytes, n)) {
        free(made);
        return NULL;
    }
    all_shared = made;
    return made->bytes;
}

static void unshare(const void *shared) {
    Shared **at = &all_shared;
    while (*at && (*at)->bytes != shared)
        at = &(*at)->next;
    Shared *found = *at;
    if (!found)
        return;
    *at = found->next;
    if (found->window != MPI_WIN_NULL)
        MPI_Win_free(&found->window);
    else
        free((void *)found->bytes);
    free(found);
}

/* ---- The rest ---------------------------------------------------------------------------------
 */

static void gather_node(const void *mine, void *all, size_t each) {
    MPI_Allgather(mine, (int)each, MPI_BYTE, all, (int)each, MPI_BYTE, node);
}

/* ---- In step ----------------------------------------------------------------------------------
 */

static void broadcast_all(void *bytes, size_t n) {
    broadcast(bytes, n, MPI_COMM_WORLD);
}

static void gather(void *all, const size_t *first, size_t unit) {
    int *count = own_rank == 0 ? malloc(2 * (size_t)own_size * sizeof *count) : NULL;
    int *place = count + (own_rank == 0 ? own_size : 0);
    if (own_rank == 0 && !count)
        MPI_Abort(MPI_COMM_WORLD, 1);
    for (int r = 0; own_rank == 0 && r < own_size; r++) {
        count[r] = (int)((first[r + 1] - first[r]) * unit);
        place[r] = (int)(first[r] * unit);
    }
    if (own_rank == 0)
        MPI_Gatherv(MPI_IN_PLACE, 0, MPI_BYTE, all, count, place, MPI_BYTE, 0, MPI_COMM_WORLD);
    else
        MPI_Gatherv((char *)all + first[own_rank] * unit,
                    (int)((first[own_rank + 1] - first[own_rank]) * unit), MPI_BYTE, NULL, NULL,
                    NULL, MPI_BYTE, 0, MPI_COMM_WORLD);
    free(count);
}

/* Of a matrix as wide as `width`, the rows of one rank in the columns of another: sent, or
 * received. What is on its way is the answer; MPI_REQUEST_NULL where there is none of it. */
typedef struct Part {
    float *matrix;
    size_t row, rows, column, columns, width;
} Part;

static MPI_Request start_part(const Part *part, int other, bool sent) {
    float *values = part->matrix + part->row * part->width + part->column;
    MPI_Request request = MPI_REQUEST_NULL;
    MPI_Datatype type;
    if (part->rows == 0 || part->columns == 0)
        return request;
    MPI_Type_vector((int)part->rows, (int)part->columns, (int)part->width, MPI_FLOAT, &type);
    MPI_Type_commit(&type);
    if (sent)
        MPI_Isend(values, 1, type, other, TAG_TURN, MPI_COMM_WORLD, &request);
    else
        MPI_Irecv(values, 1, type, other, TAG_TURN, MPI_COMM_WORLD, &request);
    MPI_Type_free(&type);
    return request;
}

static void turn(float *matrix, const size_t *row, const size_t *column) {
    MPI_Request *request = malloc(2 * (size_t)own_size * sizeof *request);
    size_t width = column[own_size];
    int started = 0;
    if (!request)
        MPI_Abort(MPI_COMM_WORLD, 1);
    for (int i = 1; i < own_size; i++) { /* each with another first */
        int to = (own_rank + i) % own_size, from = (own_rank + own_size - i) % own_size;
        Part theirs = { matrix,
                        row[from],
                        row[from + 1] - row[from],
                        column[own_rank],
                        column[own_rank + 1] - column[own_rank],
                        width };
        Part ours = { matrix,
                      row[own_rank],
                      row[own_rank + 1] - row[own_rank],
                      column[to],
                      column[to + 1] - column[to],
                      width };
        request[started++] = start_part(&theirs, from, false);
        request[started++] = start_part(&ours, to, true);
    }
    for (int i = 0; i < started; i++)
        MPI_Wait(&request[i], MPI_STATUS_IGNORE);
    free(request);
}

/* ---- The end ----------------------------------------------------------------------------------
 */

static void abort_all(int status) {
    MPI_Abort(MPI_COMM_WORLD, status);
    _Exit(status);
}

static void finish(void) {
    while (all_shared)
        unshare(all_shared->bytes);
    if (send_buffer) {
        void *buffer;
        int size;
        MPI_Buffer_detach(&buffer, &size);
        free(send_buffer);
        send_buffer = NULL;
    }
    if (leaders != MPI_COMM_NULL)
        MPI_Comm_free(&leaders);
    MPI_Comm_free(&node);
    MPI_Finalize();
}

const Transport *perigee_mpi_transport(void) {
    static const Transport transport = {
        .version = TRANSPORT_VERSION,
        .library = PERIGEE_MPI_LIBRARY,
        .start = start,
        .send = send_bytes,
        .probe = probe,
        .receive = receive,
        .share = share,
        .unshare = unshare,
        .gather_node = gather_node,
        .broadcast = broadcast_all,
        .gather = gather,
        .turn = turn,
        .abort = abort_all,
        .finish = finish,
    };
    return &transport;
}
