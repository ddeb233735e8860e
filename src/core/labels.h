/* labels.h — class labels: the sorted set of a label vector, and positions in it. */
#ifndef PERIGEE_CORE_LABELS_H
#define PERIGEE_CORE_LABELS_H

#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The label that models give to a rejected sample. */
enum { LABEL_REJECTED = -1 };

/* Of scores that are not all numbers: no label. */
static const int32_t LABEL_NONE = INT32_MIN;

/* Sorted, without repeats; a score's column is its label's position here. Owns `label`. */
typedef struct Labels {
    int32_t *label;
    size_t count;
} Labels;

/* The set of y[0 … n−1]; an empty set for n = 0. False only without memory. */
bool labels_from(const char *where, const int32_t *y, size_t n, Labels *out, Error *err);
bool labels_copy(const char *where, const Labels *source, Labels *out, Error *err);
void labels_clear(Labels *labels);

/* The 0-based column of a label, or −1. */
ptrdiff_t labels_find(const Labels *labels, int32_t label);
bool labels_equal(const Labels *a, const Labels *b);

#endif
