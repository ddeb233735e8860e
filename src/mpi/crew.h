/* crew.h — all ranks at one piece of work in step, rank 0 ahead: each of the others has a task of
 * the farm's (farm.h) in which it waits for orders, until the last.
 *
 * After an order all call the same functions of the transport's. */
#ifndef PERIGEE_MPI_CREW_H
#define PERIGEE_MPI_CREW_H

#include <stdbool.h>
#include <stddef.h>

/* Rank 0, when each of the others has its task: wait until all are ready. False: some have answered
 * instead, and the others are let go. */
bool crew_muster(void);

/* To all the others: n bytes, the same number each time; and that it was the last. */
void crew_order(const void *bytes, size_t n);
void crew_dismiss(void);

/* The others: we are ready; wait for the next order. False: there is none. */
void crew_ready(void);
bool crew_await(void *bytes, size_t n);

#endif
