/* ranks.h — whether this process is one of several under MPI, and which.
 *
 * The plain program neither links nor starts MPI: only where `mpirun` or the like says by its
 * variables that it has started us (OMPI_COMM_WORLD_SIZE, PMI_SIZE, PMIX_RANK; never SLURM_*
 * alone), or where --mpi asks for it, is a module loaded that does (transport.h). Rank 0 runs the
 * script; the others work for it (farm.h). */
#ifndef PERIGEE_MPI_RANKS_H
#define PERIGEE_MPI_RANKS_H

#include "core/types.h"
#include "mpi/transport.h"

#include <stdbool.h>

/* Join the others where there are any, or where `forced`. False: the environment promises MPI, but
 * there is no module for it. What has been started ends with the process. */
bool ranks_start(bool forced, Error *err);

/* Those of a process alone are 0 and 1. */
int ranks_own(void);
int ranks_count(void);

/* Is this, as far as the environment tells before any start, a rank other than 0? Then what all
 * would say is said by rank 0 alone. */
bool ranks_is_other(void);

/* NULL: alone. */
const Transport *ranks_transport(void);

/* How many threads this rank should use: its share of the processors that it may run on with others
 * of its node. Called by all. `idle` (may be NULL) is told how many of the node's processors no
 * rank may use, `given` how many there are. */
int ranks_threads(int *idle, int *given);

/* Rank 0's part of the end is to tell the others: farm_finish. Until one of them has been told, its
 * end by itself ends all. */
void ranks_at_end(void (*tell)(void));
void ranks_told(void);

#endif
