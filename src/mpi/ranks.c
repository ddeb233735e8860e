#include "mpi/ranks.h"

#include "core/context.h"
#include "core/error.h"
#include "core/fail.h"

#include <dlfcn.h>
#include <limits.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct Ranks {
    const Transport *transport;
    TransportPlace place;
    bool may_end;       /* rank 0 has told us */
    void (*tell)(void); /* rank 0 tells the others */
} Ranks;

static Ranks *the_ranks(void) {
    static const ContextSlot slot = { .size = sizeof(Ranks) };
    return context_slot(&slot);
}

/* An implementation: its module, what Debian calls it, and by which variables its launcher is
 * known. */
typedef struct Implementation {
    const char *module, *package, *name;
    const char *size, *rank; /* how many there are and which we are; NULL: not said */
    const char *sign;        /* is set by its launcher */
} Implementation;

static const Implementation known[] = {
    { "perigee_mpi_openmpi.so", "libopenmpi-dev", "Open MPI", "OMPI_COMM_WORLD_SIZE",
      "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE" },
    { "perigee_mpi_mpich.so", "libmpich-dev", "MPICH", "PMI_SIZE", "PMI_RANK", "PMI_SIZE" },
    /* Slurm's srun --mpi=pmix, for either */
    { "perigee_mpi_openmpi.so", "libopenmpi-dev", "Open MPI", NULL, "PMIX_RANK", "PMIX_RANK" },
};
enum { KNOWN = sizeof known / sizeof *known };

static const Implementation *launcher(void) {
    for (size_t i = 0; i < KNOWN; i++)
        if (getenv(known[i].sign))
            return &known[i];
    return NULL;
}

bool ranks_is_other(void) {
    const Implementation *by = launcher();
    const char *rank = by && by->rank ? getenv(by->rank) : NULL;
    return rank && strtol(rank, NULL, 10) > 0;
}

/* One process alone needs no MPI. */
static bool is_alone(const Implementation *by) {
    const char *size = by->size ? getenv(by->size) : NULL;
    return size && strtol(size, NULL, 10) == 1;
}

/* ---- The module ------------------------------------------------------------------------------ */

/* The module in the folder of the binary, or where it is installed. NULL: dlerror or `err` says. */
static void *open_module(const char *module) {
    char folder[PATH_MAX], path[PATH_MAX + 64];
    static const char *const places[] = { "", "../lib/perigee/" };
    ssize_t length = readlink("/proc/self/exe", folder, sizeof folder - 1);
    void *handle = NULL;
    if (length <= 0)
        return NULL;
    folder[length] = '\0';
    *strrchr(folder, '/') = '\0';
    for (size_t i = 0; !handle && i < sizeof places / sizeof *places; i++) {
        snprintf(path, sizeof path, "%s/%s%s", folder, places[i], module);
        if (access(path, R_OK) == 0)
            handle = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
    }
    return handle;
}

static const Transport *load(const Implementation *by, Error *err) {
    void *handle = open_module(by->module);
    TransportGet *get = NULL;
    if (handle)
        *(void **)&get = dlsym(handle, TRANSPORT_SYMBOL);
    const Transport *transport = get ? get() : NULL;
    if (transport && transport->version == TRANSPORT_VERSION)
        return transport;
    const char *why = handle ? "it is of another version of the program" : dlerror();
    error_set(err, ERROR_ARGUMENT,
              "started under MPI (%s is set), for which %s is needed (%.200s): install the package "
              "%s and build again",
              by->sign, by->module, why ? why : "it is not there", by->package);
    return NULL;
}

/* --mpi: whichever is there. */
static const Transport *load_any(Error *err) {
    for (size_t i = 0; i < KNOWN; i++) {
        Error ignored = { 0 };
        const Transport *transport = known[i].size ? load(&known[i], &ignored) : NULL;
        if (transport)
            return transport;
    }
    error_set(err, ERROR_ARGUMENT,
              "--mpi: there is no module for MPI: install the package %s or %s and build again",
              known[0].package, known[1].package);
    return NULL;
}

/* ---- Start and end --------------------------------------------------------------------------- */

/* What the script starts in its turn is no rank. */
static void forget_launcher(void) {
    for (size_t i = 0; i < KNOWN; i++)
        unsetenv(known[i].sign);
}

static void at_end(void) {
    Ranks *ranks = the_ranks();
    if (!ranks->transport)
        return;
    if (ranks->place.rank > 0 && !ranks->may_end) {
        fprintf(stderr, "perigee: rank %d of %d has ended; the others end with it\n",
                ranks->place.rank, ranks->place.size);
        fflush(stderr);
        ranks->transport->abort(1);
    }
    if (ranks->tell)
        ranks->tell();
    ranks->transport->finish();
    ranks->transport = NULL;
}

bool ranks_start(bool forced, Error *err) {
    Ranks *ranks = the_ranks();
    const Implementation *by = launcher();
    ranks->place.size = 1;
    if (!forced && (!by || is_alone(by)))
        return true;
    const Transport *transport = by ? load(by, err) : load_any(err);
    if (!transport)
        return false;
    if (!transport->start(&ranks->place))
        return error_set(err, ERROR_ARGUMENT, "%s could not be started", transport->library);
    ranks->transport = transport;
    forget_launcher();
    atexit(at_end);
    return true;
}

int ranks_own(void) {
    return the_ranks()->place.rank;
}

int ranks_count(void) {
    const Ranks *ranks = the_ranks();
    return ranks->transport ? ranks->place.size : 1;
}

const Transport *ranks_transport(void) {
    return the_ranks()->transport;
}

void ranks_at_end(void (*tell)(void)) {
    the_ranks()->tell = tell;
}

void ranks_told(void) {
    the_ranks()->may_end = true;
}

/* ---- Processors ------------------------------------------------------------------------------ */

/* What the node gives to all of us: what whoever started us may run on, since it binds us but not
 * itself. */
static int count_given(void) {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(getppid(), sizeof set, &set) == 0)
        return CPU_COUNT(&set);
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

/* Ranks that may run on the same processors divide them; of an uneven division the first ones have
 * more. */
static int share_of(const cpu_set_t *sets, int own, int count) {
    int sharing = 0, before = 0, processors = CPU_COUNT(&sets[own]);
    for (int i = 0; i < count; i++) {
        cpu_set_t both;
        CPU_AND(&both, &sets[own], &sets[i]);
        if (CPU_COUNT(&both) == 0)
            continue;
        sharing++;
        before += i < own;
    }
    if (sharing == 0) /* the system does not say what we may run on */
        return 1;
    int share = processors / sharing + (before < processors % sharing);
    return share > 0 ? share : 1;
}

int ranks_threads(int *idle, int *given) {
    const Ranks *ranks = the_ranks();
    int count = ranks->place.node_size;
    cpu_set_t own, used;
    cpu_set_t *sets = malloc((size_t)count * sizeof *sets);
    CPU_ZERO(&own);
    CPU_ZERO(&used);
    sched_getaffinity(0, sizeof own, &own);
    if (!sets) { /* then nobody may wait for us */
        ranks->transport->abort(1);
        return 1;
    }
    ranks->transport->gather_node(&own, sets, sizeof own);
    for (int i = 0; i < count; i++)
        CPU_OR(&used, &used, &sets[i]);
    int all = count_given();
    if (idle)
        *idle = all > CPU_COUNT(&used) ? all - CPU_COUNT(&used) : 0;
    if (given)
        *given = all;
    int share = share_of(sets, ranks->place.node_rank, count);
    free(sets);
    return share;
}
