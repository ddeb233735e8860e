/* matrix_memory.h — memory for kernel matrices, the program's largest blocks.
 *
 * They lie in huge pages where the system has them, because a column of 5000 touches as many small
 * pages, more than a processor keeps track of. A caller that trains several times on sets of one
 * size (a defence's layers, a grid's columns) holds: what is given back meanwhile is kept for the
 * next, because the system would clear hundreds of megabytes each time. Each context has its own,
 * in which a block is given back; not for workers. */
#ifndef PERIGEE_SVM_MATRIX_MEMORY_H
#define PERIGEE_SVM_MATRIX_MEMORY_H

#include <stddef.h>

/* Not cleared. NULL without memory. */
void *matrix_take(size_t bytes);
void matrix_give(void *memory); /* NULL is fine */

/* Pairs that may nest; the last release gives what is kept back to the system. */
void matrix_hold(void);
void matrix_release(void);
size_t matrix_kept(void); /* bytes that are kept and not in use */

#endif
