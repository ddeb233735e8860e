#include "core/memory.h"

#include "core/buffer_pool.h"
#include "core/context.h"
#include "core/fail.h"

#include <ctype.h>
#if __has_include(<malloc.h>)
#include <malloc.h>
#endif
#include <math.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/* The number behind `name` in a file of lines "name number", or alone in it where name is "". */
static double number_in(const char *path, const char *name) {
    char line[256];
    double value = INFINITY;
    size_t length = strlen(name);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        // NOLINTNEXTLINE(cert-err34-c): numbers that the kernel wrote
        if (strncmp(line, name, length) == 0 && sscanf(line + length, "%lf", &value) == 1)
            break;
    if (file)
        fclose(file);
    return value;
}

/* The container's limit less what its processes hold; files that are merely cached do not count. */
static double left_in_container(void) {
    double limit = number_in("/sys/fs/cgroup/memory.max", "");
    double held = number_in("/sys/fs/cgroup/memory.current", "");
    double cached = number_in("/sys/fs/cgroup/memory.stat", "file ");
    if (isinf(limit) || isinf(held))
        return INFINITY;
    return limit - held + (isinf(cached) ? 0 : cached);
}

static double left_to_process(void) {
    struct rlimit limit;
    double pages = number_in("/proc/self/statm", "");
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return INFINITY;
    return (double)limit.rlim_cur - (isinf(pages) ? 0 : pages) * (double)sysconf(_SC_PAGESIZE);
}

double memory_available(void) {
    double kilobytes = number_in("/proc/meminfo", "MemAvailable:");
    double left = fmin(1024 * kilobytes, fmin(left_in_container(), left_to_process()));
    return left > 0 ? left : 0;
}

static bool is_limited(int resource) {
    struct rlimit limit;
    return getrlimit(resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

bool memory_is_limited(void) {
    return is_limited(RLIMIT_AS) || is_limited(RLIMIT_DATA);
}

bool memory_would_get(double bytes) {
    if (!(bytes < 0x1p62))
        return false;
    size_t size = bytes > 1 ? (size_t)bytes : 1;
    void *block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return block != MAP_FAILED && munmap(block, size) == 0;
}

const char *memory_text(double bytes, char text[32]) {
    bool small = bytes < 999.5e6; /* what rounds to less than 1000 MB */
    snprintf(text, 32, small ? "%.0f MB" : "%.1f GB", small ? bytes / 1e6 : bytes / 1e9);
    return text;
}

bool memory_check(const char *where, double need, const char *sum, Error *err) {
    double left = memory_available();
    char need_text[32], left_text[32];
    if (need > left) {
        pool_empty();
        left = memory_available();
    }
    if (need <= left)
        return true;
    return error_set(err, ERROR_MEMORY, "%s: needs %s (%s); %s are left", where,
                     memory_text(need, need_text), sum, memory_text(left, left_text));
}

void memory_keep_freed(bool keep) {
#if defined(__GLIBC__) && defined(M_TRIM_THRESHOLD)
    static const ContextSlot slot = { .size = sizeof(int) };
    const int usual = 1 << 20;
    int *keepers = context_slot(&slot);
    *keepers += keep ? 1 : -1;
    if (*keepers != (keep ? 1 : 0))
        return;
    mallopt(M_TRIM_THRESHOLD, keep ? 256 << 20 : usual);
    if (!keep)
        malloc_trim(0);
#else
    (void)keep;
#endif
}

void memory_keep_large(void) {
#if defined(__GLIBC__) && defined(M_MMAP_THRESHOLD)
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
#endif
}

double memory_parse(const char *text) {
    static const char units[] = "bkmgt";
    char *unit;
    double bytes = strtod(text, &unit);
    while (*unit == ' ')
        unit++;
    if (unit == text || !isfinite(bytes))
        return NAN;
    if (*unit == '\0')
        return bytes;
    const char *found = strchr(units, tolower((unsigned char)*unit++));
    if (!found)
        return NAN;
    bool binary = found > units && tolower((unsigned char)*unit) == 'i';
    unit += binary;
    if (found > units && tolower((unsigned char)*unit++) != 'b')
        return NAN;
    return *unit ? NAN : bytes * pow(binary ? 1024 : 1000, (double)(found - units));
}
