#include "guard.h"

#include "fuzz.h"

#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    PAGE = 4096,
    MOST_SLOTS = 16384,
    RESTING = 64, /* so many freed ones wait before the first of them is used again */
    SMALL = 128,  /* of these, one in EVERY is looked after: most are nodes of JSON */
    EVERY = 5,
    FRESH = 0xbe,
    FREED = 0xfe,
    SLACK = 0xa5
};
static const size_t most_at_once = (size_t)256 << 20, most_in_all = (size_t)1 << 30;

typedef struct Slot {
    size_t size, align;
    bool used;
} Slot;

/* Memory in slots of one size, each with a page behind it; those that are free stand in a ring. */
typedef struct Room {
    size_t size, count, fresh;
    unsigned char *memory;
    Slot slot[MOST_SLOTS];
    unsigned ring[MOST_SLOTS];
    size_t first, waiting;
} Room;

static Room rooms[] = { { .size = PAGE, .count = MOST_SLOTS },
                        { .size = 16 * PAGE, .count = 2048 },
                        { .size = 512 * PAGE, .count = 64 } };
enum { ROOMS = sizeof rooms / sizeof *rooms };

bool guard_on;
static size_t blocks, bytes;
static bool locked;

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static void hold(void) {
    while (__atomic_test_and_set(&locked, __ATOMIC_ACQUIRE))
        continue;
}

static void let_go(void) {
    __atomic_clear(&locked, __ATOMIC_RELEASE);
}

size_t guard_blocks(void) {
    return __atomic_load_n(&blocks, __ATOMIC_RELAXED);
}

static void fail(const char *what) {
    guard_on = false;
    ssize_t written = write(2, what, strlen(what));
    (void)written;
    abort();
}

static size_t apart(const Room *room) {
    return room->size + PAGE;
}

unsigned char *guard_area(size_t size) {
    size_t whole = (size + PAGE - 1) / PAGE * PAGE;
    unsigned char *area = mmap(NULL, whole + PAGE, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (area == MAP_FAILED || mprotect(area + whole, PAGE, PROT_NONE) != 0)
        return NULL;
    return area + whole - size;
}

static void open_room(Room *room) {
    room->memory = mmap(NULL, room->count * apart(room), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room->memory == MAP_FAILED)
        fail("guard: no address space\n");
}

static size_t fresh_slot(Room *room) {
    size_t i = room->fresh++;
    if (mprotect(room->memory + i * apart(room) + room->size, PAGE, PROT_NONE) != 0)
        fail("guard: too many mappings\n");
    return i;
}

/* Where the block in that slot begins. */
static unsigned char *block_in(const Room *room, size_t i) {
    const Slot *slot = &room->slot[i];
    size_t taken = (slot->size + slot->align - 1) / slot->align * slot->align;
    return room->memory + i * apart(room) + room->size - taken;
}

static size_t slack(const Slot *slot) {
    return (slot->align - slot->size % slot->align) % slot->align;
}

/* Odd bytes: of large blocks only at both ends. */
static void fill(unsigned char *at, size_t size, int byte) {
    if (size <= 2 * PAGE) {
        memset(at, byte, size);
        return;
    }
    memset(at, byte, PAGE);
    memset(at + size - PAGE, byte, PAGE);
}

static bool is_full_of(const unsigned char *at, size_t size, unsigned char byte) {
    return size == 0 || (at[0] == byte && memcmp(at, at + 1, size - 1) == 0);
}

static Room *room_for(size_t size, size_t align) {
    for (Room *room = rooms; room < rooms + ROOMS; room++)
        if (size + align <= room->size)
            return room;
    return NULL;
}

/* A slot to be used, with the lock held; −1: all are. */
static ptrdiff_t take_slot(Room *room) {
    size_t resting = room->count / 4 < RESTING ? room->count / 4 : RESTING;
    if (!room->memory)
        open_room(room);
    if (room->fresh < room->count && room->waiting <= resting)
        return (ptrdiff_t)fresh_slot(room);
    if (room->waiting == 0)
        return -1;
    size_t i = room->ring[room->first];
    room->first = (room->first + 1) % room->count;
    room->waiting--;
    const Slot *slot = &room->slot[i];
    size_t seen = slot->size < PAGE ? slot->size : PAGE;
    if (!is_full_of(block_in(room, i), seen, FREED))
        fail("guard: freed memory has been written to\n");
    return (ptrdiff_t)i;
}

static void *take(size_t size, size_t align) {
    Room *room = room_for(size, align);
    if (!room)
        return NULL;
    hold();
    ptrdiff_t i = take_slot(room);
    if (i >= 0)
        room->slot[i] = (Slot){ size, align, true };
    let_go();
    if (i < 0)
        return NULL;
    unsigned char *block = block_in(room, (size_t)i);
    memset(block + size, SLACK, slack(&room->slot[i]));
    fill(block, size, FRESH);
    return block;
}

static Room *room_of(const void *block) {
    const unsigned char *at = block;
    for (Room *room = rooms; room < rooms + ROOMS; room++)
        if (room->memory && at >= room->memory && at < room->memory + room->count * apart(room))
            return room;
    return NULL;
}

/* The slot of a block that is in use. */
static size_t slot_of(const Room *room, const void *block) {
    size_t i = (size_t)((const unsigned char *)block - room->memory) / apart(room);
    if (!room->slot[i].used)
        fail("guard: freed twice\n");
    if (block_in(room, i) != block)
        fail("guard: freed what is no beginning of a block\n");
    return i;
}

static void give_back(Room *room, void *block) {
    size_t i = slot_of(room, block);
    Slot *slot = &room->slot[i];
    if (!is_full_of((unsigned char *)block + slot->size, slack(slot), SLACK) ||
        (slack(slot) > 0 && ((unsigned char *)block)[slot->size] != SLACK))
        fail("guard: written behind the end of a block\n");
    fill(block, slot->size, FREED);
    hold();
    slot->used = false;
    room->ring[(room->first + room->waiting++) % room->count] = (unsigned)i;
    let_go();
}

/* What was asked for, or more of it. */
static size_t size_of(void *block) {
    const Room *room = room_of(block);
    return room ? room->slot[slot_of(room, block)].size : malloc_usable_size(block);
}

static void count_in(void *block) {
    if (!block)
        return;
    __atomic_add_fetch(&blocks, 1, __ATOMIC_RELAXED);
    if (__atomic_add_fetch(&bytes, size_of(block), __ATOMIC_RELAXED) > most_in_all && guard_on)
        fail("guard: more than a gigabyte in use\n");
}

static void count_out(void *block) {
    __atomic_sub_fetch(&blocks, 1, __ATOMIC_RELAXED);
    __atomic_sub_fetch(&bytes, size_of(block), __ATOMIC_RELAXED);
}

static bool is_guarded(size_t size) {
    if (!guard_on || fuzz_unguarded)
        return false;
    if (size > most_at_once)
        fail("guard: one allocation of more than 256 MB\n");
    static unsigned small;
    return size > SMALL || ++small % EVERY == 0;
}

/* ---- In the place of the C library's ----------------------------------------------------------
 */

void *malloc(size_t size) {
    void *block = is_guarded(size) ? take(size, 16) : NULL;
    if (!block)
        block = __libc_malloc(size);
    count_in(block);
    return block;
}

void *calloc(size_t count, size_t size) {
    size_t whole;
    void *block = NULL;
    if (!__builtin_mul_overflow(count, size, &whole) && is_guarded(whole))
        block = take(whole, 16);
    if (block)
        memset(block, 0, whole);
    else
        block = __libc_calloc(count, size);
    count_in(block);
    return block;
}

void free(void *block) {
    if (!block)
        return;
    int before = errno;
    Room *room = room_of(block);
    count_out(block);
    if (room)
        give_back(room, block);
    else
        __libc_free(block);
    errno = before;
}

void *realloc(void *block, size_t size) {
    if (!block)
        return malloc(size);
    if (!room_of(block) && !is_guarded(size)) {
        count_out(block);
        void *moved = __libc_realloc(block, size);
        count_in(moved ? moved : block);
        return moved;
    }
    size_t before = size_of(block);
    void *moved = malloc(size);
    if (!moved)
        return NULL;
    memcpy(moved, block, before < size ? before : size);
    free(block);
    return moved;
}

void *memalign(size_t align, size_t size) {
    void *block = is_guarded(size) ? take(size, align < 16 ? 16 : align) : NULL;
    if (!block)
        block = __libc_memalign(align, size);
    count_in(block);
    return block;
}

void *aligned_alloc(size_t align, size_t size) {
    return memalign(align, size);
}

int posix_memalign(void **out, size_t align, size_t size) {
    void *block = memalign(align, size);
    if (!block)
        return ENOMEM;
    *out = block;
    return 0;
}
