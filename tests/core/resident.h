/* resident.h — how much memory this process holds, for tests of what keeps some. */
#ifndef PERIGEE_TESTS_RESIDENT_H
#define PERIGEE_TESTS_RESIDENT_H

#include <stdio.h>
#include <unistd.h>

static size_t resident_bytes(void) {
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*u %zu", &pages), 1); // NOLINT(cert-err34-c)
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

#endif
