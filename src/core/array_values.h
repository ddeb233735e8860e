/* array_values.h — an array's numbers, for code that need not know how they lie in memory. */
#ifndef PERIGEE_CORE_ARRAY_VALUES_H
#define PERIGEE_CORE_ARRAY_VALUES_H

#include "core/types.h"

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

/* A new zeroed array of one or two dimensions (see array_new in array.h). */
Array *array_new1(const char *where, DType dtype, size_t n, Error *err);
Array *array_new2(const char *where, DType dtype, size_t rows, size_t cols, Error *err);

/* A second header equal to a (what a retained reference is here). */
Array *array_share(const Array *a, Error *err);

/* The same, read-only: what an object hands out of its own. */
Array *array_share_read_only(const Array *a, Error *err);

/* Rows first … first+count−1 of the first axis as a view (0-based). */
Array *array_rows(const Array *a, size_t first, size_t count, Error *err);

/* Free this header, and the buffer with its last header. NULL is fine. */
void array_free(Array *a);

/* Number of elements; bytes of the elements; shape[0], and the product of shape[1 …]: how many rows
 * it has, and how wide they are. */
size_t array_size(const Array *a);
size_t array_bytes(const Array *a);
size_t array_length(const Array *a);
size_t array_row_size(const Array *a);

/* a as a contiguous array of `dtype`: a shared header if it is one already, else a converted copy.
 * Not a mask, and of a cast (array_types.h) what the type does not hold is an error. */
Array *array_contiguous(const char *where, const Array *a, DType dtype, Error *err);

/* A contiguous copy of the same type, never shared; of a mask a mask. */
Array *array_copy(const char *where, const Array *a, Error *err);

/* Row-major pointers of a contiguous array; asserts the type. */
float *array_f32(const Array *a);
double *array_f64(const Array *a);
int32_t *array_i32(const Array *a);
uint8_t *array_u8(const Array *a);

/* None of a contiguous array's numbers is NaN or infinite; `what` names it: "svm.from: alpha". */
bool array_check_finite(const char *what, const Array *a, Error *err);

/* "(60000, 784)" into text, for messages; returns text. */
char *array_shape_text(int ndim, const size_t *shape, char text[128]);

/* "28x28" into `room` bytes of text; how many characters. */
size_t shape_words(const Sizes *shape, size_t room, char *text);

#endif
