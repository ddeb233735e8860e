/* perigee_mpi.c — the transport over one MPI library: compiled once against each mpi.h that is
 * installed, into a module that the program loads (mpi/ranks.c). */
#include "mpi/transport.h"

#include <fcntl.h>
#include <mpi.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const Transport *perigee_mpi_transport(void);

enum { CHUNK = 1 << 28 };

enum { TAG_TURN = 32 };

static int own_rank, own_size, largest_node;
static MPI_Comm node = MPI_COMM_NULL, leaders = MPI_COMM_NULL; /* leaders: ranks 0 of their nodes */

/* What is on its way. */
typedef struct Sent {
    MPI_Request request;
    struct Sent *next;
    char bytes[];
} Sent;
static Sent *all_sent;

/* What `share` has handed out. */
typedef struct Shared {
    void *bytes;
    size_t mapped; /* bytes; 0: they are in no mapping */
    struct Shared *next;
} Shared;
static Shared *all_shared;

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
    MPI_Allreduce(&place->node_size, &largest_node, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
    MPI_Comm_split(MPI_COMM_WORLD, place->node_rank == 0 ? 0 : MPI_UNDEFINED, own_rank, &leaders);
    place->rank = own_rank;
    place->size = own_size;
    return true;
}

/* Free what has arrived; where `wait`, once it has. */
static void forget_sent(bool wait) {
    Sent **at = &all_sent;
    while (*at) {
        Sent *sent = *at;
        int arrived = 1;
        if (wait) // NOLINTNEXTLINE(clang-analyzer-optin.mpi.MPI-Checker): send_bytes began it
            MPI_Wait(&sent->request, MPI_STATUS_IGNORE);
        else
            MPI_Test(&sent->request, &arrived, MPI_STATUS_IGNORE);
        if (!arrived) {
            at = &sent->next;
            continue;
        }
        *at = sent->next;
        free(sent);
    }
}

static void send_bytes(int to, int tag, const void *bytes, size_t n) {
    forget_sent(false);
    Sent *sent = malloc(sizeof *sent + n);
    if (!sent) {
        MPI_Send(bytes, (int)n, MPI_BYTE, to, tag, MPI_COMM_WORLD);
        return;
    }
    if (n > 0)
        memcpy(sent->bytes, bytes, n);
    MPI_Isend(sent->bytes, (int)n, MPI_BYTE, to, tag, MPI_COMM_WORLD, &sent->request);
    sent->next = all_sent;
    all_sent = sent;
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

/* A file of n bytes in the node's memory, which has no name any more: its descriptor; −1: one of
 * the node's ranks has none. */
static int node_file(size_t n) {
    char path[] = "/dev/shm/perigee-XXXXXX";
    bool leads = leaders != MPI_COMM_NULL;
    int file = leads ? mkstemp(path) : -1;
    bool made = file >= 0 && posix_fallocate(file, 0, (off_t)n) == 0;
    if (file >= 0 && !made)
        unlink(path);
    if (leads && !made)
        path[0] = '\0';
    MPI_Bcast(path, sizeof path, MPI_CHAR, 0, node);
    if (!leads && path[0])
        file = open(path, O_RDWR | O_CLOEXEC);
    bool all = all_have(file >= 0 && path[0], node);
    if (made)
        unlink(path);
    if (all)
        return file;
    if (file >= 0)
        close(file);
    return -1;
}

/* Its bytes, which all of the node see, or as they are but for what we write; NULL without. */
static void *mapped(int file, size_t n, int flags) {
    void *bytes = file < 0 ? MAP_FAILED : mmap(NULL, n, PROT_READ | PROT_WRITE, flags, file, 0);
    return bytes == MAP_FAILED ? NULL : bytes;
}

/* Once a node; rank 0 has the bytes. */
static bool map_shared(Shared *made, const void *bytes, size_t n) {
    bool leads = leaders != MPI_COMM_NULL, keeps = own_rank > 0;
    int file = node_file(n);
    char *whole = leads ? mapped(file, n, MAP_SHARED) : NULL;
    void *own = keeps ? mapped(file, n, MAP_PRIVATE) : NULL;
    bool all = all_have(file >= 0 && (!leads || whole) && (!keeps || own), MPI_COMM_WORLD);
    if (file >= 0)
        close(file);
    if (all && whole && own_rank == 0)
        memcpy(whole, bytes, n);
    if (all && whole)
        broadcast(whole, n, leaders);
    if (whole)
        munmap(whole, n);
    if (own && !all)
        munmap(own, n);
    MPI_Barrier(node);
    made->bytes = keeps ? own : (void *)bytes;
    made->mapped = keeps ? n : 0;
    return all;
}

/* Making a mapping takes a moment: it is made where copies of all ranks of a node would be large
 * together. */
static bool wants_mapping(size_t n) {
    enum { COPIES_MOST = 1 << 25 };
    return n * (size_t)(largest_node - 1) > COPIES_MOST;
}

/* With room for a copy of n bytes behind it; rank 0 has the bytes themselves as long as it shares
 * them. */
static Shared *new_shared(const void *bytes, size_t n) {
    Shared *made = malloc(sizeof *made + (own_rank == 0 ? 0 : n));
    if (!all_have(made != NULL, MPI_COMM_WORLD) || !made) {
        free(made);
        return NULL;
    }
    *made = (Shared){ own_rank == 0 ? (void *)bytes : made + 1, 0, all_shared };
    return made;
}

static void *share(const void *bytes, size_t n) {
    Shared *made = wants_mapping(n) ? new_shared(bytes, 0) : NULL;
    if (made && !map_shared(made, bytes, n)) {
        free(made);
        made = NULL;
    }
    if (!made) {
        made = new_shared(bytes, n);
        if (!made)
            return NULL;
        broadcast(made->bytes, n, MPI_COMM_WORLD);
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
    if (found->mapped > 0)
        munmap(found->bytes, found->mapped);
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

/* Others wait for what there is no memory for here. */
static _Noreturn void give_up(void) {
    MPI_Abort(MPI_COMM_WORLD, 1);
    _Exit(1);
}

/* Counts are ints: of units, not of bytes. */
static void gather(void *all, const size_t *first, size_t unit) {
    int *count = own_rank == 0 ? malloc(2 * (size_t)own_size * sizeof *count) : NULL;
    if (own_rank == 0 && !count)
        give_up();
    MPI_Datatype type;
    MPI_Type_contiguous((int)unit, MPI_BYTE, &type);
    MPI_Type_commit(&type);
    for (int r = 0; count && r < own_size; r++) {
        count[r] = (int)(first[r + 1] - first[r]);
        count[own_size + r] = (int)first[r];
    }
    if (count)
        MPI_Gatherv(MPI_IN_PLACE, 0, type, all, count, count + own_size, type, 0, MPI_COMM_WORLD);
    else
        MPI_Gatherv((char *)all + first[own_rank] * unit,
                    (int)(first[own_rank + 1] - first[own_rank]), type, NULL, NULL, NULL, type, 0,
                    MPI_COMM_WORLD);
    MPI_Type_free(&type);
    free(count);
}

/* A matrix whose rows are `stride` apart; rank r's rows begin at row[r], its columns at column[r].
 */
typedef struct Shares {
    float *matrix;
    size_t stride;
    const size_t *row, *column;
} Shares;

/* One rank's rows in the columns of another: sent by this one, if they are its rows, else received.
 * What is on its way is the answer; MPI_REQUEST_NULL where there is none of it. */
static MPI_Request start_part(const Shares *shares, int rows_of, int columns_of) {
    size_t row = shares->row[rows_of], rows = shares->row[rows_of + 1] - row;
    size_t column = shares->column[columns_of], columns = shares->column[columns_of + 1] - column;
    float *values = shares->matrix + row * shares->stride + column;
    MPI_Request request = MPI_REQUEST_NULL;
    MPI_Datatype type;
    if (rows == 0 || columns == 0)
        return request;
    MPI_Type_vector((int)rows, (int)columns, (int)shares->stride, MPI_FLOAT, &type);
    MPI_Type_commit(&type);
    if (rows_of == own_rank)
        MPI_Isend(values, 1, type, columns_of, TAG_TURN, MPI_COMM_WORLD, &request);
    else
        MPI_Irecv(values, 1, type, rows_of, TAG_TURN, MPI_COMM_WORLD, &request);
    MPI_Type_free(&type);
    return request; // NOLINT(clang-analyzer-optin.mpi.MPI-Checker): turn waits for it
}

static void turn(float *matrix, size_t stride, const size_t *row, const size_t *column) {
    const Shares shares = { matrix, stride, row, column };
    MPI_Request *request = malloc(2 * (size_t)own_size * sizeof *request);
    int started = 0;
    if (!request)
        give_up();
    for (int i = 1; i < own_size; i++) { /* each with another first */
        int to = (own_rank + i) % own_size, from = (own_rank + own_size - i) % own_size;
        request[started++] = start_part(&shares, from, own_rank);
        request[started++] = start_part(&shares, own_rank, to);
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
    forget_sent(true);
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
