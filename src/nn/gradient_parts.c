#include "nn/gradient_parts.h"

#include "core/fail.h"
#include "core/parallel.h"

#include <stdlib.h>

enum { ROWS = 16, MOST = 64 };
static const size_t ROOM = (size_t)1 << 27; /* floats */

static size_t rows_of(size_t n, size_t weights) {
    size_t pieces = 1;
    while (pieces < MOST && pieces * ROWS < n && 2 * pieces * weights <= ROOM)
        pieces *= 2;
    return (n + pieces - 1) / pieces;
}

size_t gradient_parts_of(size_t n, size_t weights) {
    return parallel_pieces(n, rows_of(n, weights));
}

bool gradient_parts_init(GradientParts *parts, size_t n, size_t weights, Error *err) {
    size_t rows = rows_of(n, weights), count = parallel_pieces(n, rows);
    size_t apart = (weights + 16) / 16 * 16; /* each starts on a cache line */
    float **vector = malloc(count * sizeof *vector);
    float *memory = aligned_alloc(64, count * apart * sizeof *memory);
    if (!vector || !memory) {
        free(vector);
        free(memory);
        return error_memory(err, "gradient", count * apart * sizeof *memory);
    }
    for (size_t p = 0; p < count; p++)
        vector[p] = memory + p * apart;
    *parts = (GradientParts){ rows, count, vector };
    return true;
}

/* The first vector's memory is that of all. */
void gradient_parts_clear(GradientParts *parts) {
    if (parts->vector)
        free(parts->vector[0]);
    free(parts->vector);
    *parts = (GradientParts){ 0 };
}
