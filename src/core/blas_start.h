/* A start of OpenBLAS that cannot succeed ends.
 *
 * The library asks for its work space while it is loaded, before main, and newer versions (0.3.29)
 * ask for ever where a limit of address space refuses it. A program that links this file and runs
 * under such a limit says so and exits with status 1 once its start has taken three seconds of
 * processor time. */
#ifndef PERIGEE_CORE_BLAS_START_H
#define PERIGEE_CORE_BLAS_START_H

/* The libraries are loaded: call it first in main. */
void blas_start_over(void);

#endif
