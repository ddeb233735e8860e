#include "core/labels.h"

#include "core/fail.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b) {
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

bool labels_from(const char *where, const int32_t *y, size_t n, Labels *out, Error *err) {
    int32_t *sorted = malloc((n ? n : 1) * sizeof *sorted);
    if (!sorted)
        return error_memory(err, where, n * sizeof *sorted);
    if (n)
        memcpy(sorted, y, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare);
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        if (count == 0 || sorted[i] != sorted[count - 1])
            sorted[count++] = sorted[i];
    if (count > 0 && sorted[0] == LABEL_NONE) {
        free(sorted);
        return error_set(err, ERROR_ARGUMENT,
                         "%s: %d cannot be a label: it says that there is none", where,
                         (int)LABEL_NONE);
    }
    *out = (Labels){ sorted, count };
    return true;
}

bool labels_copy(const char *where, const Labels *source, Labels *out, Error *err) {
    return labels_from(where, source->label, source->count, out, err);
}

void labels_clear(Labels *labels) {
    free(labels->label);
    *labels = (Labels){ 0 };
}

ptrdiff_t labels_find(const Labels *labels, int32_t label) {
    size_t low = 0, high = labels->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (labels->label[middle] < label)
            low = middle + 1;
        else
            high = middle;
    }
    return low < labels->count && labels->label[low] == label ? (ptrdiff_t)low : -1;
}

bool labels_equal(const Labels *a, const Labels *b) {
    return a->count == b->count &&
           (a->count == 0 || memcmp(a->label, b->label, a->count * sizeof *a->label) == 0);
}
