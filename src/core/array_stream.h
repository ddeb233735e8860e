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

/* The shape that a and b have in common by NumPy's rule: aligned at the last axis, sizes equal
 * or 1. The message names `where` and both shapes. */
bool stream_broadcast(const char *where, const Array *a, const Array *b, int *ndim,
                      size_t shape[ARRAY_MAX_DIMS], Error *err);

/* a as if it had this shape, which must be one that a broadcasts to. */
Stream stream_of(const Array *a, int ndim, const size_t *shape);

/* Elements first … first+n−1 (n ≤ STREAM_RUN) as `dtype`. int32 made from floats is truncated and
 * clamped. The pointer is good until the next read with the same scratch. */
const void *stream_read(const Stream *s, DType dtype, size_t first, size_t n,
                        StreamScratch *scratch);

/* Where to put elements first …: the array's own memory if that is contiguous and of this type,
 * else the scratch, which stream_commit then converts and scatters. */
void *stream_target(const Stream *s, DType dtype, size_t first, StreamScratch *scratch);
void stream_commit(const Stream *s, DType dtype, size_t first, size_t n, StreamScratch *scratch);

/* The type that holds both: f64 before f32 before i32. */
DType dtype_promote(DType a, DType b);

#endif
