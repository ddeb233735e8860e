#include "svm/matrix_memory.h"

#include "core/context.h"
#include "core/pages.h"

#include <stdbool.h>
#include <stdlib.h>

enum { SLOTS = 4 };

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
    void *memory = pages_take(bytes);
    if (!memory) {
        drop_idle(matrices);
        memory = pages_take(bytes);
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
