#include "core/buffer_pool.h"

#include <stdlib.h>
#include <sys/mman.h>

enum {
    ALIGNMENT = 64, /* one cache line, one AVX-512 register */
    HUGE_PAGE = 2 << 20,
    LARGE = 128 << 10, /* smaller blocks are malloc's business */
    SLOTS = 8
};

/* Instrumented builds keep nothing, so that use after free is found. */
#if defined(__SANITIZE_ADDRESS__)
static const size_t POOL_BYTES = 0;
#else
static const size_t POOL_BYTES = 64u << 20;
#endif

static struct Kept {
    void *block;
    size_t capacity;
} kept[SLOTS];
static size_t kept_bytes;

static void empty_pool(void) {
    for (int i = 0; i < SLOTS; i++) {
        free(kept[i].block);
        kept[i] = (struct Kept){ NULL, 0 };
    }
    kept_bytes = 0;
}

/* The smallest kept block that holds `bytes` without wasting more than a quarter; or NULL. */
static struct Kept *find_kept(size_t bytes) {
    struct Kept *best = NULL;
    for (int i = 0; i < SLOTS; i++)
        if (kept[i].capacity >= bytes && kept[i].capacity / 4 * 3 <= bytes &&
            (!best || kept[i].capacity < best->capacity))
            best = &kept[i];
    return best;
}

/* Blocks of several megabytes ask for huge pages, of which a few faults bring all. */
static void *take_new(size_t bytes) {
    if (bytes < 2 * HUGE_PAGE)
        return aligned_alloc(ALIGNMENT, bytes);
    void *block = aligned_alloc(HUGE_PAGE, (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE);
#ifdef MADV_HUGEPAGE
    if (block)
        madvise(block, bytes, MADV_HUGEPAGE);
#endif
    return block;
}

void *pool_take(size_t bytes, size_t *capacity) {
    bytes = bytes ? (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT : ALIGNMENT;
    struct Kept *found = bytes >= LARGE ? find_kept(bytes) : NULL;
    if (found) {
        void *block = found->block;
        *capacity = found->capacity;
        kept_bytes -= found->capacity;
        *found = (struct Kept){ NULL, 0 };
        return block;
    }
    *capacity = bytes;
    void *block = take_new(bytes);
    if (!block && kept_bytes) {
        empty_pool();
        block = take_new(bytes);
    }
    return block;
}

void pool_give(void *block, size_t capacity) {
    struct Kept *slot = NULL;
    for (int i = 0; i < SLOTS && !slot; i++)
        slot = kept[i].block ? NULL : &kept[i];
    if (!block || capacity < LARGE || !slot || kept_bytes + capacity > POOL_BYTES) {
        free(block);
        return;
    }
    *slot = (struct Kept){ block, capacity };
    kept_bytes += capacity;
}
