#include "core/pages.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { ALIGNMENT = 64, HUGE_PAGE = 2 << 20 };

void *pages_take(size_t bytes) {
    size_t page = bytes < 2 * (size_t)HUGE_PAGE ? ALIGNMENT : HUGE_PAGE;
    if (bytes > SIZE_MAX - page)
        return NULL;
    size_t whole = (bytes ? bytes + page - 1 : page) / page * page;
    void *block = aligned_alloc(page, whole);
#ifdef MADV_HUGEPAGE
    if (block && page == HUGE_PAGE)
        madvise(block, whole, MADV_HUGEPAGE);
#endif
    return block;
}
