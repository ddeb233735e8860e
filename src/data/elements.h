/* elements.h — numbers as files store them, turned into the types that arrays have.
 *
 * float16, bfloat16 and float32 become f32, float64 stays f64, uint8 stays u8, every other
 * integer and bool becomes i32.
 * A 32-bit unsigned or 64-bit integer that does not fit an int32 is refused rather than wrapped. */
#ifndef PERIGEE_DATA_ELEMENTS_H
#define PERIGEE_DATA_ELEMENTS_H

#include "core/source.h"
#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum ElementKind {
    ELEMENT_F16,
    ELEMENT_BF16,
    ELEMENT_F32,
    ELEMENT_F64,
    ELEMENT_BOOL,
    ELEMENT_I8,
    ELEMENT_U8,
    ELEMENT_I16,
    ELEMENT_U16,
    ELEMENT_I32,
    ELEMENT_U32,
    ELEMENT_I64,
    ELEMENT_U64
} ElementKind;

/* Bytes of one element in the file; the array type it becomes; what NumPy calls it. */
size_t element_size(ElementKind kind);
DType element_dtype(ElementKind kind);
const char *element_name(ElementKind kind);

/* Bytes that an array of this shape takes in the file; false if the product overflows. */
bool element_bytes(ElementKind kind, int ndim, const size_t *shape, size_t *bytes);

/* Elements of that shape, in the order of the file. */
typedef struct Elements {
    const char *name; /* a file's, a tensor's: starts the message */
    ElementKind kind;
    bool big_endian, fortran; /* fortran: the first index is the fastest */
    bool as_floats;           /* whatever the kind: float32 */
    size_t first;             /* elements of the whole that came before these */
    Sizes shape;
} Elements;

/* They as a new array, which is all the memory that is taken: callers make sure first that the
 * stream has bytes enough. */
Array *elements_read(const Elements *elements, ByteStream *from, Error *err);

/* The same into an array of that shape, whose type they are converted to. */
bool elements_read_into(const Elements *elements, ByteStream *from, const Array *a, Error *err);

#endif
