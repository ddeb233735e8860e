/* farm.h — tasks handed out on demand to the ranks of a job, their answers gathered.
 *
 * Rank 0 lays the tasks out, takes them one by one for itself and meanwhile hands others to the
 * ranks that are free: from the progress calls of its own work (progress_attend), which every long
 * loop makes. Nothing is promised of the order in which answers come. Tasks and answers are bytes;
 * lua/perigee/farm.lua says what they mean. Alone, there is nobody to hand anything to, and all
 * tasks are one's own. */
#ifndef PERIGEE_MPI_FARM_H
#define PERIGEE_MPI_FARM_H

#include "core/file.h"
#include "core/lender.h"
#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>

/* ---- Rank 0 -----------------------------------------------------------------------------------
 */

/* Begin with `count` tasks, none laid out yet, of which another rank has `most` at a time: one, or
 * where they take less than it takes to hand out another, a second that waits there. And lay out
 * the next, which is copied. */
bool farm_begin(size_t count, size_t most, Error *err);
bool farm_lay(const void *bytes, size_t n, Error *err);

/* All are laid out: the other ranks get theirs. */
void farm_open(void);

/* The next task for rank 0 itself, 0-based; −1: none is left. */
ptrdiff_t farm_take(void);

/* An answer that has come; the caller frees its bytes. */
typedef struct FarmAnswer {
    size_t task;
    bool failed; /* the bytes say why */
    int rank;    /* whose it is */
    FileBytes bytes;
} FarmAnswer;
bool farm_answer(FarmAnswer *answer);

/* How many tasks others have not answered yet; look for messages, and rest a little if there are
 * none. */
size_t farm_outstanding(void);
void farm_wait(void);

/* Hand out no more, and ask those who work to stop; they still answer. */
void farm_stop(void);

/* No task is out: forget those that there were. */
void farm_close(void);

/* The script has ended: all ranks do (ranks_at_end). */
void farm_finish(void);

/* For all ranks, before tasks that need it; the others get it from farm_next. What is said of bytes
 * goes to each rank as a task does; the bytes themselves, if there are any, once to all. */
typedef struct FarmShared {
    const void *words, *bytes;
    size_t length, size;
} FarmShared;
bool farm_share(const FarmShared *shared, Error *err);

/* ---- The other ranks --------------------------------------------------------------------------
 */

typedef enum FarmWord { FARM_TASK, FARM_SHARED, FARM_END } FarmWord;

typedef struct FarmOrder {
    FarmWord word;
    FileBytes bytes; /* of a task, or the words of FARM_SHARED: the caller frees them */
    Lender *shared;  /* of FARM_SHARED, or NULL: the caller releases it */
} FarmOrder;

/* Wait for the next order. Without memory all ranks end. */
void farm_next(FarmOrder *order);

/* Answer the task. While it is worked on, a wish that it should stop comes as an interrupt
 * (progress_interrupt). */
void farm_reply(bool failed, const void *bytes, size_t n);

#endif
