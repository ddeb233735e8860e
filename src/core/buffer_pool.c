#include "core/buffer_pool.h"

#include "core/context.h"
#include "core/pages.h"

#include <stdbool.h>
#include <stdlib.h>

enum {
    ALIGNMENT = 64,    /* one cache line, one AVX-512 register */
    LARGE = 128 << 10, /* smaller blocks are left to malloc */
    SLOTS = 8
};

#if defined(__has_feature)
#if __has_feature(address_sanitizer) /* clang's word for it */
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

/* Instrumented builds keep nothing, so that use after free is found. */
#if defined(__SANITIZE_ADDRESS__)
static const size_t POOL_BYTES = 0;
#else
static const size_t POOL_BYTES = 64u << 20;
#endif

typedef struct Kept {
    void *block;
    size_t capacity;
} Kept;

typedef struct BufferPool {
    Kept kept[SLOTS];
    size_t bytes;
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

static void *take_kept(size_t bytes, size_t *capacity) {
    BufferPool *pool = the_pool();
    Kept *found = find_kept(pool, bytes);
    if (!found)
        return NULL;
    void *block = found->block;
    *capacity = found->capacity;
    pool->bytes -= found->capacity;
    *found = (Kept){ NULL, 0 };
    return block;
}

void *pool_take(size_t bytes, size_t *capacity) {
    bytes = bytes ? (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT : ALIGNMENT;
    void *block = bytes >= LARGE ? take_kept(bytes, capacity) : NULL;
    if (block)
        return block;
    *capacity = bytes;
    block = pages_take(bytes);
    if (!block) {
        empty_pool(the_pool());
        block = pages_take(bytes);
    }
    return block;
}

static bool keep(void *block, size_t capacity) {
    BufferPool *pool = the_pool();
    for (int i = 0; i < SLOTS && pool->bytes + capacity <= POOL_BYTES; i++)
        if (!pool->kept[i].block) {
            pool->kept[i] = (Kept){ block, capacity };
            pool->bytes += capacity;
            return true;
        }
    return false;
}

void pool_give(void *block, size_t capacity) {
    if (!block || capacity < LARGE || !keep(block, capacity))
        free(block);
}
