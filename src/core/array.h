/* array.h — n-dimensional arrays: storage, shape, views.
 *
 * An Array is a small header (type, shape, strides) over a reference-counted Buffer. Slices, rows,
 * reshapes and transposes are further headers over the same buffer: they see each other's writes
 * and the buffer lives until its last header is freed. Elements are row-major where an array is
 * contiguous; strides count elements, not bytes, and may be 0 (broadcast) or negative.
 * Whoever makes a header read-only keeps no other one that is written: its numbers stay what they
 * are, and may be shared instead of copied.
 * Headers and buffers belong to the main thread: worker threads get plain pointers.
 * What takes an array as a whole is in array_values.h, its types in array_types.h; the operations
 * are in array_math.h, array_reduce.h, array_index.h, array_sort.h, array_create.h, array_shape.h,
 * array_compare.h and array_linalg.h. */
#ifndef PERIGEE_CORE_ARRAY_H
#define PERIGEE_CORE_ARRAY_H

#include "core/array_types.h"
#include "core/array_values.h"

typedef struct Buffer Buffer;

/* Where a tape that records has an array's value (grad/tape.h). All zero: nowhere; so views and
 * copies start. */
typedef struct ArrayTrace {
    uint32_t tape, place;
} ArrayTrace;

/* Packed, since a result of many samples has several headers for each. */
struct Array {
    DType dtype : 8;
    Origin origin : 8;  /* array_types.h */
    bool read_only : 1; /* nothing is written through it, nor through views taken from it */
    int ndim;           /* 0 is a scalar with one element */
    uint32_t version;   /* of the buffer when this header was made: array_was_written */
    ArrayTrace trace;
    size_t shape[ARRAY_MAX_DIMS];
    ptrdiff_t stride[ARRAY_MAX_DIMS]; /* in elements */
    void *data;                       /* the element at index (0, …, 0) */
    Buffer *buffer;
};

/* A new zeroed, contiguous array, its data 64-byte aligned. Fails on a size that overflows or that
 * memory does not hold. `where` names the user's function in the message. */
Array *array_new(const char *where, DType dtype, const Sizes *shape, Error *err);

/* The same without the zeros, for a caller that writes every element. */
Array *array_uninitialised(const char *where, DType dtype, const Sizes *shape, Error *err);

/* Another header equal to *layout: an array, or a copy of its header on the stack whose shape,
 * strides and data were changed within its buffer. It retains the buffer. The view of a mask is a
 * mask, that of a read-only array read-only. NULL only on lack of memory. */
Array *array_view(const Array *layout, Error *err);

Sizes array_sizes(const Array *a);
Sizes sizes_of(int ndim, const size_t *size); /* more than ARRAY_MAX_DIMS: array_new will refuse */
size_t sizes_product(const Sizes *shape);     /* of what is known not to overflow */

/* Give a header on the stack this shape, row-major from its data on. */
void array_set_shape(Array *a, const Sizes *shape);

bool array_is_contiguous(const Array *a);
bool array_is_sole(const Array *a);        /* no other header shares the buffer */
size_t array_buffer_bytes(const Array *a); /* of the whole buffer */
bool array_is_plain(const Array *a);       /* a number or table of Lua, not an array */

/* From now on nobody writes into its buffer, through whatever header: for a caller who made it and
 * hands out headers that are read-only alone. A header that is read-only says that only of itself.
 */
void array_freeze(Array *a);
bool array_is_frozen(const Array *a);
bool array_same_shape(const Array *a, const Array *b);

/* The type in which these are computed together: the rule of array_types.h. */
DType array_common_dtype(const Array *const *operands, size_t count);

/* The same where their elements are only chosen or joined. */
DType array_chosen_dtype(const Array *const *operands, size_t count);

/* Whether all of them are masks: then what only chooses among them gives a mask. */
bool array_masks(const Array *const *operands, size_t count);

/* May it be written? Whatever writes into an array that it was given asks this first. With a yes
 * every header of the buffer, the views of it too, counts as written. */
bool array_writable(const char *where, const Array *a, Error *err);

/* Has anybody asked, with a yes, since this header was made? */
bool array_was_written(const Array *a);

/* One element as a double, by its 0-based index of a->ndim numbers; and writing one: false, with
 * nothing written, if the array's type does not hold it (see dtype_refuse). */
double array_get(const Array *a, const size_t *index);
bool array_put(Array *a, const size_t *index, double value);

#endif
