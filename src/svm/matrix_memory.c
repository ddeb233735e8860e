#include "svm/matrix_memory.h"

#include "core/context.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { HUGE_PAGE = 2 << 20, SLOTS = 4 };

typedef struct Block {
    void *memory;
    size_t bytes;
    bool lent;
} Block;

/* Blocks taken while somebody holds; `lent` ones are in use. A block without a slot is freed when
 * it is given back. */
typedef struct MatrixMemory {
    Block slot[SLOTS];
    int holders;
} MatrixMemory;

static void *take_new(size_t bytes) {
    if (bytes < HUGE_PAGE)
        return malloc(bytes ? bytes : 1);
    if (bytes > SIZE_MAX - HUGE_PAGE)
        return NULL;
    size_t whole = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    void *memory = aligned_alloc(HUGE_PAGE, whole);
#ifdef MADV_HUGEPAGE
    if (memory)
        madvise(memory, whole, MADV_HUGEPAGE); /* a wish: nothing depends on it */
#endif
    return memory;
}

static void drop_idle(void *state) {
    MatrixMemory *matrices = state;
    for (int i = 0; i < SLOTS; i++) {
        if (matrices->slot[i].lent)
            continue;
        free(matrices->slot[i].memory);
        matrices->slot[i] = (Block){ 0 };
    }
}

static MatrixMemory *matrix_memory(void) {
    static const ContextSlot slot = { .size = sizeof(MatrixMemory), .destroy = drop_idle };
    return context_slot(&slot);
}

/* An idle block that holds `bytes` and is not more than twice as large. */
static Block *find_idle(MatrixMemory *matrices, size_t bytes) {
    for (Block *block = matrices->slot; block < matrices->slot + SLOTS; block++)
        if (block->memory && !block->lent && block->bytes >= bytes && block->bytes / 2 <= bytes)
            return block;
    return NULL;
}

static void remember(MatrixMemory *matrices, void *memory, size_t bytes) {
    for (int i = 0; i < SLOTS; i++)
        if (!matrices->slot[i].memory) {
            matrices->slot[i] = (Block){ memory, bytes, true };
            return;
        }
}

void *matrix_take(size_t bytes) {
    MatrixMemory *matrices = matrix_memory();
    Block *idle = find_idle(matrices, bytes);
    if (idle) {
        idle->lent = true;
        return idle->memory;
    }
    void *memory = take_new(bytes);
    if (!memory) {
        drop_idle(matrices);
        memory = take_new(bytes);
    }
    if (memory && matrices->holders > 0)
        remember(matrices, memory, bytes);
    return memory;
}

void matrix_give(void *memory) {
    MatrixMemory *matrices = matrix_memory();
    for (int i = 0; memory && i < SLOTS; i++)
        if (matrices->slot[i].memory == memory) {
            matrices->slot[i].lent = false;
            if (matrices->holders == 0)
                drop_idle(matrices);
            return;
        }
    free(memory);
}

void matrix_hold(void) {
    matrix_memory()->holders++;
}

void matrix_release(void) {
    MatrixMemory *matrices = matrix_memory();
    if (--matrices->holders == 0)
        drop_idle(matrices);
}

size_t matrix_kept(void) {
    const MatrixMemory *matrices = matrix_memory();
    size_t bytes = 0;
    for (int i = 0; i < SLOTS; i++)
        bytes += matrices->slot[i].lent ? 0 : matrices->slot[i].bytes;
    return bytes;
}
