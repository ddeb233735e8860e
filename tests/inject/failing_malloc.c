/* failing_malloc.c — memory that runs out at a chosen request: for LD_PRELOAD, on Linux with glibc.
 *
 *     FAIL_AT=N        the N-th request fails; without it they are only counted
 *     FAIL_COUNT=K     and the K − 1 after it (1): Lua collects its garbage and asks once more
 *     FAIL_LUA=0       Lua's own requests do not count
 *     FAIL_REPORT=PATH at the end the number of requests goes there
 *     FAIL_TRACE=1     who made the requests that failed goes to stderr
 *     FAIL_EACH=FROM-TO  each of these fails in a child of its own (every_request.h)
 *
 * A script can choose for itself: fail(n, k) starts counting anew, and answers how many requests
 * there were since the last time.
 *
 *     local fail = package.loadlib(os.getenv "LD_PRELOAD", "failing_malloc")
 *
 * What counts is asked for by the program itself, cJSON, libzip, zlib and Lua, told by the address
 * that a call returns to. OpenBLAS, libsvm, readline and the C library have ways of their own to
 * end when there is no memory. */
#include "every_request.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

typedef struct Range {
    uintptr_t first, last;
} Range;

enum { RANGES = 64 };
static Range range[RANGES];
static int ranges;
static atomic_ulong requests, fail_at, fail_count = 1;
static bool trace;
static FILE *(*next_fdopen)(int, const char *);

/* ---- Whose requests count -------------------------------------------------------------------- */

static bool counts(const char *name) {
    static const char *const libraries[] = { "libcjson", "libzip", "libz.so", "liblua" };
    const char *lua = getenv("FAIL_LUA");
    size_t count = lua && *lua == '0' ? 3 : 4;
    if (!*name)
        return true;
    for (size_t i = 0; i < count; i++)
        if (strstr(name, libraries[i]))
            return true;
    return false;
}

static int add_ranges(struct dl_phdr_info *info, size_t size, void *context) {
    (void)size;
    (void)context;
    for (int i = 0; counts(info->dlpi_name) && i < info->dlpi_phnum && ranges < RANGES; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        uintptr_t first = info->dlpi_addr + part->p_vaddr;
        if (part->p_type == PT_LOAD && part->p_flags & PF_X)
            range[ranges++] = (Range){ first, first + part->p_memsz };
    }
    return 0;
}

static unsigned long number(const char *name, unsigned long otherwise) {
    const char *text = getenv(name);
    return text ? strtoul(text, NULL, 10) : otherwise;
}

__attribute__((constructor)) static void set_up(void) {
    void *frame[1];
    fail_at = number("FAIL_AT", 0);
    fail_count = number("FAIL_COUNT", 1);
    trace = number("FAIL_TRACE", 0);
    if (trace)
        backtrace(frame, 1); /* it asks for memory, once */
    *(void **)&next_fdopen = dlsym(RTLD_NEXT, "fdopen");
    if (strcmp(program_invocation_short_name, "perigee") != 0)
        return; /* its children have memory */
    every_request_set_up();
    dl_iterate_phdr(add_ranges, NULL);
}

__attribute__((destructor)) static void report(void) {
    const char *path = getenv("FAIL_REPORT");
    int fd = path && ranges ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : -1;
    if (fd >= 0) {
        dprintf(fd, "%lu\n", atomic_load(&requests));
        close(fd);
    }
}

int failing_malloc(lua_State *L);
int failing_malloc(lua_State *L) {
    unsigned long at = (unsigned long)luaL_optinteger(L, 1, 0);
    atomic_store(&fail_count, (unsigned long)luaL_optinteger(L, 2, 1));
    lua_pushinteger(L, (lua_Integer)atomic_exchange(&requests, 0));
    atomic_store(&fail_at, at);
    return 1;
}

/* ---- The requests ---------------------------------------------------------------------------- */

/* In a child that was made for this request it is the first that fails. */
static bool is_tried(unsigned long request) {
    if (!every_request_is_on() || !every_request_fails(request))
        return false;
    atomic_store(&fail_at, request);
    return true;
}

static bool fails(const void *caller) {
    uintptr_t at = (uintptr_t)caller;
    bool counted = false;
    for (int i = 0; i < ranges && !counted; i++)
        counted = at >= range[i].first && at < range[i].last;
    if (!counted)
        return false;
    unsigned long request = atomic_fetch_add(&requests, 1) + 1;
    if (is_tried(request)) {
        errno = ENOMEM;
        return true;
    }
    unsigned long first = atomic_load(&fail_at);
    if (first == 0 || request < first || request >= first + atomic_load(&fail_count))
        return false;
    if (trace) {
        void *frame[32];
        backtrace_symbols_fd(frame, backtrace(frame, 32), STDERR_FILENO);
        (void)!write(STDERR_FILENO, "\n", 1);
    }
    errno = ENOMEM;
    return true;
}

#define FAILS() fails(__builtin_return_address(0))

void *malloc(size_t size) {
    return FAILS() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    return FAILS() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *block, size_t size) {
    return FAILS() ? NULL : __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    return FAILS() ? NULL : __libc_memalign(alignment, size);
}

/* The C library's own callers of malloc, called by ours. */

static char *copy(const char *text, size_t length) {
    char *block = __libc_malloc(length + 1);
    if (block) {
        memcpy(block, text, length);
        block[length] = '\0';
    }
    return block;
}

char *strdup(const char *text) {
    return FAILS() ? NULL : copy(text, strlen(text));
}

char *strndup(const char *text, size_t most) {
    return FAILS() ? NULL : copy(text, strnlen(text, most));
}

FILE *fdopen(int fd, const char *mode) {
    return FAILS() ? NULL : next_fdopen(fd, mode);
}
