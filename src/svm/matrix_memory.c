#include "svm/matrix_memory.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { HUGE_PAGE = 2 << 20, SLOTS = 4 };

/* Blocks taken while somebody holds; `lent` ones are in use. A block without a slot is freed when
 * it is given back. */
static struct Block {
    void *memory;
    size_t bytes;
    bool lent;
} slot[SLOTS];
static int holders;

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

static void drop_idle(void) {
    for (int i = 0; i < SLOTS; i++) {
        if (slot[i].lent)
            continue;
        free(slot[i].memory);
        slot[i] = (struct Block){ 0 };
    }
}

/* An idle block that holds `bytes` and is not more than twice as large. */
static struct Block *find_idle(size_t bytes) {
    for (int i = 0; i < SLOTS; i++)
        if (slot[i].memory && !slot[i].lent && slot[i].bytes >= bytes && slot[i].bytes / 2 <= bytes)
            return &slot[i];
    return NULL;
}

static void remember(void *memory, size_t bytes) {
    for (int i = 0; i < SLOTS; i++)
        if (!slot[i].memory) {
            slot[i] = (struct Block){ memory, bytes, true };
            return;
        }
}

void *matrix_take(size_t bytes) {
    struct Block *idle = find_idle(bytes);
    if (idle) {
        idle->lent = true;
        return idle->memory;
    }
    void *memory = take_new(bytes);
    if (!memory) {
        drop_idle();
        memory = take_new(bytes);
    }
    if (memory && holders > 0)
        remember(memory, bytes);
    return memory;
}

void matrix_give(void *memory) {
    for (int i = 0; memory && i < SLOTS; i++)
        if (slot[i].memory == memory) {
            slot[i].lent = false;
            if (holders == 0)
                drop_idle();
            return;
        }
    free(memory);
}

void matrix_hold(void) {
    holders++;
}

void matrix_release(void) {
    if (--holders == 0)
        drop_idle();
}

size_t matrix_kept(void) {
    size_t bytes = 0;
    for (int i = 0; i < SLOTS; i++)
        bytes += slot[i].lent ? 0 : slot[i].bytes;
    return bytes;
}
