#include "core/buffer_pool.h"

#include "core/context.h"
#include "core/pages.h"
#include "core/sanitizer.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum {
    ALIGNMENT = 64,    /* one cache line, one AVX-512 register */
    LARGE = 128 << 10, /* smaller blocks are left to malloc */
    SLOTS = 16
};

/* Instrumented builds keep nothing, so that use after free is found. */
#if defined(__SANITIZE_ADDRESS__)
static const size_t POOL_BYTES = 0;
#else
static const size_t POOL_BYTES = 128u << 20;
#endif

typedef struct Kept {
    void *block;
    size_t capacity;
    uint64_t given; /* when, by the pool's count */
} Kept;

typedef struct BufferPool {
    Kept kept[SLOTS];
    size_t bytes;
    uint64_t gifts;
} BufferPool;

static void empty_pool(void *state) {
    BufferPool *pool = state;
    for (int i = 0; i < SLOTS; i++)
        free(pool->kept[i].block);
    *pool = (BufferPool){ .bytes = 0 };
}

static BufferPool *the_pool(void) {
    static const ContextSlot slot = { .size = sizeof(BufferPool), .destroy = empty_pool };
    return context_slot(&slot);
}

/* The smallest kept block that holds `bytes` without wasting more than a quarter; or NULL. */
static Kept *find_kept(BufferPool *pool, size_t bytes) {
    Kept *best = NULL;
    for (Kept *kept = pool->kept; kept < pool->kept + SLOTS; kept++)
        if (kept->capacity >= bytes && kept->capacity / 4 * 3 <= bytes &&
            (!best || kept->capacity < best->capacity))
            best = kept;
    return best;
}

/* The block without an owner. */
static void *leave(BufferPool *pool, Kept *kept) {
    void *block = kept->block;
    pool->bytes -= kept->capacity;
    *kept = (Kept){ NULL };
    return block;
}

static void *take_kept(size_t bytes, size_t *capacity) {
    BufferPool *pool = the_pool();
    Kept *found = find_kept(pool, bytes);
    if (!found)
        return NULL;
    *capacity = found->capacity;
    return leave(pool, found);
}

void pool_empty(void) {
    empty_pool(the_pool());
}

void *pool_take(size_t bytes, size_t *capacity) {
    bytes = bytes ? (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT : ALIGNMENT;
    void *block = bytes >= LARGE ? take_kept(bytes, capacity) : NULL;
    if (block)
        return block;
    *capacity = bytes;
    block = pages_take(bytes);
    if (!block) {
        pool_empty();
        block = pages_take(bytes);
    }
    return block;
}

static Kept *free_slot(BufferPool *pool) {
    for (Kept *kept = pool->kept; kept < pool->kept + SLOTS; kept++)
        if (!kept->block)
            return kept;
    return NULL;
}

/* The block that nobody has wanted for longest; there is one. */
static Kept *oldest(BufferPool *pool) {
    Kept *found = NULL;
    for (Kept *kept = pool->kept; kept < pool->kept + SLOTS; kept++)
        if (kept->block && (!found || kept->given < found->given))
            found = kept;
    return found;
}

/* In the place of what has waited for longest: sizes change, as when an attack's samples end one
 * after the other, and what fits none of them would keep all others out. */
static bool keep(void *block, size_t capacity) {
    BufferPool *pool = the_pool();
    if (capacity > POOL_BYTES)
        return false;
    while (!free_slot(pool) || pool->bytes + capacity > POOL_BYTES)
        free(leave(pool, oldest(pool)));
    *free_slot(pool) = (Kept){ block, capacity, pool->gifts++ };
    pool->bytes += capacity;
    return true;
}

void pool_give(void *block, size_t capacity) {
    if (!block || capacity < LARGE || !keep(block, capacity))
        free(block);
}
