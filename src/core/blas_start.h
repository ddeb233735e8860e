/* A start of OpenBLAS without threads; and one that cannot succeed ends.
 *
 * While it is loaded the library makes as many threads as there are processors, which we never use,
 * unless the environment has OPENBLAS_NUM_THREADS. A program that links this file has it say 1
 * until blas_start_over, in place of a variable that nothing reads so early; without such a one, or
 * another libc, blas_mend does the same more slowly.
 *
 * The library asks for its work space while it is loaded, before main, and where a limit of address
 * space refuses it newer versions ask for ever (0.3.29), or end the program with words of their own
 * (0.3.34). A program that links this file and runs under such a limit says what to do and exits
 * with status 1, at the latest once its start has taken three seconds of processor time. */
#ifndef PERIGEE_CORE_BLAS_START_H
#define PERIGEE_CORE_BLAS_START_H

/* The libraries are loaded: call it first in main. */
void blas_start_over(void);

#endif
