/* array_stream.h — an array of any layout and type, read or written as one row-major sequence.
 *
 * The operations of array_math.c and others work on short contiguous runs of one type. A Stream
 * gives them: the array's own memory where that is contiguous and of the type asked for, otherwise
 * a scratch space into which elements are gathered (broadcast axes repeated) and converted. So each
 * operation has one loop per type, whatever the layouts. */
#ifndef PERIGEE_CORE_ARRAY_STREAM_H
#define PERIGEE_CORE_ARRAY_STREAM_H

#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>

/* Elements in a run at most: two such scratch spaces of doubles stay in the L1 cache. */
enum { STREAM_RUN = 1024 };

typedef struct Stream {
    DType dtype;
    char *data;
    bool contiguous; /* element i is data[i] */
    bool constant;   /* one element, repeated */
    int ndim;        /* axes after those that run on into one another have been merged */
    size_t shape[ARRAY_MAX_DIMS];
    ptrdiff_t stride[ARRAY_MAX_DIMS];
} Stream;

/* One per stream and worker; starts with .filled = 0. */
typedef struct StreamScratch {
    size_t filled; /* elements of `converted` that hold the stream's constant already */
    _Alignas(64) char gathered[STREAM_RUN * sizeof(double)];
    _Alignas(64) char converted[STREAM_RUN * sizeof(double)];
} StreamScratch;

/* Elements first … first+n−1, n ≤ STREAM_RUN. */
typedef struct Run {
    size_t first, n;
} Run;

/* The run that starts at `first` of `total` elements. */
static inline Run run_at(size_t first, size_t total) {
    return (Run){ first, total - first < STREAM_RUN ? total - first : STREAM_RUN };
}

/* Widen `common` to the shape that it has together with a, by NumPy's rule: aligned at the last
 * axis, sizes equal or 1. False if there is none: the message names both. */
bool sizes_broadcast(const char *where, Sizes *common, const Array *a, Error *err);

/* Whether `shape` broadcasts to exactly the target. */
bool sizes_take(const Sizes *target, const Sizes *shape);

/* a as if it had this shape, which must be one that a broadcasts to. */
Stream stream_of(const Array *a, const Sizes *shape);

/* A run of elements as `dtype`. What that type does not hold gets some value (an infinity; integers
 * are truncated and clamped): stream_misfit finds it. The pointer is good until the next read with
 * the same scratch. */
const void *stream_read(const Stream *s, DType dtype, Run run, StreamScratch *scratch);

/* Where to put a run of elements of the stream's own type: the array's memory if that is
 * contiguous, else the scratch, which stream_commit then scatters. */
void *stream_target(const Stream *s, Run run, StreamScratch *scratch);
void stream_commit(const Stream *s, Run run, const StreamScratch *scratch);

/* n values of one type to another; false if the type does not hold one of them, which then gets
 * some value. */
typedef bool Conversion(const void *from, void *to, size_t n);
Conversion *conversion(DType from, DType to);

/* The first element of a that `dtype` does not hold, if there is one. */
bool stream_misfit(const Array *a, DType dtype, double *value);

#endif
